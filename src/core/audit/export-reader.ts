/**
 * An exported history as a source for the proof: scanned once from end to end, then read by position.
 * Invariant: content is read again with its hash, so that a change of the file after the scan is detected.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { fromBase64, utf8 } from '../base/bytes.js'
import { AppError } from '../base/errors.js'
import { sha256Hex } from '../crypto/digest.js'
import { type AggregateId, formatAggregateId } from '../eventsourcing/types.js'
import { inRanges } from '../store/commit/live-branch.js'
import { commitMissing, fileDamaged, fileMissing } from '../store/disk/damage.js'
import { folderName } from '../store/disk/paths.js'
import { parseCommit } from '../store/disk/records.js'
import { decodeLine, type ExportHeader, type ExportLine, exportDamaged } from './export-format.js'
import { type Place, type Scan, scanExport } from './export-scan.js'
import type { HistorySource } from './source.js'

export interface ExportSource extends HistorySource {
  readonly header: ExportHeader
  close(): void
}

/** Opens an export and reads all of it once. Throws `file-unreadable`, `export-invalid` (usage), `export-damaged` (corrupt), `format-newer`. */
export function openExport(path: string, step?: (bytes: number, total: number) => void): ExportSource {
  const fd = openFile(path)
  try {
    const scan: Scan = { path, commits: 0, head: undefined, pending: [], files: new Map(), objects: new Map() }
    const header = scanExport(fd, scan, step)
    return sourceOf(fd, scan, header)
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function openFile(path: string): number {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    if (fstatSync(fd).isFile()) return fd
    closeSync(fd)
  } catch (cause) {
    const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : 'EIO'
    const details = { path, errno }
    throw new AppError('usage', 'file-unreadable', `cannot read ${path}: ${errno}`, { cause, details })
  }
  throw new AppError('usage', 'file-unreadable', `cannot read ${path}: not a regular file`, { details: { path } })
}

function sourceOf(fd: number, scan: Scan, header: ExportHeader): ExportSource {
  const nameOf = (id: AggregateId, name: string): string => (name === '' ? folderName(id) : `${folderName(id)}/${name}`)
  const read = ({ offset, length }: Place): ExportLine => {
    const bytes = Buffer.allocUnsafe(length)
    let done = 0
    while (done < length) {
      const n = readSync(fd, bytes, done, length - done, offset + done)
      if (n === 0) throw exportDamaged(scan.path, 1, 'the file changed while it was read')
      done += n
    }
    return decodeLine(bytes, scan.path, 1)
  }
  const textOf = (file: string): Uint8Array | undefined => {
    const place = scan.files.get(file)
    const line = place && read(place)
    return line !== undefined && 'text' in line ? utf8(line.text) : undefined
  }
  const snapshots = snapshotsOf(scan)
  const missing = new Map(header.missing.map((m) => [m.aggregate, m.commands]))
  return {
    header,
    close: () => closeSync(fd),
    head: scan.commits,
    nameOf,
    commit(n) {
      const file = `commits/${n}.json`
      const bytes = textOf(file)
      if (bytes === undefined) throw commitMissing(file)
      return { record: parseCommit(bytes, file, n), sha256: sha256Hex(bytes), bytes }
    },
    file(id, name, sha256) {
      const path = nameOf(id, name)
      const bytes = textOf(path)
      if (bytes === undefined) throw fileMissing(path, id)
      if (sha256Hex(bytes) !== sha256) throw fileDamaged(path, 'content does not match its recorded hash', id)
      return { bytes, path, where: 'place' }
    },
    has: (id, name) => scan.files.has(nameOf(id, name)),
    isArchived: (id, sequence) => inRanges(missing.get(formatAggregateId(id)) ?? [], sequence),
    peek: (id, name) => textOf(nameOf(id, name)),
    names: (id) => snapshots.get(folderName(id)) ?? [],
    object(sha256) {
      const place = scan.objects.get(sha256)
      const line = place && read(place)
      const bytes = line?.type === 'object' ? fromBase64(line.base64) : undefined
      if (bytes !== undefined && sha256Hex(bytes) === sha256) return bytes
      throw new AppError('corrupt', 'object-missing', `${sha256}: not in the export`)
    },
  }
}

/** Returns the names of snapshots by folder: the only files that may exist without a record. */
function snapshotsOf({ files }: Scan): ReadonlyMap<string, readonly string[]> {
  const out = new Map<string, string[]>()
  for (const file of files.keys()) {
    const slash = file.lastIndexOf('/')
    const name = file.slice(slash + 1)
    if (!name.startsWith('snapshot-')) continue
    const folder = file.slice(0, slash)
    const names = out.get(folder)
    if (names === undefined) out.set(folder, [name])
    else names.push(name)
  }
  return out
}
