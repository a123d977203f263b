/**
 * Names in certificates and requests: strict decoders of distinguished names (RFC 5280 section 4.1.2.4) and subjectAltName (section
 * 4.2.1.6). name-comparison.ts compares distinguished names.
 */

import { quoted } from '../base/text.js'
import type { FindingList } from '../der/findings.js'
import { childrenOf, contentOf, type DerNode, rawOf, TAG } from '../der/reader.js'
import { readOid } from '../der/values.js'
import { encode, ia5, implicit, raw, seqOf } from '../der/writer.js'

export interface DistinguishedName {
  /** DER as in the file. */
  readonly der: Uint8Array
  /** Text by RFC 4514, but in the order of the file: `O=Example,CN=device-1`. */
  readonly text: string
  /** The last commonName; undefined without one. */
  readonly commonName: string | undefined
  /** Object identifier and text of each attribute, in the order of the file. */
  readonly attributes: readonly (readonly [oid: string, text: string])[]
  readonly isEmpty: boolean
}

export interface AlternativeNames {
  /** In lower case and without the dot of the root, each once. */
  readonly dns: readonly string[]
  /** Groups in hex or dotted quad, each once. */
  readonly ip: readonly string[]
  readonly email: readonly string[]
  readonly uri: readonly string[]
  /** Tag numbers of names of other types: they are refused, never copied. */
  readonly other: readonly number[]
}

export const NO_NAMES: AlternativeNames = { dns: [], ip: [], email: [], uri: [], other: [] }

const RULE = 'RFC 5280 section 4.1.2.4'
const SAN_RULE = 'RFC 5280 section 4.2.1.6'

const SHORT: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
}
const STRINGS: readonly number[] = [TAG.utf8String, TAG.printableString, TAG.ia5String]
/** Longest attribute in characters, from the upper bounds of common attributes (RFC 5280 appendix A.1). */
const LONGEST = 256
/** Longest name in characters, so that a list of certificates stays readable. */
const LONGEST_NAME = 1024

/** Decodes a Name and adds what is wrong with it to `findings`. */
export function readDistinguishedName(node: DerNode, what: string, findings: FindingList): DistinguishedName {
  const parts: string[] = []
  const attributes: (readonly [string, string])[] = []
  let common: string | undefined
  if (node.tag !== TAG.sequence) findings.add(RULE, `${what} is not a SEQUENCE`)
  const sets = childrenOf(node, TAG.sequence)
  for (const set of sets) {
    const together: string[] = []
    const pairs = childrenOf(set, TAG.set)
    if (pairs.length === 0) findings.add(RULE, `${what} has a part that is not a SET of attributes`)
    for (const pair of pairs) {
      const [type, value, more] = childrenOf(pair, TAG.sequence)
      const oid = readOid(type)
      if (oid === undefined || value === undefined || more !== undefined) {
        findings.add(RULE, `${what} has a malformed attribute`)
        continue
      }
      const text = readText(value, what, findings)
      together.push(`${SHORT[oid] ?? oid}=${escaped(text)}`)
      attributes.push([oid, text])
      if (oid === '2.5.4.3') common = text
    }
    if (together.length > 0) parts.push(together.join('+'))
  }
  const text = parts.join(',')
  if (text.length > LONGEST_NAME)
    findings.add(RULE, `${what} has ${text.length} characters; at most ${LONGEST_NAME} are accepted`)
  return { der: rawOf(node), text, commonName: common, attributes, isEmpty: parts.length === 0 }
}

function readText(value: DerNode, what: string, findings: FindingList): string {
  if (!STRINGS.includes(value.tag)) {
    findings.add(RULE, `${what} has a string that is not a UTF8String, PrintableString or IA5String (tag ${value.tag})`)
    return ''
  }
  const text = Buffer.from(contentOf(value)).toString('utf8')
  if (text === '') findings.add(RULE, `${what} has an empty attribute`)
  if (text.length > LONGEST) findings.add(RULE, `${what} has an attribute of ${text.length} characters`)
  if (UNPRINTABLE.test(text)) findings.add(RULE, `${what} has a control character in ${quoted(text, 60)}`)
  return text
}

/** Control and format characters can move the cursor or reverse the text direction; U+FFFD replaces invalid UTF-8. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]/u

function escaped(text: string): string {
  return text.replace(/[,+"\\<>;=]/g, (c) => `\\${c}`)
}

/** Decodes a subjectAltName; `node` is the GeneralNames sequence. */
export function readAlternativeNames(node: DerNode, findings: FindingList): AlternativeNames {
  const names = {
    dns: [] as string[],
    ip: [] as string[],
    email: [] as string[],
    uri: [] as string[],
    other: [] as number[],
  }
  const all = childrenOf(node, TAG.sequence)
  if (all.length === 0) findings.add(SAN_RULE, 'the subjectAltName is empty')
  for (const name of all) {
    const text = Buffer.from(contentOf(name)).toString('latin1')
    const kind = name.tag & 0x1f
    const isText = [1, 2, 6].includes(kind)
    // a name of another form would be copied into the certificate
    if ((name.tag & 0xc0) !== 0x80 || ((name.tag & 0x20) !== 0 && (isText || kind === 7))) {
      findings.add(SAN_RULE, `name with invalid tag 0x${name.tag.toString(16).padStart(2, '0')}`)
      names.other.push(kind)
      continue
    }
    if (isText && !/^[\x21-\x7e]+$/.test(text)) {
      findings.add(SAN_RULE, `name with characters outside of printable ASCII: ${quoted(text, 60)}`)
      names.other.push(kind)
      continue
    }
    if (kind === 2) names.dns.push(hostName(text))
    else if (kind === 1) names.email.push(text)
    else if (kind === 6) names.uri.push(text)
    else if (kind === 7) readIp(contentOf(name), names.ip, findings)
    else names.other.push(kind)
  }
  return { ...names, dns: [...new Set(names.dns)], ip: [...new Set(names.ip)] }
}

/** Returns a DNS name as it is compared and issued: `A.example.` and `a.example` are one name. */
function hostName(text: string): string {
  return text.toLowerCase().replace(/(?<=[^.])\.$/, '')
}

/** Encodes the names of a subjectAltName in their order, each once and DNS names as `readAlternativeNames` returns them. */
export function encodeAlternativeNames(node: DerNode): Uint8Array {
  const encoded = childrenOf(node, TAG.sequence).map((name) =>
    name.tag === DNS_NAME
      ? encode(implicit(2, ia5(hostName(Buffer.from(contentOf(name)).toString('latin1')))))
      : rawOf(name),
  )
  const unique = new Map(encoded.map((name) => [Buffer.from(name).toString('hex'), name]))
  return encode(seqOf([...unique.values()].map(raw)))
}

/** Tag of dNSName in a GeneralName. */
const DNS_NAME = 0x82

function readIp(bytes: Uint8Array, into: string[], findings: FindingList): void {
  if (bytes.length === 4) into.push([...bytes].join('.'))
  else if (bytes.length === 16) {
    const groups = Array.from({ length: 8 }, (_, n) =>
      (((bytes[2 * n] ?? 0) << 8) | (bytes[2 * n + 1] ?? 0)).toString(16),
    )
    into.push(groups.join(':'))
  } else findings.add(SAN_RULE, `iPAddress of ${bytes.length} octets; must be 4 or 16`)
}

/** Returns all names as one sorted list, each with its type, so that equal names give equal lists. */
export function nameList(names: AlternativeNames): readonly string[] {
  return [
    ...names.dns.map((name) => `DNS:${name}`),
    ...names.email.map((name) => `email:${name}`),
    ...names.ip.map((name) => `IP:${name}`),
    ...names.uri.map((name) => `URI:${name}`),
    ...names.other.map((tag) => `other:${tag}`),
  ].sort()
}
