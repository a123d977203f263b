/**
 * Manifests (RFC 9286): content, encoder, strict decoder, and the profile with the limits that rpki-client adds.
 *
 * RFC 9286 section 4.2:
 *
 *     Manifest ::= SEQUENCE {
 *       version        [0] INTEGER DEFAULT 0,
 *       manifestNumber INTEGER (0..MAX),
 *       thisUpdate     GeneralizedTime,
 *       nextUpdate     GeneralizedTime,
 *       fileHashAlg    OBJECT IDENTIFIER,
 *       fileList       SEQUENCE SIZE (0..MAX) OF FileAndHash }
 *
 *     FileAndHash ::= SEQUENCE {
 *       file           IA5String,
 *       hash           BIT STRING }
 */
import { toHex } from '../base/bytes.js'
import { quoted } from '../base/text.js'
import type { Instant } from '../base/time.js'
import type { Decoded, ObjectFinding } from '../der/findings.js'
import { createFindings, type FindingList } from '../der/findings.js'
import { textOf } from '../der/primitives.js'
import { contentOf, type DerNode, isType, parseInner, TAG } from '../der/reader.js'
import { membersOf, readBits, readInteger, readOid, readTime } from '../der/values.js'
import { bits, encode, generalized, ia5, oid, seq, seqOf } from '../der/writer.js'
import type { IssuedObjectCodec } from './codec.js'
import { readVersion } from './signed-object/content-fields.js'
import type { ParsedCertificate } from './x509/decode-certificate.js'
import { limitedNumber } from './x509/encode-parts.js'
import { checkNumber, checkOrder } from './x509/numbers.js'
import { OID_SHA256 } from './x509/oids.js'
import type { CertificateResources } from './x509/types.js'
import { lastSegment } from './x509/uri.js'

export interface ManifestFile {
  readonly name: string
  /** 32 octets. */
  readonly sha256: Uint8Array
}

/** RFC 9286 section 4.2. */
export interface ManifestContent {
  readonly number: bigint
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant
  readonly files: readonly ManifestFile[]
}

/** File names that surround a manifest, for the checks that need them. */
interface ManifestPlace {
  /** The manifest's own file name, which its list must not contain. */
  readonly ownName?: string
  /** File name of the CRL that its EE certificate points at, which the list must contain. */
  readonly crlName?: string
}

const RULE = 'RFC 9286 section 4.2.1'
/** rpki-client reads no longer list. */
const MAX_FILES = 100_000
/** RFC 9286 section 4.2.2: one dot and a three-letter extension. */
const FILE_NAME = /^[A-Za-z0-9_-]+\.[a-z]{3}$/

/**
 * Returns the DER eContent: version absent, files in the order of the octets of their names.
 * Throws a TypeError for times reversed, a number outside 0 to 2^159 - 1, no files, a name that is listed twice or
 * against section 4.2.2, a hash that is not 32 octets.
 */
export function encodeManifest(content: ManifestContent): Uint8Array {
  if (content.thisUpdate >= content.nextUpdate)
    throw new TypeError(`thisUpdate ${content.thisUpdate} is not before nextUpdate ${content.nextUpdate}`)
  const files = sortedFiles(content.files)
  return encode(
    seq(
      limitedNumber('manifest number', content.number, 0n),
      generalized(content.thisUpdate),
      generalized(content.nextUpdate),
      oid(OID_SHA256),
      seqOf(files.map(({ name, sha256 }) => seq(ia5(name), bits(sha256)))),
    ),
  )
}

function sortedFiles(files: readonly ManifestFile[]): readonly ManifestFile[] {
  if (files.length === 0) throw new TypeError('a manifest without files: it lists at least the CRL')
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  sorted.forEach(({ name, sha256 }, i) => {
    if (!FILE_NAME.test(name)) throw new TypeError(`not a manifest file name: ${JSON.stringify(name)}`)
    if (name === sorted[i - 1]?.name) throw new TypeError(`manifest file named twice: ${name}`)
    if (sha256.length !== 32) throw new TypeError(`the hash of ${name} has ${sha256.length} octets, not 32`)
  })
  return sorted
}

/** Returns the manifest in `eContent` with every finding; `place` adds the checks of the file names around it. Reads on after a finding. */
export function decodeManifest(eContent: Uint8Array, place: ManifestPlace = {}): Decoded<ManifestContent> {
  const findings = createFindings()
  const node = parseInner(eContent, 'eContent', findings)
  if (node === undefined) return { content: undefined, findings: findings.all() }
  const frame = { what: 'the Manifest', rule: 'RFC 9286 section 4.2', tag: TAG.sequence }
  const parts = [...membersOf(node, frame, findings)]
  readVersion(parts, 0n, RULE, findings)
  const [numberNode, thisNode, nextNode, hashNode, listNode, ...more] = parts
  const number = readInteger(numberNode)
  if (number === undefined) findings.add(RULE, 'the manifest number is not an INTEGER of at most 20 octets')
  const thisUpdate = readManifestTime(thisNode, 'thisUpdate', findings)
  const nextUpdate = readManifestTime(nextNode, 'nextUpdate', findings)
  const hash = readOid(hashNode)
  if (hash !== OID_SHA256) findings.add(RULE, `the hash algorithm is ${hash ?? 'unreadable'}, not SHA-256`)
  if (more.length > 0) findings.add('RFC 9286 section 4.2', 'an unknown member in the manifest')
  const files = readFiles(listNode, findings)
  if (number === undefined || thisUpdate === undefined || nextUpdate === undefined || listNode === undefined)
    return { content: undefined, findings: findings.all() }
  const content = { number, thisUpdate, nextUpdate, files }
  findings.addAll(checkManifestContent(content, place))
  return { content, findings: findings.all() }
}

function readManifestTime(node: DerNode | undefined, what: string, findings: FindingList): Instant | undefined {
  const instant = node?.tag === TAG.generalizedTime ? readTime(node) : undefined
  if (instant === undefined) findings.add(RULE, `${what} is not a GeneralizedTime in UTC with whole seconds`)
  return instant
}

function readFiles(list: DerNode | undefined, findings: FindingList): readonly ManifestFile[] {
  const files: ManifestFile[] = []
  const entry = { what: 'an entry of the file list', rule: RULE, tag: TAG.sequence, least: 2, most: 2 }
  for (const node of membersOf(list, { what: 'the file list', rule: RULE, tag: TAG.sequence }, findings)) {
    const [nameNode, hashNode] = membersOf(node, entry, findings)
    const hash = readBits(hashNode)
    if (!isType(nameNode, TAG.ia5String) || hash === undefined || hash.unused !== 0)
      findings.add(RULE, 'an entry of the file list is not a name and a hash')
    else files.push({ name: textOf(contentOf(nameNode)), sha256: hash.bytes })
  }
  return files
}

/** Returns every finding about the content of a manifest; with `place`, also about the file names around it. Used before signing and on what was decoded. */
export function checkManifestContent(content: ManifestContent, place: ManifestPlace = {}): readonly ObjectFinding[] {
  const findings = createFindings()
  findings.addAll(checkNumber('manifest number', content.number, RULE))
  findings.addAll(checkOrder('thisUpdate', content.thisUpdate, 'nextUpdate', content.nextUpdate, RULE))
  if (content.files.length === 0) findings.add(RULE, 'the file list is empty: a CRL must be on it')
  if (content.files.length > MAX_FILES)
    findings.refused(RULE, `the file list has ${content.files.length} files, rpki-client reads ${MAX_FILES}`)
  const names = checkFiles(content, findings)
  checkPlace(names, content.files.length, place, findings)
  return findings.all()
}

function checkFiles(content: ManifestContent, findings: FindingList): ReadonlySet<string> {
  const names = new Set<string>()
  const hashes = new Map<string, string>()
  for (const { name, sha256 } of content.files) {
    if (!FILE_NAME.test(name))
      findings.add('RFC 9286 section 4.2.2', `${quoted(name)} is not a valid file name for a manifest`)
    if (names.has(name)) findings.add(RULE, `${quoted(name)} is listed twice`)
    names.add(name)
    if (sha256.length !== 32) findings.add(RULE, `the hash of ${quoted(name)} has ${sha256.length} octets, not 32`)
    const hex = toHex(sha256)
    const twin = hashes.get(hex)
    if (twin !== undefined && twin !== name)
      findings.refused(RULE, `${quoted(name)} and ${quoted(twin)} have the same hash`)
    hashes.set(hex, name)
  }
  return names
}

function checkPlace(names: ReadonlySet<string>, count: number, place: ManifestPlace, findings: FindingList): void {
  const crls = [...names].filter((name) => name.endsWith('.crl'))
  if (place.ownName !== undefined && names.has(place.ownName))
    findings.add(RULE, `the manifest lists itself, ${quoted(place.ownName)}`)
  if (count === 0) return
  if (place.crlName !== undefined && !names.has(place.crlName))
    findings.add(RULE, `the CRL ${quoted(place.crlName)} is not on the file list`)
  else if (crls.length === 0) findings.add(RULE, 'no CRL is on the file list')
  else if (crls.length > 1) findings.tolerate(RULE, `${crls.length} CRLs are on the file list`)
}

/** Returns the resources of a manifest's EE certificate: all three inherited (RFC 9286 section 5.1). */
export function manifestResources(): CertificateResources {
  return { asn: 'inherit', ipv4: 'inherit', ipv6: 'inherit' }
}

/** Adds a finding for each conflict with the EE certificate (RFC 9286 section 5.1): it inherits everything and is valid exactly as long as the manifest. */
function checkManifestEe(
  content: ManifestContent | undefined,
  ee: ParsedCertificate | undefined,
  findings: FindingList,
): void {
  const rule = 'RFC 9286 section 5.1'
  const { asn, ipv4, ipv6 } = ee?.extensions.resources ?? {}
  if (asn !== 'inherit') findings.add(rule, 'the EE certificate of a manifest does not inherit its AS numbers')
  const families = [ipv4, ipv6].filter((family) => family !== undefined)
  if (families.length === 0 || families.some((family) => family !== 'inherit'))
    findings.add(rule, 'the EE certificate of a manifest does not inherit its IP addresses')
  if (content === undefined || ee?.notBefore === undefined || ee.notAfter === undefined) return
  if (content.thisUpdate !== ee.notBefore || content.nextUpdate !== ee.notAfter)
    findings.tolerate(
      rule,
      `the EE certificate is valid from ${ee.notBefore} to ${ee.notAfter}, the manifest from ${content.thisUpdate} to ${content.nextUpdate}`,
    )
}

function placeOf(ee: ParsedCertificate | undefined): ManifestPlace {
  const { sia, crl } = ee?.extensions ?? {}
  return {
    ...(sia?.signedObject !== undefined && { ownName: lastSegment(sia.signedObject) }),
    ...(crl !== undefined && { crlName: lastSegment(crl) }),
  }
}

/** RFC 9286 as a codec of `object-kinds.ts`. */
export const manifestCodec: IssuedObjectCodec<ManifestContent> = {
  encode: encodeManifest,
  decode: (eContent, ee) => decodeManifest(eContent, placeOf(ee)),
  profile: (content) => checkManifestContent(content),
  resources: manifestResources,
  checkEe: checkManifestEe,
  fields: ({ number, thisUpdate, nextUpdate, files }) => ({
    number: number.toString(),
    thisUpdate,
    nextUpdate,
    files: files.map(({ name, sha256 }) => ({ name, sha256: toHex(sha256) })),
  }),
  period: ({ thisUpdate, nextUpdate }) => ({
    rule: 'RFC 9286 section 6.3',
    what: 'the manifest',
    from: thisUpdate,
    to: nextUpdate,
  }),
}
