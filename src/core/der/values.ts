/** Typed values of DER nodes. Each function returns undefined for another type; the caller reports the rule that this breaks. */
import type { Instant } from '../base/time.js'
import type { FindingList } from './findings.js'
import { instantOfTime, textOf } from './primitives.js'
import { contentOf, type DerNode, elementsIn, isType, TAG } from './reader.js'

/** No object of the RPKI needs more; a serial number of a megabyte would take seconds to convert. */
const MAX_INTEGER_OCTETS = 64

/** A constructed element: its name for findings, the rule that defines it, its identifier octet, and the least and most members that it may have. */
export interface Frame {
  readonly what: string
  readonly rule: string
  readonly tag: number
  /** 0 where absent. */
  readonly least?: number
  /** No limit where absent. */
  readonly most?: number
}

/** Returns the members of a constructed element, at most `frame.most`. Another tag, or a count outside of the frame, is a finding; members are read on. */
export function membersOf(node: DerNode | undefined, frame: Frame, findings: FindingList): readonly DerNode[] {
  const members = node === undefined ? [] : elementsIn(node)
  const { what, rule, tag, least = 0, most = Number.POSITIVE_INFINITY } = frame
  if (node === undefined) findings.add(rule, `${what} is missing`)
  else if (node.tag !== tag) findings.add(rule, `${what} is ${tagName(node.tag)}, not ${tagName(tag)}`)
  else if (members.length < least || members.length > most) {
    const due = least === most ? `${most}` : `${least} to ${most}`
    findings.add(
      rule,
      `${what} has ${members.length} members, not ${Number.isFinite(most) ? due : `at least ${least}`}`,
    )
  }
  return members.slice(0, most)
}

/** Returns the name of an identifier octet in ASN.1, for a message. */
function tagName(tag: number): string {
  const name = TAG_NAMES.get(tag)
  if (name !== undefined) return name
  const number = tag & 0x1f
  if ((tag & 0xc0) === 0x80) return `[${number}]${(tag & 0x20) === 0 ? ' (primitive)' : ''}`
  return `an element of tag 0x${tag.toString(16).padStart(2, '0')}`
}

const TAG_NAMES: ReadonlyMap<number, string> = new Map([
  [TAG.boolean, 'a BOOLEAN'],
  [TAG.integer, 'an INTEGER'],
  [TAG.bitString, 'a BIT STRING'],
  [TAG.octetString, 'an OCTET STRING'],
  [TAG.null, 'NULL'],
  [TAG.oid, 'an OBJECT IDENTIFIER'],
  [TAG.sequence, 'a SEQUENCE'],
  [TAG.set, 'a SET'],
])

/** Returns a signed INTEGER; undefined for another type or more than 64 octets. */
export function readInteger(node: DerNode | undefined): bigint | undefined {
  if (!isType(node, TAG.integer)) return undefined
  const content = contentOf(node)
  if (content.length === 0 || content.length > MAX_INTEGER_OCTETS) return undefined
  const unsigned = BigInt(`0x${Buffer.from(content).toString('hex')}`)
  return (content[0] ?? 0) < 0x80 ? unsigned : unsigned - (1n << BigInt(content.length * 8))
}

/** Returns an object identifier as dotted text. */
export function readOid(node: DerNode | undefined): string | undefined {
  return isType(node, TAG.oid) ? dotted(contentOf(node)) : undefined
}

function dotted(content: Uint8Array): string | undefined {
  if (content.length > 64) return undefined
  const arcs: (number | bigint)[] = []
  let value: number | bigint = 0
  for (const octet of content) {
    const isLarge: boolean = typeof value === 'bigint' || value > 2 ** 45
    value = isLarge ? BigInt(value) * 128n + BigInt(octet & 0x7f) : Number(value) * 128 + (octet & 0x7f)
    if (octet >= 0x80) continue
    arcs.push(value)
    value = 0
  }
  const [first, ...rest] = arcs
  if (first === undefined) return undefined
  const top = first < 40 ? 0 : first < 80 ? 1 : 2
  const second = typeof first === 'bigint' ? first - 80n : first - top * 40
  return [top, second, ...rest].join('.')
}

export function readOctets(node: DerNode | undefined): Uint8Array | undefined {
  return isType(node, TAG.octetString) ? contentOf(node) : undefined
}

export interface Bits {
  readonly bytes: Uint8Array
  readonly unused: number
}

export function readBits(node: DerNode | undefined): Bits | undefined {
  if (!isType(node, TAG.bitString)) return undefined
  const content = contentOf(node)
  const unused = content[0]
  if (unused === undefined || unused > 7 || (content.length === 1 && unused > 0)) return undefined
  return { bytes: content.subarray(1), unused }
}

export function readBoolean(node: DerNode | undefined): boolean | undefined {
  if (!isType(node, TAG.boolean)) return undefined
  const value = contentOf(node)[0]
  return value === undefined ? undefined : value !== 0
}

export function readTime(node: DerNode | undefined): Instant | undefined {
  if (node === undefined || (node.tag !== TAG.utcTime && node.tag !== TAG.generalizedTime)) return undefined
  return instantOfTime(node.tag, textOf(contentOf(node)))
}
