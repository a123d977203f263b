/**
 * Decoder of certificate revocation lists (RFC 5280 section 5), as far as a check of client certificates needs it.
 * Invariant: a list that covers only a part, or whose critical extensions are not read, is refused: it would hide revocations.
 */
import { createPublicKey, verify } from 'node:crypto'
import type { Instant } from '../base/time.js'
import { createFindings } from '../der/findings.js'
import {
  childrenOf,
  constructedTag,
  contentOf,
  type DerNode,
  hasTag,
  parseDer,
  parseInner,
  primitiveTag,
  rawOf,
  TAG,
} from '../der/reader.js'
import { readBits, readBoolean, readInteger, readOid, readTime } from '../der/values.js'
import { HASH_OF_SIGNATURE } from './algorithms.js'
import type { PlainCertificate } from './certificate.js'
import { isSameName } from './name-comparison.js'

export interface PlainCrl {
  /** Name, DER. */
  readonly issuer: Uint8Array
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant
  /** Time of revocation by serial: lower-case hex without leading zeros. */
  readonly revoked: ReadonlyMap<string, Instant>
  /** Reason why the list cannot be used; undefined if it can. */
  readonly unsupported: string | undefined
  readonly tbs: Uint8Array
  /** Object identifier. */
  readonly algorithm: string
  readonly signature: Uint8Array
}

const OID = { deltaIndicator: '2.5.29.27', distributionPoint: '2.5.29.28', certificateIssuer: '2.5.29.29' } as const
/** Fields of issuingDistributionPoint that limit the list: CA certificates only, some reasons, indirect, attribute certificates. */
const LIMITS = [2, 3, 4, 5].map(primitiveTag)

/** Decodes a CRL; undefined if the bytes are not a CRL with a nextUpdate. Never throws. */
export function readCrl(der: Uint8Array): PlainCrl | undefined {
  const findings = createFindings()
  const node = parseDer(der, findings)
  const [tbs, , signature] = childrenOf(node, TAG.sequence)
  const fields = childrenOf(tbs, TAG.sequence)
  const [algorithm, issuer, from, to, ...rest] = fields[0]?.tag === TAG.integer ? fields.slice(1) : fields
  const [thisUpdate, nextUpdate, bits] = [readTime(from), readTime(to), readBits(signature)]
  if (tbs === undefined || algorithm === undefined || issuer?.tag !== TAG.sequence || findings.isBroken())
    return undefined
  if (thisUpdate === undefined || nextUpdate === undefined || bits?.unused !== 0) return undefined
  const entries = hasTag(rest[0], TAG.sequence) ? rest.shift() : undefined
  const extensions = hasTag(rest[0], constructedTag(0)) ? rest.shift() : undefined
  const revocations = readEntries(entries)
  if (rest.length > 0 || revocations === undefined) return undefined
  const { revoked, isIndirect } = revocations
  return {
    issuer: rawOf(issuer),
    thisUpdate,
    nextUpdate,
    revoked,
    unsupported: isIndirect ? 'it lists certificates of several CAs' : limitOf(extensions),
    tbs: rawOf(tbs),
    algorithm: readOid(childrenOf(algorithm, TAG.sequence)[0]) ?? '',
    signature: bits.bytes,
  }
}

/** Reads the entries; undefined where one is malformed: it would hide a revocation. */
function readEntries(
  list: DerNode | undefined,
): (Pick<PlainCrl, 'revoked'> & { readonly isIndirect: boolean }) | undefined {
  const revoked = new Map<string, Instant>()
  let isIndirect = false
  for (const entry of childrenOf(list, TAG.sequence)) {
    const [serial, at, extensions] = childrenOf(entry, TAG.sequence)
    const [number, time] = [readInteger(serial), readTime(at)]
    if (number === undefined || time === undefined) return undefined
    revoked.set(number.toString(16), time)
    for (const extension of childrenOf(extensions, TAG.sequence))
      isIndirect ||= readOid(childrenOf(extension, TAG.sequence)[0]) === OID.certificateIssuer
  }
  return { revoked, isIndirect }
}

/** Returns the reason why a list with these extensions cannot be used. */
function limitOf(field: DerNode | undefined): string | undefined {
  const [list] = childrenOf(field, constructedTag(0))
  if (field !== undefined && !hasTag(list, TAG.sequence)) return 'its extensions are malformed'
  for (const extension of childrenOf(list, TAG.sequence)) {
    const parts = childrenOf(extension, TAG.sequence)
    const [id, content] = [readOid(parts[0]), parts.at(-1)]
    if (id === OID.deltaIndicator) return 'it is a delta of another list'
    if (id === OID.distributionPoint) {
      const value = content === undefined ? undefined : parseInner(contentOf(content), 'extension', createFindings())
      const isLimited =
        value?.tag !== TAG.sequence || childrenOf(value, TAG.sequence).some(({ tag }) => LIMITS.includes(tag & 0xdf))
      if (isLimited) return 'it covers only some certificates or reasons'
    } else if (readBoolean(parts[1]) === true) return `it has the critical extension ${id}, which is not supported`
  }
  return undefined
}

/** Returns true if `ca` issued the list: same name, its key verifies the signature, and it may sign lists. Never throws. */
export function isCrlOf(crl: PlainCrl, ca: PlainCertificate): boolean {
  const hash = HASH_OF_SIGNATURE[crl.algorithm]
  if (hash === undefined || !isSameName(crl.issuer, ca.subject.der)) return false
  if (ca.keyUsages?.includes('cRLSign') === false) return false
  try {
    const key = createPublicKey({ key: Buffer.from(ca.spki), format: 'der', type: 'spki' })
    return verify(hash, crl.tbs, key, crl.signature)
  } catch {
    return false
  }
}

/** Returns the DER of every CRL in a PEM text (RFC 7468), in order; a DER file is one CRL. */
export function crlsOf(file: Uint8Array): readonly Uint8Array[] {
  if (file[0] === TAG.sequence) return [file]
  const text = Buffer.from(file).toString('latin1')
  const blocks = text.matchAll(/-----BEGIN X509 CRL-----\s+([A-Za-z0-9+/=\s]+)-----END X509 CRL-----/g)
  return [...blocks].map(([, body = '']) => new Uint8Array(Buffer.from(body, 'base64')))
}
