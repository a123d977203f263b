/** Acceptance of a certificate that a parent sends: it is one for a key of ours, under the certificate of the issuer that the parent names. */
import { equalBytes } from '../../../base/bytes.js'
import { addSeconds, type Instant } from '../../../base/time.js'
import type { ClassKey } from '../../../ca/state/state.js'
import { spkiOf } from '../../../issuing/stored.js'
import type { ProvisioningCertificate, ProvisioningClass } from '../../../protocols/provisioning/types.js'
import { toResourceText } from '../../../resources/resource-set.js'
import type { ResourceText } from '../../../resources/types.js'
import { chosenSubject } from '../../../rpki/x509/chosen-subject.js'
import { decodeCertificate } from '../../../rpki/x509/decode-certificate.js'
import { listedResources } from '../../../rpki/x509/listed-resources.js'
import type { DecodedCertificate } from '../../../rpki/x509/types.js'
import { verifyRsa } from '../../../rpki/x509/verify-rsa.js'
import { invalidAnswer } from '../client/parent-messages.js'

/** Longest time by which the clock of a parent may be ahead. */
const AHEAD_SECONDS = 600

/** A certificate for a key of ours, verified, with its octets. */
export interface AcceptedCertificate {
  readonly ski: ClassKey['ski']
  readonly der: Uint8Array
  readonly uri: string
  readonly resources: ResourceText
  readonly notBefore: Instant
  readonly notAfter: Instant
  readonly subject?: string
}

/**
 * Verifies the certificates of a class that are for one of `keys` and returns the newest for each key. Those of other keys are passed over.
 * Throws `answer-invalid` (remote).
 */
export function acceptCertificates(
  offer: ProvisioningClass,
  keys: readonly ClassKey[],
  now: Instant,
): readonly AcceptedCertificate[] {
  const newest = new Map<string, AcceptedCertificate>()
  for (const certificate of offer.certificates) {
    const accepted = accept(offer, certificate, keys, now)
    if (accepted === undefined) continue
    const other = newest.get(accepted.ski)
    if (other === undefined || other.notBefore <= accepted.notBefore) newest.set(accepted.ski, accepted)
  }
  return [...newest.values()]
}

/** Returns the keys of the certificates of a class; one that cannot be read is none. */
export function listedKeys({ certificates }: ProvisioningClass): readonly ClassKey['ski'][] {
  return certificates.flatMap(({ der }) => decodeCertificate(der).content?.ski ?? [])
}

function accept(
  offer: ProvisioningClass,
  { der, certUris }: ProvisioningCertificate,
  keys: readonly ClassKey[],
  now: Instant,
): AcceptedCertificate | undefined {
  const refuse = (why: string) => invalidAnswer(`class ${offer.className}: ${why}`)
  const { content, findings } = decodeCertificate(der)
  if (content === undefined) throw refuse('a certificate cannot be read')
  const key = keys.find(({ ski }) => ski === content.ski)
  if (key === undefined) return undefined
  const issuer = decodeCertificate(offer.issuer).content
  if (issuer === undefined) throw refuse('the certificate of the issuer cannot be read')
  const of = `the certificate of key ${key.ski}`
  if (!equalBytes(content.spki, spkiOf(key.spki)) || content.kind !== 'ca') throw refuse(`${of} is not for that key`)
  if (!verifyRsa(issuer.spki, content.tbs, content.signature))
    throw refuse(`${of} is not signed by the issuer that is named`)
  if (content.aki !== issuer.ski) throw refuse(`${of} names another issuer (AKI) than the one that is named`)
  if (content.notAfter <= now) throw refuse(`${of} expired at ${content.notAfter}`)
  if (content.notBefore > addSeconds(now, AHEAD_SECONDS)) throw refuse(`${of} is not valid before ${content.notBefore}`)
  const fault = findings.find(({ tolerated }) => tolerated !== true)
  if (fault !== undefined) throw refuse(`${of} breaks the profile: ${fault.rule}: ${fault.message}`)
  const uri = certUris.find((text) => text.startsWith('rsync://'))
  if (uri === undefined) throw refuse(`${of} has no rsync URI`)
  const subject = chosenSubject(der, key.ski)
  const { notBefore, notAfter } = content
  const resources = resourcesOf(content, offer)
  // it would withdraw everything that the CA publishes; a parent that takes all resources back sends no certificate
  if (isNothing(resources)) throw refuse(`${of} has no resources`)
  return { ski: key.ski, der, uri, resources, notBefore, notAfter, ...(subject === undefined ? {} : { subject }) }
}

function isNothing({ asn, ipv4, ipv6 }: ResourceText): boolean {
  return asn === '' && ipv4 === '' && ipv6 === ''
}

/** Returns the resources of a certificate; a family that it inherits is what the parent lists. */
function resourcesOf({ resources }: DecodedCertificate, offer: ProvisioningClass): ResourceText {
  const own = toResourceText(listedResources(resources))
  return {
    asn: resources.asn === 'inherit' ? offer.resources.asn : own.asn,
    ipv4: resources.ipv4 === 'inherit' ? offer.resources.ipv4 : own.ipv4,
    ipv6: resources.ipv6 === 'inherit' ? offer.resources.ipv6 : own.ipv6,
  }
}
