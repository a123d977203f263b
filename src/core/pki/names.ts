/** Names in certificates and requests: distinguished names (RFC 5280 section 4.1.2.4) and subjectAltName (section 4.2.1.6), read strictly. */

import { quoted } from '../base/text.js'
import type { FindingList } from '../der/findings.js'
import { childrenOf, contentOf, type DerNode, rawOf, TAG } from '../der/reader.js'
import { readOid } from '../der/values.js'

export interface DistinguishedName {
  /** As it stands in the file. */
  readonly der: Uint8Array
  /** RFC 4514, the least significant part first as it stands in the file: `CN=device-1,O=Example`. */
  readonly text: string
  /** The last commonName; undefined when there is none. */
  readonly commonName: string | undefined
  readonly isEmpty: boolean
}

export interface AlternativeNames {
  /** As written, lower case. */
  readonly dns: readonly string[]
  /** RFC 5952 or dotted quad. */
  readonly ip: readonly string[]
  readonly email: readonly string[]
  readonly uri: readonly string[]
  /** Names of other kinds, by their tag number: they are refused, never copied blindly. */
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
/** RFC 5280 appendix A.1, the upper bounds of the attributes that are met in the wild. */
const LONGEST = 256
/** Characters of a whole name as text, so that a list of certificates can be read. */
const LONGEST_NAME = 1024

/** A Name; faults say what is wrong with it. */
export function readDistinguishedName(node: DerNode, what: string, faults: FindingList): DistinguishedName {
  const parts: string[] = []
  let common: string | undefined
  if (node.tag !== TAG.sequence) faults.add(RULE, `${what} is no sequence`)
  const sets = node.tag === TAG.sequence ? childrenOf(node) : []
  for (const set of sets) {
    const together: string[] = []
    if (set.tag !== TAG.set || childrenOf(set).length === 0)
      faults.add(RULE, `${what} has a part that is no set of attributes`)
    for (const pair of childrenOf(set)) {
      const [type, value, more] = childrenOf(pair)
      const oid = readOid(type)
      if (pair.tag !== TAG.sequence || oid === undefined || value === undefined || more !== undefined) {
        faults.add(RULE, `${what} holds something that is no attribute`)
        continue
      }
      const text = readText(value, what, faults)
      together.push(`${SHORT[oid] ?? oid}=${escaped(text)}`)
      if (oid === '2.5.4.3') common = text
    }
    if (together.length > 0) parts.push(together.join('+'))
  }
  const text = parts.join(',')
  if (text.length > LONGEST_NAME)
    faults.add(RULE, `${what} has ${text.length} characters; ${LONGEST_NAME} are taken at most`)
  return { der: rawOf(node), text, commonName: common, isEmpty: parts.length === 0 }
}

function readText(value: DerNode, what: string, faults: FindingList): string {
  if (!STRINGS.includes(value.tag)) {
    faults.add(
      RULE,
      `${what} has a text of a type that is not UTF8String, PrintableString or IA5String (tag ${value.tag})`,
    )
    return ''
  }
  const text = Buffer.from(contentOf(value)).toString('utf8')
  if (text === '') faults.add(RULE, `${what} has an empty attribute`)
  if (text.length > LONGEST) faults.add(RULE, `${what} has an attribute of ${text.length} characters`)
  if (UNPRINTABLE.test(text)) faults.add(RULE, `${what} has a control character in ${quoted(text, 60)}`)
  return text
}

/** Control and format characters move a cursor or turn the direction of writing; U+FFFD stands for what is no UTF-8. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]/u

function escaped(text: string): string {
  return text.replace(/[,+"\\<>;=]/g, (c) => `\\${c}`)
}

/** The names of a subjectAltName; `node` is the GeneralNames sequence. */
export function readAlternativeNames(node: DerNode, faults: FindingList): AlternativeNames {
  const names = {
    dns: [] as string[],
    ip: [] as string[],
    email: [] as string[],
    uri: [] as string[],
    other: [] as number[],
  }
  const all = node.tag === TAG.sequence ? childrenOf(node) : []
  if (all.length === 0) faults.add(SAN_RULE, 'a subjectAltName without a name')
  for (const name of all) {
    const text = Buffer.from(contentOf(name)).toString('latin1')
    const kind = name.tag & 0x1f
    const isText = [1, 2, 6].includes(kind)
    // what is copied into a certificate is copied as it stands
    if ((name.tag & 0xc0) !== 0x80 || ((name.tag & 0x20) !== 0 && (isText || kind === 7))) {
      faults.add(SAN_RULE, `something that is no name, with the tag 0x${name.tag.toString(16).padStart(2, '0')}`)
      names.other.push(kind)
      continue
    }
    if (isText && !/^[\x21-\x7e]+$/.test(text)) {
      faults.add(SAN_RULE, `a name with characters outside of printable ASCII: ${quoted(text, 60)}`)
      names.other.push(kind)
      continue
    }
    if (kind === 2) names.dns.push(text.toLowerCase())
    else if (kind === 1) names.email.push(text)
    else if (kind === 6) names.uri.push(text)
    else if (kind === 7) readIp(contentOf(name), names.ip, faults)
    else names.other.push(kind)
  }
  return names
}

function readIp(bytes: Uint8Array, into: string[], faults: FindingList): void {
  if (bytes.length === 4) into.push([...bytes].join('.'))
  else if (bytes.length === 16) {
    const groups = Array.from({ length: 8 }, (_, n) =>
      (((bytes[2 * n] ?? 0) << 8) | (bytes[2 * n + 1] ?? 0)).toString(16),
    )
    into.push(groups.join(':'))
  } else faults.add(SAN_RULE, `an iPAddress of ${bytes.length} octets; 4 or 16 are due`)
}

/** All names as one list, each with its kind, sorted: equal lists are equal names. */
export function nameList(names: AlternativeNames): readonly string[] {
  return [
    ...names.dns.map((name) => `DNS:${name}`),
    ...names.email.map((name) => `email:${name}`),
    ...names.ip.map((name) => `IP:${name}`),
    ...names.uri.map((name) => `URI:${name}`),
    ...names.other.map((tag) => `other:${tag}`),
  ].sort()
}
