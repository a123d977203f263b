/**
 * The format of a segment: many old files of one folder in one file, each byte for byte as it was.
 * Invariant: pure; each entry has its SHA-256 beside it and in the index, so that what is intact is found whatever else is damaged. An entry
 * proves nothing by itself: what commits reference is verified by the hashes in them.
 */
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import { parseFileName } from './paths.js'

/** One packed file. */
export interface SegmentFile {
  readonly name: string
  readonly bytes: Uint8Array
  /** Modification time in epoch seconds. */
  readonly modified: number
}

/** Position of one entry, as the index lists it. */
export interface SegmentEntry {
  readonly name: string
  readonly offset: number
  readonly length: number
  readonly modified: number
  readonly sha256: Sha256
}

/** Numbers of one type of file in a segment. */
export interface SegmentRange {
  readonly type: PackedName['type']
  readonly from: number
  readonly to: number
}

export interface PackedName {
  readonly type: 'commit' | 'event' | 'command' | 'object'
  /** 0 for an object. */
  readonly n: number
}

const MAGIC = 'brine-segment 1\n'
const INDEX = 'index\n'
/** Length of the last line: `end`, the position of the index and its SHA-256. */
export const TRAILER = 4 + 15 + 1 + 64 + 1
const TEXT = new TextEncoder()

/** Parses the name of a file that may be packed; undefined for any other. */
export function parsePackedName(name: string): PackedName | undefined {
  if (/^[0-9a-f]{64}$/.test(name)) return { type: 'object', n: 0 }
  const commit = /^([1-9]\d{0,14})\.json$/.exec(name)?.[1]
  if (commit !== undefined) return { type: 'commit', n: Number(commit) }
  const file = parseFileName(name)
  return file === undefined || file.type === 'snapshot' ? undefined : { type: file.type, n: file.n }
}

/** Returns the bytes of a segment and its file name, which says what it holds. The files have different names that may be packed. */
export function encodeSegment(files: readonly SegmentFile[]): { readonly name: string; readonly bytes: Uint8Array } {
  const parts: Uint8Array[] = [TEXT.encode(MAGIC)]
  let offset = MAGIC.length
  const index: string[] = []
  for (const { name, bytes, modified } of [...files].sort(byName)) {
    const sha256 = sha256Hex(bytes)
    const head = TEXT.encode(`${name} ${bytes.length} ${modified} ${sha256}\n`)
    index.push(`${name} ${offset + head.length} ${bytes.length} ${modified} ${sha256}\n`)
    parts.push(head, bytes, TEXT.encode('\n'))
    offset += head.length + bytes.length + 1
  }
  const lines = TEXT.encode(index.join(''))
  const digest = sha256Hex(lines)
  const end = `end ${String(offset + INDEX.length).padStart(15, '0')} ${digest}\n`
  parts.push(TEXT.encode(INDEX), lines, TEXT.encode(end))
  return { name: segmentName(files, digest), bytes: new Uint8Array(Buffer.concat(parts)) }
}

function byName(a: SegmentFile, b: SegmentFile): number {
  const [left, right] = [parsePackedName(a.name), parsePackedName(b.name)]
  const [first, second] = [left?.type ?? '', right?.type ?? '']
  if (first !== second) return first < second ? -1 : 1
  return (left?.n ?? 0) - (right?.n ?? 0) || (a.name < b.name ? -1 : 1)
}

function segmentName(files: readonly SegmentFile[], digest: string): string {
  const ranges = new Map<string, SegmentRange>()
  for (const { name } of files) {
    const file = parsePackedName(name)
    if (file === undefined) throw new TypeError(`${name} cannot be packed`)
    const { type, n } = file
    const known = ranges.get(type) ?? { type, from: n, to: n }
    ranges.set(type, { type, from: Math.min(known.from, n), to: Math.max(known.to, n) })
  }
  const parts = [...ranges.values()].map(({ type, from, to }) => `${type}-${from}-${to}`).sort()
  return `${parts.join('_')}_${digest.slice(0, 16)}.seg`
}

/** Parses the name of a segment into the ranges that it holds; undefined for any other name. */
export function parseSegmentName(name: string): readonly SegmentRange[] | undefined {
  if (!/^(?:(?:commit|event|command|object)-\d{1,15}-\d{1,15}_)+[0-9a-f]{16}\.seg$/.test(name)) return undefined
  return [...name.matchAll(/(commit|event|command|object)-(\d+)-(\d+)_/g)].map(([, type, from, to]) => ({
    type: type as SegmentRange['type'],
    from: Number(from),
    to: Number(to),
  }))
}

/** Returns true if a segment with these ranges may hold the file. */
export function mayHold(ranges: readonly SegmentRange[], { type, n }: PackedName): boolean {
  return ranges.some((range) => range.type === type && range.from <= n && n <= range.to)
}

/** Returns where the index lies, according to the last bytes of a segment of this size; undefined if they are damaged. */
export function indexPlace(
  trailer: Uint8Array,
  size: number,
): { readonly start: number; readonly end: number; readonly sha256: string } | undefined {
  const m = /^end (\d{15}) ([0-9a-f]{64})\n$/.exec(Buffer.from(trailer).toString('latin1'))
  const [start, end] = [Number(m?.[1]), size - TRAILER]
  return m === null || start < MAGIC.length || start > end ? undefined : { start, end, sha256: m[2] ?? '' }
}

/** Finds a file in the lines of an index; undefined if it is not listed. */
export function findEntry(lines: Buffer, name: string): SegmentEntry | undefined {
  const start = `${name} `
  for (let at = lines.indexOf(start); at >= 0; at = lines.indexOf(start, at + 1)) {
    if (at > 0 && lines[at - 1] !== 10) continue
    return parseLine(lines.toString('latin1', at, lines.indexOf(10, at)))
  }
  return undefined
}

/** Lists all entries in the lines of an index. */
export function entriesOf(lines: Buffer): readonly SegmentEntry[] {
  return lines
    .toString('latin1')
    .split('\n')
    .flatMap((line) => parseLine(line) ?? [])
}

function parseLine(line: string): SegmentEntry | undefined {
  const m = /^(\S+) (\d{1,15}) (\d{1,15}) (\d{1,15}) ([0-9a-f]{64})$/.exec(line)
  if (m === null || parsePackedName(m[1] ?? '') === undefined) return undefined
  const [, name = '', offset, length, modified, sha256] = m
  return {
    name,
    offset: Number(offset),
    length: Number(length),
    modified: Number(modified),
    sha256: sha256 as Sha256,
  }
}

/** Rebuilds the lines of a damaged index from the line before each entry. An entry is listed only if its content has its hash. */
export function rebuildIndex(bytes: Uint8Array): Buffer {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const lines: string[] = []
  for (let at = data.indexOf(10) + 1; at > 0; at = data.indexOf(10, at) + 1) {
    const end = data.indexOf(10, at)
    if (end < 0) break
    const m = /^(\S+) (\d{1,15}) (\d{1,15}) ([0-9a-f]{64})$/.exec(data.toString('latin1', at, Math.min(end, at + 256)))
    if (m === null || parsePackedName(m[1] ?? '') === undefined) continue
    const [, name, length, modified, sha256] = m
    const content = data.subarray(end + 1, end + 1 + Number(length))
    if (content.length !== Number(length) || sha256Hex(content) !== sha256) continue
    lines.push(`${name} ${end + 1} ${length} ${modified} ${sha256}\n`)
    // the newline after the content
    at = end + 1 + content.length
  }
  return Buffer.from(lines.join(''), 'latin1')
}
