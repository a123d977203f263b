/**
 * Strict DER reader (X.690). One pass over the bytes finds every departure from DER without building a tree; elements are then
 * read level by level on demand. Invariants: nothing is thrown, depth and element count are bounded, no length is trusted.
 */
import { compareBytes } from '../base/bytes.js'
import { createFindings, type FindingList } from './findings.js'
import { checkPrimitive } from './primitives.js'

export interface DerNode {
  /** Identifier octet: class, constructed bit, number. */
  readonly tag: number
  readonly bytes: Uint8Array
  readonly start: number
  /** Offsets of the start and end of the content; `next` is the offset after the element (and its end-of-contents octets). */
  readonly body: number
  readonly end: number
  readonly next: number
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/** A signed object nests about 15 deep. */
const MAX_DEPTH = 32
/** A CRL of 8 MB holds about 600,000 elements; zero-length ones by the million are an attack. */
const MAX_NODES = 800_000

interface Scan {
  readonly bytes: Uint8Array
  readonly findings: FindingList
  readonly most: number
  nodes: number
}

interface Header {
  readonly tag: number
  readonly body: number
  /** -1: indefinite. */
  readonly length: number
  readonly minimal: boolean
}

/**
 * Returns the one element that fills `bytes`; undefined, with a finding, where the bytes are not ASN.1 or have more than `most` elements. BER
 * is read, and each departure from DER is a finding.
 */
export function parseDer(bytes: Uint8Array, findings: FindingList, most = MAX_NODES): DerNode | undefined {
  if (bytes.length === 0) {
    findings.add('X.690 section 8.1.1', 'no octets at all')
    return undefined
  }
  const found = createFindings()
  const next = scanElement({ bytes, findings: found, most, nodes: 0 }, 0, bytes.length, 0)
  if (next < 0) {
    // the last finding is the one that ended the reading; those before it are of no use
    findings.addAll(found.all().slice(-1))
    return undefined
  }
  findings.addAll(found.all())
  if (next < bytes.length) findings.add('X.690 section 8.1.1', `${bytes.length - next} octets of trailing garbage`)
  return nodeAt(bytes, 0, bytes.length)
}

/** Reads DER inside a string of another object, as `parseDer` does; its findings name the place. */
export function parseInner(bytes: Uint8Array, where: string, findings: FindingList): DerNode | undefined {
  const inner = createFindings()
  const node = parseDer(bytes, inner)
  findings.addAll(inner.all().map((finding) => ({ ...finding, message: `in the ${where}: ${finding.message}` })))
  return node
}

/** Returns the members of an element with the identifier octet `tag`, in wire order; none for another tag. A decoder that has findings uses `membersOf`. */
export function childrenOf(node: DerNode | undefined, tag: number): readonly DerNode[] {
  return node?.tag === tag ? elementsIn(node) : []
}

/** Returns the elements inside any constructed element, in wire order; none for a primitive one. For this folder alone: a decoder names the tag that it expects. */
export function elementsIn(node: DerNode): readonly DerNode[] {
  if ((node.tag & 0x20) === 0) return []
  const children: DerNode[] = []
  let at = node.body
  while (at < node.end) {
    const child = nodeAt(node.bytes, at, node.end)
    if (child === undefined) break
    children.push(child)
    at = child.next
  }
  return children
}

/** Returns the octets of the whole element as they are in the file. */
export function rawOf(node: DerNode): Uint8Array {
  return node.bytes.subarray(node.start, node.next)
}

/** Returns the content octets; the parts of a constructed string are joined. */
export function contentOf(node: DerNode): Uint8Array {
  if ((node.tag & 0xe0) !== 0x20 || node.tag === TAG.sequence || node.tag === TAG.set)
    return node.bytes.subarray(node.body, node.end)
  return Buffer.concat(elementsIn(node).map(contentOf))
}

/** Returns the element in DER, its members in wire order: the signed octets where the wire carries BER. */
export function toDer(node: DerNode, tag = node.tag): Uint8Array {
  const isString = (tag & 0xc0) === 0 && tag !== TAG.sequence && tag !== TAG.set
  const isMade = (tag & 0x20) !== 0 && !isString
  const content = isMade ? Buffer.concat(elementsIn(node).map((child) => toDer(child))) : contentOf(node)
  const size: number[] = []
  for (let rest = content.length; rest > 0; rest = Math.floor(rest / 256)) size.unshift(rest % 256)
  const length = content.length < 0x80 ? [content.length] : [0x80 | size.length, ...size]
  return Buffer.concat([Uint8Array.of(isString ? tag & 0xdf : tag, ...length), content])
}

/** Returns true for the universal type `tag`, in its primitive or (BER) constructed form. */
export function isType(node: DerNode | undefined, tag: number): node is DerNode {
  return node !== undefined && (node.tag === tag || (tag < 0x30 && node.tag === (tag | 0x20)))
}

/** Returns true for the identifier octet `tag`, in exactly this form. */
export function hasTag(node: DerNode | undefined, tag: number): node is DerNode {
  return node?.tag === tag
}

/** Returns the identifier octet of `[number]` in its primitive form: an implicit tag of a primitive type. */
export function primitiveTag(number: number): number {
  return 0x80 | number
}

/** Returns the identifier octet of `[number]` in its constructed form: an explicit tag, or an implicit one of a SEQUENCE or SET. */
export function constructedTag(number: number): number {
  return 0xa0 | number
}

function headerAt(bytes: Uint8Array, at: number, limit: number): Header | string {
  const tag = bytes[at]
  const first = bytes[at + 1]
  if (tag === undefined || first === undefined || at + 2 > limit) return `truncated at octet ${at}`
  if ((tag & 0x1f) === 0x1f) return `tag number above 30 at octet ${at}`
  if (first < 0x80) return { tag, body: at + 2, length: first, minimal: true }
  if (first === 0x80) return { tag, body: at + 2, length: -1, minimal: false }
  const count = first & 0x7f
  if (count === 0x7f) return `reserved length octet 0xff at octet ${at + 1}`
  if (at + 2 + count > limit) return `truncated length at octet ${at + 1}`
  let length = 0
  for (let i = 0; i < count; i++) length = Math.min(length * 256 + (bytes[at + 2 + i] ?? 0), Number.MAX_SAFE_INTEGER)
  const minimal = bytes[at + 2] !== 0 && length >= 0x80
  return { tag, body: at + 2 + count, length, minimal }
}

/** Checks the element at `at` and all it holds; returns where it ends, or -1 after a fault that leaves nothing to read. */
function scanElement(scan: Scan, at: number, limit: number, depth: number): number {
  const { bytes, findings } = scan
  scan.nodes += 1
  if (scan.nodes > scan.most) return fatal(findings, '8.1.1', `more than ${scan.most} elements`)
  if (depth > MAX_DEPTH) return fatal(findings, '8.1.1', `nested deeper than ${MAX_DEPTH} at octet ${at}`)
  const header = headerAt(bytes, at, limit)
  if (typeof header === 'string') return fatal(findings, '8.1', header)
  const { tag, body, length } = header
  const isConstructed = (tag & 0x20) !== 0
  checkForm(findings, tag, at)
  if (length < 0) {
    if (!isConstructed) return fatal(findings, '8.1.3.2', `indefinite length of a primitive element at octet ${at}`)
    findings.tolerate('X.690 section 10.1', `indefinite length at octet ${at}`)
    return scanIndefinite(scan, body, limit, depth)
  }
  if (!header.minimal) findings.tolerate('X.690 section 10.1', `length is not in its shortest form at octet ${at}`)
  const end = body + length
  if (end > limit) return fatal(findings, '8.1.3', `length ${length} overruns what holds it at octet ${at}`)
  if (!isConstructed) {
    if ((tag & 0xc0) === 0) checkPrimitive(findings, tag, bytes, body, end, at)
    return end
  }
  return scanMembers(scan, tag, body, end, depth) ? end : -1
}

function scanMembers(scan: Scan, tag: number, body: number, end: number, depth: number): boolean {
  let previous = -1
  let at = body
  while (at < end) {
    const next = scanElement(scan, at, end, depth + 1)
    if (next < 0) return false
    if (tag === TAG.set && previous >= 0) {
      const isSorted = compareBytes(scan.bytes.subarray(previous, at), scan.bytes.subarray(at, next)) <= 0
      if (!isSorted) scan.findings.tolerate('X.690 section 11.6', `SET OF is not sorted at octet ${at}`)
    }
    previous = at
    at = next
  }
  return true
}

function scanIndefinite(scan: Scan, body: number, limit: number, depth: number): number {
  let at = body
  for (;;) {
    if (at + 2 > limit) return fatal(scan.findings, '8.1.5', `no end-of-contents octets for octet ${body}`)
    if (scan.bytes[at] === 0 && scan.bytes[at + 1] === 0) return at + 2
    at = scanElement(scan, at, limit, depth + 1)
    if (at < 0) return -1
  }
}

/** X.690 sections 8.9, 8.11 and 10.2: sequences and sets are constructed, everything else universal is primitive. */
function checkForm(findings: FindingList, tag: number, at: number): void {
  if ((tag & 0xc0) !== 0) return
  const number = tag & 0x1f
  const isList = number === 0x10 || number === 0x11
  const isConstructed = (tag & 0x20) !== 0
  if (isList && !isConstructed) findings.add('X.690 section 8.9.1', `primitive SEQUENCE or SET at octet ${at}`)
  if (!isList && isConstructed) {
    const isString = number === 3 || number === 4 || (number >= 12 && number !== 23 && number !== 24)
    if (isString) findings.tolerate('X.690 section 10.2', `constructed string (universal ${number}) at octet ${at}`)
    else findings.add('X.690 section 8.1.2.5', `constructed universal type ${number} at octet ${at}`)
  }
}

function fatal(findings: FindingList, section: string, message: string): -1 {
  findings.add(`X.690 section ${section}`, `malformed: ${message}`)
  return -1
}

/** Returns the element at `at` of bytes that were scanned. */
function nodeAt(bytes: Uint8Array, at: number, limit: number): DerNode | undefined {
  const header = headerAt(bytes, at, limit)
  if (typeof header === 'string') return undefined
  const { tag, body, length } = header
  if (length >= 0) {
    const end = body + length
    return end > limit ? undefined : { tag, bytes, start: at, body, end, next: end }
  }
  let end = body
  while (!(bytes[end] === 0 && bytes[end + 1] === 0)) {
    const child = nodeAt(bytes, end, limit)
    if (child === undefined) return undefined
    end = child.next
  }
  return { tag, bytes, start: at, body, end, next: end + 2 }
}
