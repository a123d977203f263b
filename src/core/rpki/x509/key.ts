/** Strict decoder and profile of SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7): RSA (RFC 7935) and EC (RFC 8608). */
import { keyIdOf } from '../../crypto/digest.js'
import type { KeyId } from '../../crypto/ports.js'
import type { ObjectFinding } from '../../der/findings.js'
import { createFindings, type FindingList } from '../../der/findings.js'
import { contentOf, type DerNode, parseDer, parseInner, rawOf, TAG } from '../../der/reader.js'
import { membersOf, readBits, readInteger, readOid } from '../../der/values.js'
import { OID_EC_PUBLIC_KEY, OID_P256, OID_RSA_ENCRYPTION } from './oids.js'

export interface ParsedKey {
  readonly spki: Uint8Array
  readonly ski: KeyId
  readonly algorithm: 'RSA' | 'EC' | 'other'
  /** Bits of the RSA modulus; 0 for another algorithm. */
  readonly bits: number
  readonly exponent: bigint
  /** Object identifier of an EC curve. */
  readonly curve: string
  /** True if the algorithm parameters are NULL, as RFC 4055 section 1.2 requires for RSA. */
  readonly hasNullParameters: boolean
}

/** Reads a SubjectPublicKeyInfo. Returns undefined where the element is not one. */
export function readKey(node: DerNode | undefined, findings: FindingList = createFindings()): ParsedKey | undefined {
  if (node === undefined || node.tag !== TAG.sequence) return undefined
  const [algorithm, key] = membersOf(
    node,
    { what: 'the public key', rule: 'RFC 5280 section 4.1.2.7', tag: TAG.sequence, least: 2, most: 2 },
    findings,
  )
  const bits = readBits(key)
  if (algorithm === undefined || bits === undefined) return undefined
  const [oidNode, parameters] = membersOf(
    algorithm,
    { what: 'the algorithm of the public key', rule: 'RFC 5280 section 4.1.1.2', tag: TAG.sequence, least: 1, most: 2 },
    findings,
  )
  const oid = readOid(oidNode)
  const spki = rawOf(node)
  const base = {
    spki,
    ski: safeKeyId(spki),
    curve: '',
    bits: 0,
    exponent: 0n,
    hasNullParameters: parameters?.tag === TAG.null,
  }
  if (oid === OID_EC_PUBLIC_KEY) return { ...base, algorithm: 'EC', curve: readOid(parameters) ?? '' }
  if (oid !== OID_RSA_ENCRYPTION) return { ...base, algorithm: 'other' }
  const parsed = parseInner(bits.bytes, 'RSA public key', findings)
  const [modulus, exponent] = membersOf(
    parsed,
    { what: 'the RSA public key', rule: 'RFC 8017 appendix A.1.1', tag: TAG.sequence, least: 2, most: 2 },
    findings,
  )
  return { ...base, algorithm: 'RSA', bits: modulusBits(modulus), exponent: readInteger(exponent) ?? 0n }
}

/** Returns the key of DER SubjectPublicKeyInfo octets; undefined where there is any finding. */
export function parseKey(spki: Uint8Array): ParsedKey | undefined {
  const findings = createFindings()
  const node = parseDer(spki, findings)
  const key = readKey(node, findings)
  return findings.all().length === 0 ? key : undefined
}

/** Returns the findings against RFC 7935 section 3: RSA, 2048 bits, exponent 65537. */
export function checkRsaKey(key: ParsedKey | undefined): readonly ObjectFinding[] {
  const finding = (message: string): readonly ObjectFinding[] => [{ rule: 'RFC 7935 section 3', message }]
  if (key === undefined) return finding('the public key is not a SubjectPublicKeyInfo')
  if (key.algorithm !== 'RSA')
    return finding(`the public key is ${key.algorithm === 'EC' ? 'an EC key' : 'of an unknown kind'}, not RSA`)
  return [
    ...(key.hasNullParameters
      ? []
      : [{ rule: 'RFC 4055 section 1.2', message: 'rsaEncryption without NULL parameters' }]),
    ...(key.bits === 2048 ? [] : finding(`the RSA modulus has ${key.bits} bits, not 2048`)),
    ...(key.exponent === 65537n ? [] : finding(`the RSA exponent is ${key.exponent}, not 65537`)),
  ]
}

/** Returns the findings against RFC 8608 section 3.1: a router key is on the curve P-256. */
export function checkRouterKey(key: ParsedKey | undefined): readonly ObjectFinding[] {
  if (key !== undefined && key.algorithm === 'EC' && key.curve === OID_P256) return []
  const curve = key?.algorithm === 'EC' && key.curve !== '' ? `the curve ${key.curve}` : 'a curve without a name'
  const found = key === undefined ? 'unreadable' : key.algorithm === 'EC' ? `on ${curve}` : `${key.algorithm}`
  return [{ rule: 'RFC 8608 section 3.1', message: `the router key is ${found}, not on P-256` }]
}

function modulusBits(node: DerNode | undefined): number {
  if (node === undefined || node.tag !== TAG.integer) return 0
  const content = contentOf(node)
  const at = content[0] === 0 ? 1 : 0
  const top = content[at] ?? 0
  return top === 0 ? 0 : (content.length - at) * 8 - Math.clz32(top) + 24
}

/** Returns the key identifier; empty for a SubjectPublicKeyInfo that is not DER, for which `keyIdOf` throws. */
function safeKeyId(spki: Uint8Array): KeyId {
  try {
    return keyIdOf(spki)
  } catch {
    return '' as KeyId
  }
}
