/**
 * Verifies an export in one pass: the order of lines, the hash of each text, the position of each file.
 * Invariant: only positions are kept in memory, never the history.
 */
import { createHash } from 'node:crypto'
import { fstatSync, readSync } from 'node:fs'
import { fromBase64, utf8 } from '../base/bytes.js'
import { AppError } from '../base/errors.js'
import type { Instant } from '../base/time.js'
import { sha256Hex } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import { isCorrupt } from '../store/disk/damage.js'
import { commandName, folderName } from '../store/disk/paths.js'
import { parseCommand, parseCommit } from '../store/disk/records.js'
import {
  canonicalValue,
  decodeLine,
  type ExportEnd,
  type ExportedFile,
  type ExportedObject,
  type ExportHeader,
  type ExportLine,
  exportDamaged,
  filesOf,
  MAX_LINE,
} from './export-format.js'

/** Position of a line, without its newline. */
export interface Place {
  readonly offset: number
  readonly length: number
}

interface At extends Place {
  readonly number: number
}

interface Pending extends Pick<ExportedFile, 'type' | 'file' | 'sha256'> {
  readonly line: number
  /** Hash of a command record. */
  readonly text: string
}

export interface Scan {
  readonly path: string
  /** Number of complete commits. */
  commits: number
  head: { readonly sha256: Sha256; readonly at: Instant; readonly generation: number } | undefined
  /** Files since the last commit. */
  pending: Pending[]
  lastObject?: string
  readonly files: Map<string, Place>
  readonly objects: Map<string, Place>
}

/** Verifies every line in order. Returns the header. */
export function scanExport(
  fd: number,
  scan: Scan,
  step: ((bytes: number, total: number) => void) | undefined,
): ExportHeader {
  const { path } = scan
  const total = fstatSync(fd).size
  const hash = createHash('sha256')
  let header: ExportHeader | undefined
  let [number, offset, ended] = [0, 0, false]
  for (const bytes of linesOf(fd, path)) {
    number += 1
    if (ended) throw exportDamaged(path, number, 'data after the end line')
    const line = number === 1 ? firstLine(bytes, path) : decodeLine(bytes, path, number)
    const at: At = { number, offset, length: bytes.length }
    if (header === undefined) header = line.type === 'header' ? line : notExport(path)
    else if (line.type === 'end') {
      checkEnd(scan, header, line, number, hash.digest('hex'))
      ended = true
    } else if (line.type === 'object') addObject(scan, header, line, at)
    else addFile(scan, line, at)
    if (!ended) hash.update(bytes).update('\n')
    offset += bytes.length + 1
    if (number % 500 === 0) step?.(offset, total)
  }
  if (header === undefined) return notExport(path)
  if (!ended) throw exportDamaged(path, number + 1, 'the file ends too early')
  return header
}

function firstLine(bytes: Uint8Array, path: string): ExportLine {
  try {
    return decodeLine(bytes, path, 1)
  } catch (error) {
    return isCorrupt(error) ? notExport(path) : raise(error)
  }
}

function raise(error: unknown): never {
  throw error
}

function notExport(path: string): never {
  throw new AppError('usage', 'export-invalid', `${path}: not an export of brine`, {
    hint: 'give a file that brine audit export has written',
    details: { path },
  })
}

/** Yields the lines of a file without their newlines. Throws `export-damaged` for a line that is too long or has no end. */
function* linesOf(fd: number, path: string): Generator<Uint8Array> {
  const block = Buffer.allocUnsafe(1 << 20)
  let parts: Buffer[] = []
  let [length, number] = [0, 1]
  for (let n = readSync(fd, block); n > 0; n = readSync(fd, block)) {
    let start = 0
    for (let end = block.indexOf(10); end !== -1 && end < n; end = block.indexOf(10, start)) {
      yield Buffer.concat([...parts, block.subarray(start, end)])
      start = end + 1
      number += 1
      ;[parts, length] = [[], 0]
    }
    if (start < n) parts.push(Buffer.from(block.subarray(start, n)))
    length += n - start
    if (length > MAX_LINE) throw exportDamaged(path, number, `longer than ${MAX_LINE} bytes`)
  }
  if (length > 0) throw exportDamaged(path, number, 'the file ends too early')
}

function addFile(scan: Scan, line: ExportHeader | ExportedFile, at: At): void {
  const { path } = scan
  if (line.type === 'header') throw exportDamaged(path, at.number, 'a second header')
  const { file, text, sha256, commit, type } = line
  if (scan.files.has(file)) throw exportDamaged(path, at.number, `${file} occurs twice`)
  if (commit !== scan.commits + 1) throw exportDamaged(path, at.number, `commit ${scan.commits + 1} is expected here`)
  if (sha256Hex(text) !== sha256) throw exportDamaged(path, at.number, `the text of ${file} does not match its hash`)
  if (!text.endsWith('\n') || canonicalValue(utf8(text.slice(0, -1))) === undefined)
    throw exportDamaged(path, at.number, `${file} is not canonical JSON`)
  if (type === 'commit') addCommit(scan, line, at)
  else scan.pending.push({ type, file, sha256, line: at.number, text: type === 'command' ? text : '' })
  scan.files.set(file, { offset: at.offset, length: at.length })
}

/** Verifies that the files since the previous commit are exactly those of this commit's commands, in order. */
function addCommit(scan: Scan, { file, text, commit, sha256 }: ExportedFile, { number }: At): void {
  const { path, pending } = scan
  if (file !== `commits/${commit}.json`) throw exportDamaged(path, number, `commits/${commit}.json is expected here`)
  const record = atLine(path, number, () => parseCommit(utf8(text), file, commit))
  let next = 0
  for (const id of record.aggregates) {
    const folder = folderName(id)
    const place = pending.findIndex((p, i) => i >= next && p.file === `${folder}/${commandName(id.sequence)}`)
    const own = pending[place]
    if (own === undefined) continue
    const command = atLine(path, own.line, () => parseCommand(utf8(own.text), own.file, id, id.sequence))
    for (const part of filesOf(command)) {
      const candidate = next < place ? pending[next] : undefined
      if (candidate?.file === `${folder}/${part.name}` && candidate.type === part.type) next += 1
    }
    if (next === place) next += 1
    else break
  }
  const misplaced = pending[next]
  if (misplaced !== undefined) throw exportDamaged(path, misplaced.line, `${misplaced.file} is out of place`)
  scan.pending = []
  scan.commits = commit
  scan.head = { sha256, at: record.at, generation: record.generation }
}

function addObject(scan: Scan, header: ExportHeader, { sha256, base64 }: ExportedObject, at: At): void {
  const { path, objects } = scan
  if (!header.objects || scan.commits !== header.commits || scan.pending.length > 0)
    throw exportDamaged(path, at.number, 'no object is expected here')
  if (sha256 <= (scan.lastObject ?? '')) throw exportDamaged(path, at.number, 'objects are not sorted by hash')
  const bytes = fromBase64(base64)
  if (bytes === undefined || sha256Hex(bytes) !== sha256)
    throw exportDamaged(path, at.number, `the bytes of ${sha256} do not match this hash`)
  scan.lastObject = sha256
  objects.set(sha256, { offset: at.offset, length: at.length })
}

function checkEnd(scan: Scan, header: ExportHeader, end: ExportEnd, number: number, sha256: string): void {
  const { path, commits, pending, head } = scan
  const [misplaced] = pending
  if (misplaced !== undefined) throw exportDamaged(path, misplaced.line, `no commit references ${misplaced.file}`)
  if (commits !== header.commits) throw exportDamaged(path, number, `${header.commits} commits were announced`)
  if (end.lines !== number - 1 || end.sha256 !== sha256)
    throw exportDamaged(path, number, 'the lines before it do not match its count and hash')
  if (header.head !== (head?.sha256 ?? null) || header.at !== (head?.at ?? null))
    throw exportDamaged(path, 1, 'the newest commit is not the one that the header names')
  if (header.generation < (head?.generation ?? 0))
    throw exportDamaged(path, 1, 'the newest commit has a later generation')
}

function atLine<T>(path: string, line: number, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw isCorrupt(error) ? exportDamaged(path, line, error.message) : error
  }
}
