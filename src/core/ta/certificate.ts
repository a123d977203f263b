/** The self-signed certificate of a trust anchor and its locator (RFC 6487, RFC 8630). The key never changes: relying parties hold it in the TAL. */
import { AppError } from '../base/errors.js'
import { addSeconds, type Instant, instantOf } from '../base/time.js'
import type { PublishedObject } from '../issuing/point.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { dueBefore } from '../issuing/signed-at.js'
import { randomSerial, refuse, serialText } from '../issuing/signing.js'
import { contentDigest, spkiOf } from '../issuing/stored.js'
import { ALL_RESOURCES } from '../resources/resource-set.js'
import { encodeTal } from '../rpki/tal.js'
import { signCertificate } from '../rpki/x509/certificate.js'
import { checkCertificateContent } from '../rpki/x509/certificate-profile.js'
import { certificateResources } from '../rpki/x509/encode-resources.js'
import type { CertificateContent } from '../rpki/x509/types.js'
import { type TaState, taIssuer } from './state.js'

/** Renewed with less than this left (seconds): half a year, so that a machine that is forgotten for months causes no outage. */
const RENEW_BEFORE = 26 * 7 * 86400

/** Returns true if the self-signed certificate has to be renewed now. */
export function certificateDue(state: TaState, ports: Pick<IssuingPorts, 'clock'>): boolean {
  return state.certificate !== null && ports.clock.now() >= certificateDueAt(state)
}

/** Returns when the self-signed certificate is renewed. */
export function certificateDueAt(state: TaState): Instant {
  return state.certificate === null ? instantOf(0) : dueBefore(state.certificate.notAfter, RENEW_BEFORE)
}

/** Signs the self-signed certificate over all resources. */
export async function issueTaCertificate(state: TaState, ports: IssuingPorts): Promise<PublishedObject> {
  const { key, place } = state
  if (key === null || place === null) throw new TypeError('a certificate needs a key and a place')
  const now = ports.clock.now()
  const issuer = taIssuer(key, place, state.point)
  const serial = randomSerial(ports.random)
  const notBefore = addSeconds(now, -300)
  const notAfter = addSeconds(now, ports.timing.taValidSeconds)
  const content: CertificateContent = {
    kind: 'ta',
    serial,
    issuer: key.ski,
    subject: key.ski,
    notBefore,
    notAfter,
    spki: issuer.spki,
    sia: { kind: 'ca', caRepository: issuer.base, manifest: `${issuer.base}${key.ski}.mft`, notify: place.notify },
    resources: certificateResources(ALL_RESOURCES),
  }
  refuse('ta.cer', checkCertificateContent(content))
  const bytes = await signCertificate(content, (tbs) => ports.signer.sign(key.ski, tbs))
  refuse('ta.cer', ports.review('ta.cer', bytes, issuer.spki))
  return {
    sha256: ports.objects.put(bytes, notBefore),
    size: bytes.length,
    serial: serialText(serial),
    notAfter,
    content: contentDigest(content.sia),
  }
}

/** Returns the trust anchor locator (RFC 8630). Throws `ta-unknown` before `ta init`. */
export function taLocator(state: TaState): string {
  if (state.key === null || state.place === null)
    throw new AppError('rejected', 'ta-unknown', `there is no trust anchor ${state.handle}`, {
      hint: 'brine ta init makes one',
    })
  return encodeTal({ comments: [], uris: state.place.uris, spki: spkiOf(state.key.spki) })
}
