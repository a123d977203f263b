/**
 * Checks between files that are inspected together: trust anchor locator and certificate, signature and resources under the issuer's
 * certificate (RFC 6487 section 7.2), revocation, hashes on the manifest. A file whose relatives were not given is checked on its own.
 */
import type { KeyId } from '../../crypto/ports.js'
import type { FindingList } from '../../der/findings.js'
import { difference, isEmpty } from '../../resources/algebra.js'
import { formatResources } from '../../resources/resource-text.js'
import type { ResourceSet } from '../../resources/types.js'
import type { ParsedCrl } from '../crl.js'
import type { ManifestContent } from '../manifest.js'
import type { TakContent } from '../tak.js'
import type { TalContent } from '../tal.js'
import type { ParsedCertificate } from '../x509/decode-certificate.js'
import { listedResources } from '../x509/listed-resources.js'
import type { ParsedName } from '../x509/name.js'
import { lastSegment } from '../x509/uri.js'
import { verifyRsa } from '../x509/verify-rsa.js'
import { hexOf } from './fields.js'

/** The readable parts of one file that other files are checked against. */
export interface Subject {
  readonly file: string
  readonly sha256: string
  readonly findings: FindingList
  readonly tal?: TalContent
  /** The certificate in the file, or the EE certificate of the signed object. */
  readonly certificate?: ParsedCertificate
  readonly isSignedObject?: boolean
  readonly crl?: ParsedCrl
  readonly manifest?: ManifestContent
  readonly tak?: TakContent
}

/** Names of the files that a file was checked against. */
export interface Relatives {
  readonly tal?: string
  readonly issuer?: string
  readonly crl?: string
  readonly manifest?: string
}

const RULE = 'RFC 6487 section 7.2'
/** Longest list of resources in a message. */
const SHOWN = 200
/** No chain of certificates is longer: it stops a loop of issuers. */
const MAX_DEPTH = 32

/** Adds the findings between `subjects` to each of them; returns what each was checked against, in their order. */
export function checkTogether(subjects: readonly Subject[]): readonly Relatives[] {
  const family = familyOf(subjects)
  return subjects.map((subject) => ({
    ...checkTal(subject, subjects),
    ...checkIssuer(subject, family),
    ...checkRevocation(subject, family),
    ...checkManifest(subject, family),
  }))
}

interface FamilyOfFiles {
  readonly issuers: ReadonlyMap<KeyId, readonly Subject[]>
  /** The newest CRL and manifest by the identifier of the key that issued them. */
  readonly crls: ReadonlyMap<KeyId, Subject>
  readonly manifests: ReadonlyMap<KeyId, Subject>
}

function familyOf(subjects: readonly Subject[]): FamilyOfFiles {
  const issuers = new Map<KeyId, Subject[]>()
  const crls = new Map<KeyId, Subject>()
  const manifests = new Map<KeyId, Subject>()
  for (const subject of subjects) {
    const { certificate, crl, manifest } = subject
    const aki = akiOf(subject)
    const ski = certificate?.key?.ski
    if (ski !== undefined && (certificate?.purpose === 'ta' || certificate?.purpose === 'ca'))
      issuers.set(ski, [...(issuers.get(ski) ?? []), subject])
    if (aki === undefined) continue
    if (crl !== undefined && (crls.get(aki)?.crl?.number ?? -1n) < (crl.number ?? 0n)) crls.set(aki, subject)
    if (manifest !== undefined && (manifests.get(aki)?.manifest?.number ?? -1n) < manifest.number)
      manifests.set(aki, subject)
  }
  return { issuers, crls, manifests }
}

/** Returns the identifier of the key that issued the object; undefined for a trust anchor and for files that are not issued. */
function akiOf({ certificate, crl }: Subject): KeyId | undefined {
  return certificate?.purpose === 'ta' ? undefined : (certificate?.extensions.aki ?? crl?.aki)
}

function checkTal({ file, certificate, findings }: Subject, subjects: readonly Subject[]): Pick<Relatives, 'tal'> {
  const spki = certificate?.key?.spki
  if (certificate?.purpose !== 'ta' || spki === undefined) return {}
  const tals = subjects.filter(({ tal }) => tal !== undefined)
  const own = tals.find(({ tal }) => Buffer.compare(tal?.spki ?? Buffer.of(), spki) === 0)
  if (own !== undefined) return { tal: own.file }
  const anchors = subjects.filter((subject) => subject.certificate?.purpose === 'ta')
  const named = tals.find(({ tal }) => tal?.uris.some((uri) => lastSegment(uri) === nameOf(file)))
  const meant = named ?? (tals.length === 1 && anchors.length === 1 ? tals[0] : undefined)
  if (meant === undefined) return {}
  findings.add('RFC 8630 section 3', `its key is not the one in ${meant.file}`)
  return { tal: meant.file }
}

function checkIssuer(subject: Subject, family: FamilyOfFiles): Pick<Relatives, 'issuer'> {
  const issuer = issuerOf(subject, family)
  const parent = issuer?.certificate
  if (issuer === undefined || parent?.key === undefined) return {}
  const { certificate, crl, findings, tak } = subject
  const { tbs, signature, issuer: name } = certificate ?? crl ?? {}
  const what = subject.isSignedObject === true ? 'the signature of its EE certificate' : 'its signature'
  if (tbs === undefined || signature === undefined || !verifyRsa(parent.key.spki, tbs, signature))
    findings.add(RULE, `${what} does not verify under the key of ${issuer.file}`)
  if (!isSameName(name, parent.subject))
    findings.add(
      RULE,
      `its issuer ${name?.commonName} is not ${parent.subject?.commonName}, the subject of ${issuer.file}`,
    )
  if (certificate !== undefined) checkResources(certificate, issuer, family, findings)
  if (tak !== undefined && tak.current.key.ski !== parent.key.ski)
    findings.add('RFC 9691 section 2.3', `its current key is not the one of ${issuer.file}`)
  return { issuer: issuer.file }
}

function isSameName(a: ParsedName | undefined, b: ParsedName | undefined): boolean {
  if (a === undefined || b === undefined) return true
  return Buffer.compare(a.der, b.der) === 0 || (a.commonName !== undefined && a.commonName === b.commonName)
}

/** Returns the certificate of the issuing key; of several for one key the first that has all resources of the subject. */
function issuerOf(subject: Subject, family: FamilyOfFiles): Subject | undefined {
  const aki = akiOf(subject)
  const known = aki === undefined ? [] : (family.issuers.get(aki) ?? [])
  const { certificate } = subject
  if (certificate === undefined || known.length < 2) return known[0]
  return known.find((issuer) => isEmpty(excess(certificate, issuer, family))) ?? known[0]
}

function checkResources(
  certificate: ParsedCertificate,
  issuer: Subject,
  family: FamilyOfFiles,
  findings: FindingList,
): void {
  const more = excess(certificate, issuer, family)
  if (isEmpty(more)) return
  const text = formatResources(more)
  const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text
  findings.add(RULE, `it claims resources that ${issuer.file} does not have: ${shown}`)
}

/** Returns the resources of a certificate that its issuer does not have. Families that cannot be resolved, since a certificate above was not given, have none. */
function excess(certificate: ParsedCertificate, issuer: Subject, family: FamilyOfFiles): ResourceSet {
  const claimed = listedResources(certificate.extensions.resources)
  const isKnown = (part: keyof ResourceSet): boolean => heldBy(issuer, part, family, 0) !== undefined
  const known = {
    asn: isKnown('asn') ? claimed.asn : [],
    ipv4: isKnown('ipv4') ? claimed.ipv4 : [],
    ipv6: isKnown('ipv6') ? claimed.ipv6 : [],
  }
  return difference(known, {
    asn: (heldBy(issuer, 'asn', family, 0) ?? []) as ResourceSet['asn'],
    ipv4: (heldBy(issuer, 'ipv4', family, 0) ?? []) as ResourceSet['ipv4'],
    ipv6: (heldBy(issuer, 'ipv6', family, 0) ?? []) as ResourceSet['ipv6'],
  })
}

/** Returns what a certificate has of one family, inherited from above where it says so; undefined where that is not known. */
function heldBy(
  subject: Subject,
  part: keyof ResourceSet,
  family: FamilyOfFiles,
  depth: number,
): ResourceSet[keyof ResourceSet] | undefined {
  const resources = subject.certificate?.extensions.resources
  if (resources === undefined || depth > MAX_DEPTH) return undefined
  if (resources[part] !== 'inherit') return listedResources(resources)[part]
  const aki = akiOf(subject)
  const above = aki === undefined ? undefined : family.issuers.get(aki)?.[0]
  return above === undefined ? undefined : heldBy(above, part, family, depth + 1)
}

function checkRevocation(subject: Subject, family: FamilyOfFiles): Pick<Relatives, 'crl'> {
  const aki = akiOf(subject)
  const serial = subject.certificate?.serial
  const list = aki === undefined || serial === undefined ? undefined : family.crls.get(aki)
  if (list === undefined) return {}
  const entry = list.crl?.revoked.find((revoked) => revoked.serial === serial)
  if (entry !== undefined) {
    const what = subject.isSignedObject === true ? 'its EE certificate' : 'it'
    subject.findings.add(
      RULE,
      `${what} is revoked since ${entry.revokedAt}, serial ${hexOf(entry.serial)} in ${list.file}`,
    )
  }
  return { crl: list.file }
}

function checkManifest(subject: Subject, family: FamilyOfFiles): Pick<Relatives, 'manifest'> {
  const aki = akiOf(subject)
  const listing = aki === undefined ? undefined : family.manifests.get(aki)
  // manifests list no manifest, and a checklist is published nowhere
  if (listing?.manifest === undefined || subject.manifest !== undefined) return {}
  if (subject.certificate?.purpose === 'checklist-ee') return {}
  const { files } = listing.manifest
  const isListed = files.some(({ sha256 }) => Buffer.from(sha256).toString('hex') === subject.sha256)
  if (!isListed) {
    const isNamed = files.some(({ name }) => name === nameOf(subject.file))
    if (isNamed)
      subject.findings.add('RFC 9286 section 6.5', `its SHA-256 is not the one on the manifest ${listing.file}`)
    else
      subject.findings.add(
        'RFC 9286 section 6.4',
        `it is not on the manifest ${listing.file}: validators do not use it`,
      )
  }
  return { manifest: listing.file }
}

/** Returns the last part of a path of any system. */
function nameOf(file: string): string {
  return file.split(/[/\\]/).at(-1) ?? file
}
