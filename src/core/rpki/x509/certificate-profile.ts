/**
 * The resource certificate profile (RFC 6487 section 4) over values: required members, forbidden members, permitted values.
 * The decoder checks encodings and criticality. Used before signing and on what was read, where any member may be missing.
 */
import { quoted } from '../../base/text.js'
import type { Instant } from '../../base/time.js'
import type { KeyId } from '../../crypto/ports.js'
import type { ObjectFinding } from '../../der/findings.js'
import { createFindings, type FindingList } from '../../der/findings.js'
import { checkRouterKey, checkRsaKey, parseKey } from './key.js'
import { checkCommonName, checkOrder, checkSerial } from './numbers.js'
import { checkResources } from './resource-profile.js'
import type { CertificateResources } from './types.js'
import { checkUri, lastSegment } from './uri.js'

/** `router`: BGPsec (RFC 8209); `checklist-ee`: of a signed checklist (RFC 9323), which is published nowhere. */
export type CertificatePurpose = 'ta' | 'ca' | 'ee' | 'checklist-ee' | 'router'

/** A `CertificateContent`, or the readable members of another CA's certificate. */
export interface CertificateValues {
  readonly kind: CertificatePurpose
  readonly serial?: bigint | undefined
  readonly issuer?: string | undefined
  readonly subject?: string | undefined
  readonly notBefore?: Instant | undefined
  readonly notAfter?: Instant | undefined
  readonly spki?: Uint8Array | undefined
  readonly aki?: KeyId | undefined
  readonly crl?: string | undefined
  readonly aia?: string | undefined
  readonly sia?: SiaValues | undefined
  readonly resources: CertificateResources
}

export interface SiaValues {
  readonly caRepository?: string | undefined
  readonly manifest?: string | undefined
  readonly notify?: string | undefined
  readonly signedObject?: string | undefined
}

/** Returns every finding about the values of a certificate. */
export function checkCertificateContent(values: CertificateValues): readonly ObjectFinding[] {
  const findings = createFindings()
  if (values.serial !== undefined) findings.addAll(checkSerial(values.serial))
  if (values.issuer !== undefined) findings.addAll(checkCommonName('issuer', values.issuer, 'RFC 6487 section 4.4'))
  if (values.subject !== undefined) findings.addAll(checkCommonName('subject', values.subject, 'RFC 6487 section 4.5'))
  if (values.notBefore !== undefined && values.notAfter !== undefined)
    findings.addAll(checkOrder('notBefore', values.notBefore, 'notAfter', values.notAfter, 'RFC 6487 section 4.6'))
  checkKeys(values, findings)
  checkIssuerPointers(values, findings)
  checkSia(values, findings)
  findings.addAll(checkResources(values.resources))
  checkInheritance(values, findings)
  return findings.all()
}

function checkKeys({ kind, spki, aki }: CertificateValues, findings: FindingList): void {
  const key = spki === undefined ? undefined : parseKey(spki)
  findings.addAll(kind === 'router' ? checkRouterKey(key) : checkRsaKey(key))
  if (kind === 'ta' && aki !== undefined && key !== undefined && aki !== key.ski)
    findings.add(
      'RFC 6487 section 4.8.3',
      `the authority key identifier ${aki} of a self-signed certificate is not its own, ${key.ski}`,
    )
  if (kind !== 'ta' && aki === undefined) findings.add('RFC 6487 section 4.8.3', 'no authority key identifier')
}

/** Checks sections 4.8.6 and 4.8.7: a trust anchor points at no issuer, every other certificate must. */
function checkIssuerPointers({ kind, crl, aia }: CertificateValues, findings: FindingList): void {
  const [crlRule, aiaRule] = ['RFC 6487 section 4.8.6', 'RFC 6487 section 4.8.7']
  if (kind === 'ta') {
    if (crl !== undefined) findings.add(crlRule, 'a self-signed certificate with a CRL distribution point')
    if (aia !== undefined) findings.add(aiaRule, 'a self-signed certificate with an authority information access')
    return
  }
  if (crl === undefined) findings.add(crlRule, 'no rsync URI of a CRL in a CRL distribution point')
  else {
    findings.addAll(checkUri('CRL distribution point', crl, ['rsync'], crlRule))
    if (!lastSegment(crl).endsWith('.crl'))
      findings.add(crlRule, `CRL distribution point ${quoted(crl)} does not end in .crl`)
  }
  if (aia === undefined) findings.add(aiaRule, 'no rsync URI of the issuer in the authority information access')
  else findings.addAll(checkUri('authority information access', aia, ['rsync'], aiaRule))
}

function checkSia({ kind, sia }: CertificateValues, findings: FindingList): void {
  const rule = 'RFC 6487 section 4.8.8'
  if (kind === 'router') {
    if (sia !== undefined)
      findings.add('RFC 8209 section 3.1.3.3', 'a router certificate with a subject information access')
    return
  }
  if (kind === 'checklist-ee') {
    if (sia !== undefined)
      findings.add('RFC 9323 section 2', 'the EE certificate of a checklist has a subject information access')
    return
  }
  if (sia === undefined) findings.add(rule, 'no subject information access')
  else if (kind === 'ee') checkEeSia(sia, findings)
  else checkCaSia(sia, findings)
}

/** Adds what is wrong with the places that a CA certificate or a request for one names. */
export function checkCaSia({ caRepository, manifest, notify, signedObject }: SiaValues, findings: FindingList): void {
  const rule = 'RFC 6487 section 4.8.8.1'
  if (caRepository === undefined) findings.add(rule, 'no rsync URI of a CA repository (id-ad-caRepository)')
  else {
    findings.addAll(checkUri('caRepository', caRepository, ['rsync'], rule))
    if (!caRepository.endsWith('/'))
      findings.tolerate(rule, `caRepository ${quoted(caRepository)} does not end in a slash`)
  }
  if (manifest === undefined) findings.add(rule, 'no rsync URI of a manifest (id-ad-rpkiManifest)')
  else {
    findings.addAll(checkUri('rpkiManifest', manifest, ['rsync'], rule))
    if (!lastSegment(manifest).endsWith('.mft'))
      findings.add(rule, `rpkiManifest ${quoted(manifest)} does not end in .mft`)
  }
  if (caRepository !== undefined && manifest !== undefined) {
    const directory = caRepository.endsWith('/') ? caRepository : `${caRepository}/`
    if (!manifest.startsWith(directory) || manifest.slice(directory.length).includes('/'))
      findings.add(rule, `the manifest ${quoted(manifest)} is not directly inside ${quoted(caRepository)}`)
  }
  if (notify !== undefined) findings.addAll(checkUri('rpkiNotify', notify, ['https'], 'RFC 8182 section 3.2'))
  if (signedObject !== undefined) findings.add(rule, 'a CA certificate with a signedObject URI')
}

function checkEeSia({ caRepository, manifest, notify, signedObject }: SiaValues, findings: FindingList): void {
  const rule = 'RFC 6487 section 4.8.8.2'
  if (signedObject === undefined) findings.add(rule, 'no rsync URI of the signed object (id-ad-signedObject)')
  else findings.addAll(checkUri('signedObject', signedObject, ['rsync'], rule))
  if (caRepository !== undefined || manifest !== undefined)
    findings.add(rule, 'an EE certificate with the repository or manifest of a CA')
  if (notify !== undefined) findings.tolerate(rule, 'an EE certificate with an rpkiNotify URI')
}

function checkInheritance({ kind, resources }: CertificateValues, findings: FindingList): void {
  const inherits = resources.asn === 'inherit' || resources.ipv4 === 'inherit' || resources.ipv6 === 'inherit'
  if (kind === 'ta' && inherits)
    findings.add('RFC 8630 section 2.3', 'a trust anchor inherits resources, but has no issuer to inherit from')
  if (kind !== 'router') return
  if (resources.ipv4 !== undefined || resources.ipv6 !== undefined)
    findings.add('RFC 8209 section 3.1.3.4', 'a router certificate with IP addresses')
  if (resources.asn === undefined) findings.add('RFC 8209 section 3.1.3.5', 'a router certificate without AS numbers')
  else if (resources.asn === 'inherit')
    findings.add('RFC 8209 section 3.1.3.5', 'a router certificate that inherits its AS numbers')
  else if (resources.asn.length !== 1 || resources.asn[0]?.min !== resources.asn[0]?.max)
    findings.refused('RFC 8209 section 3.1.3.5', 'more than one AS number')
}
