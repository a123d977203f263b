/**
 * `archived-records.jsonl` in an aggregate's folder: the exact bytes of the records of archived commands, one a line, and of the commits that
 * name them.
 * Invariant: lines are only appended, and synced before a record leaves its place; a line counts only by its hash, which a commit holds, so
 * that nothing in this file need be trusted.
 */
import * as fs from 'node:fs'
import { join } from 'node:path'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import { statIfExists, syncDir } from '../disk/fs.js'
import { attempt } from '../disk/io-error.js'
import type { Layout } from '../disk/paths.js'
import { appendLines } from '../disk/write-file.js'

export const KEPT_RECORDS = 'archived-records.jsonl'

export function keptRecordsPath(layout: Layout, id: AggregateId): string {
  return join(layout.folder(id), KEPT_RECORDS)
}

/** Position of a line with its newline. */
interface Place {
  readonly offset: number
  readonly length: number
}

interface LineIndex {
  readonly ino: bigint
  /** End of the last complete line. */
  readonly end: number
  readonly lines: Map<Sha256, Place>
}

const BLOCK = 1024 * 1024

const indexes = new WeakMap<Layout, Map<string, LineIndex>>()

/** Returns the record with this hash; undefined if it is not kept. Throws `io`. */
export function keptRecord(layout: Layout, id: AggregateId, sha256: Sha256): Uint8Array | undefined {
  const place = indexOf(layout, id)?.lines.get(sha256)
  if (place === undefined) return undefined
  const bytes = withFile(keptRecordsPath(layout, id), (fd) => {
    const buffer = Buffer.alloc(place.length)
    fs.readSync(fd, buffer, 0, place.length, place.offset)
    return new Uint8Array(buffer)
  })
  return sha256Hex(bytes) === sha256 ? bytes : undefined
}

/** Returns true if the record with this hash is kept. Throws `io`. */
export function isKept(layout: Layout, id: AggregateId, sha256: Sha256): boolean {
  return keptRecord(layout, id, sha256) !== undefined
}

/** Appends records that are not kept yet, durable on return. The caller holds the lock. Throws `io`. */
export function keepRecords(layout: Layout, id: AggregateId, records: readonly Uint8Array[]): void {
  const missing = records.filter((bytes) => !isKept(layout, id, sha256Hex(bytes)))
  if (missing.length === 0) return
  appendLines(keptRecordsPath(layout, id), Buffer.concat(missing))
  syncDir(layout.folder(id))
}

/** Returns every kept line, for a recovery that rebuilds commits. Nothing is verified. Throws `io`. */
export function keptLines(path: string): readonly Uint8Array[] {
  if (statIfExists(path)?.isFile() !== true) return []
  const out: Uint8Array[] = []
  withFile(path, (fd) => readLines(fd, 0, (line) => out.push(Uint8Array.from(line))))
  return out
}

/** Returns the index of the file, which is read again only where it grew. */
function indexOf(layout: Layout, id: AggregateId): LineIndex | undefined {
  const path = keptRecordsPath(layout, id)
  const stat = statIfExists(path)
  if (stat?.isFile() !== true) return undefined
  const own = indexes.get(layout) ?? new Map<string, LineIndex>()
  indexes.set(layout, own)
  const known = own.get(formatAggregateId(id))
  const size = Number(stat.size)
  if (known !== undefined && known.ino === stat.ino && known.end === size) return known
  const grew = known !== undefined && known.ino === stat.ino && known.end < size
  const lines = grew ? known.lines : new Map<Sha256, Place>()
  const end = withFile(path, (fd) =>
    readLines(fd, grew ? known.end : 0, (line, offset) => lines.set(sha256Hex(line), { offset, length: line.length })),
  )
  const index = { ino: stat.ino, end, lines }
  own.set(formatAggregateId(id), index)
  return index
}

function withFile<T>(path: string, work: (fd: number) => T): T {
  return attempt('read', path, () => {
    const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK)
    try {
      return work(fd)
    } finally {
      fs.closeSync(fd)
    }
  })
}

/** Calls `use` with each complete line, its newline included, and its offset. Returns the end of the last one. */
function readLines(fd: number, from: number, use: (line: Uint8Array, offset: number) => void): number {
  const block = Buffer.allocUnsafe(BLOCK)
  let [rest, start, at] = [Buffer.alloc(0), from, from]
  for (let n = fs.readSync(fd, block, 0, BLOCK, at); n > 0; n = fs.readSync(fd, block, 0, BLOCK, at)) {
    at += n
    const data = Buffer.concat([rest, block.subarray(0, n)])
    let low = 0
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, low)) {
      use(data.subarray(low, end + 1), start + low)
      low = end + 1
    }
    rest = data.subarray(low)
    start += low
  }
  return start
}
