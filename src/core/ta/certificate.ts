/** The self-signed certificate of a trust anchor (RFC 6487). The key never changes: relying parties have it in the TAL. */
import { addSeconds, earlier } from '../base/time.js'
import { type DueTimes, dueAt, endOfValidity, isDue, pointDueTimes } from '../issuing/due.js'
import type { PublishedObject } from '../issuing/point.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { randomSerial, refuse, serialText } from '../issuing/signing.js'
import { contentDigest } from '../issuing/stored.js'
import type { Timing } from '../issuing/timing.js'
import { ALL_RESOURCES } from '../resources/resource-set.js'
import { fileName, OBJECT_KINDS } from '../rpki/object-kinds.js'
import type { CertificateContent } from '../rpki/x509/types.js'
import { type TaState, taIssuer } from './state.js'

/** Returns true if the self-signed certificate is due for renewal. */
export function certificateDue(state: TaState, ports: Pick<IssuingPorts, 'clock' | 'timing'>): boolean {
  return state.certificate !== null && isDue('ta', state.certificate.notAfter, ports)
}

/** Returns when this trust anchor must next issue something, and when its manifest goes stale; null when it publishes nothing. */
export function taDueTimes(state: TaState, timing: Timing): DueTimes | null {
  const times = pointDueTimes(state.point, timing)
  if (times === null || state.certificate === null) return times
  return { ...times, due: earlier(times.due, dueAt('ta', state.certificate.notAfter, timing)) }
}

/** Signs the self-signed certificate over all resources. */
export async function issueTaCertificate(state: TaState, ports: IssuingPorts): Promise<PublishedObject> {
  const { key, place } = state
  if (key === null || place === null) throw new TypeError('a certificate needs a key and a place')
  const { encode, profile, resources } = await OBJECT_KINDS.ta.codec()
  const issuer = taIssuer(key, place, state.point)
  const serial = randomSerial(ports.random)
  const notBefore = addSeconds(ports.clock.now(), -300)
  const notAfter = endOfValidity('ta', ports)
  const content: CertificateContent = {
    kind: 'ta',
    serial,
    issuer: key.ski,
    subject: key.ski,
    notBefore,
    notAfter,
    spki: issuer.spki,
    sia: {
      kind: 'ca',
      caRepository: issuer.base,
      manifest: `${issuer.base}${fileName('mft', key.ski)}`,
      notify: place.notify,
    },
    resources: resources(ALL_RESOURCES),
  }
  refuse('ta.cer', profile(content))
  const bytes = await encode(content, (tbs) => ports.signer.sign(key.ski, tbs))
  refuse('ta.cer', await ports.review('ta.cer', bytes, issuer.spki))
  return {
    sha256: ports.objects.put(bytes, notBefore),
    size: bytes.length,
    serial: serialText(serial),
    notAfter,
    content: contentDigest(content.sia),
  }
}
