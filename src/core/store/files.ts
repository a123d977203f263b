/**
 * One aggregate's files, found by name and proved by hash.
 * Invariant: bytes are returned only when a commit vouches for them, wherever they lie (in place, `archived/`, or wrongly in `surplus/`).
 */
import { join } from 'node:path'
import { sha256Hex } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import type { AggregateId, StoredCommand } from '../eventsourcing/types.js'
import type { Cut } from './cut.js'
import { fileDamaged, fileMissing, isCorrupt } from './damage.js'
import { listDir, readIfThere, statIfThere } from './fs.js'
import { commandName } from './layout.js'
import { parseCommand } from './records.js'

export interface FoundFile {
  readonly bytes: Uint8Array
  readonly path: string
  /** `surplus` wants to be put back by the next writer. */
  readonly where: 'place' | 'archived' | 'surplus'
}

/** A file of this name and hash. Throws `file-missing` or `file-damaged`. */
export function findFile(folder: string, name: string, sha256: Sha256, id: AggregateId): FoundFile {
  const place = join(folder, name)
  // once more, since a file may be put back in its place between two looks
  const found = lookFor(folder, name, sha256) ?? lookFor(folder, name, sha256)
  if (found !== undefined) return found
  const there = statIfThere(place)
  if (there === undefined) throw fileMissing(place, id)
  throw fileDamaged(place, there.isFile() ? 'its hash is not the one that was recorded' : 'not a regular file', id)
}

function lookFor(folder: string, name: string, sha256: Sha256): FoundFile | undefined {
  const matches = (path: string): Uint8Array | undefined => {
    // a folder or a link is not the file, and what lies elsewhere may be
    if (statIfThere(path)?.isFile() !== true) return undefined
    const bytes = readIfThere(path)
    return bytes !== undefined && sha256Hex(bytes) === sha256 ? bytes : undefined
  }
  for (const where of ['place', 'archived'] as const) {
    const path = where === 'place' ? join(folder, name) : join(folder, 'archived', name)
    const bytes = matches(path)
    if (bytes !== undefined) return { bytes, path, where }
  }
  // an overtaken writer may have swept a file away that was committed a moment later: its hash finds it
  for (const other of listDir(join(folder, 'surplus'))) {
    if (!other.startsWith(`${name}.`)) continue
    const path = join(folder, 'surplus', other)
    const bytes = matches(path)
    if (bytes !== undefined) return { bytes, path, where: 'surplus' }
  }
  return undefined
}

export interface FoundCommand {
  readonly record: StoredCommand
  readonly sha256: Sha256
  readonly file: FoundFile
}

/** The command record with this hash. */
export function readCommand(folder: string, id: AggregateId, sequence: number, sha256: Sha256): FoundCommand {
  const file = findFile(folder, commandName(sequence), sha256, id)
  return { record: parseCommand(file.bytes, file.path, id, sequence), sha256, file }
}

/** What lies in place under a command's name, `unread` when it is no record of it. Vouched for by nothing. */
export function peekCommand(folder: string, id: AggregateId, sequence: number): StoredCommand | 'unread' | undefined {
  for (const path of [join(folder, commandName(sequence)), join(folder, 'archived', commandName(sequence))]) {
    try {
      const bytes = readIfThere(path)
      if (bytes === undefined) continue
      return parseCommand(bytes, path, id, sequence)
    } catch (error) {
      if (!isCorrupt(error)) throw error
      return 'unread'
    }
  }
  return undefined
}

/** The command record that some commit of the cut names. Throws `file-missing` or `file-damaged`. */
export function commandOf(cut: Pick<Cut, 'layout' | 'log' | 'head'>, id: AggregateId, sequence: number): FoundCommand {
  const folder = cut.layout.folder(id)
  const peek = peekCommand(folder, id, sequence)
  if (peek !== undefined && peek !== 'unread' && peek.commit <= cut.head) {
    const entry = cut.log.entry(peek.commit, id)
    if (entry?.sequence === sequence) return readCommand(folder, id, sequence, entry.command)
  }
  for (let n = cut.head; n >= 1; n--) {
    const entry = cut.log.entry(n, id)
    if (entry === undefined || entry.sequence > sequence) continue
    if (entry.sequence === sequence) return readCommand(folder, id, sequence, entry.command)
    break
  }
  throw fileMissing(join(folder, commandName(sequence)), id)
}
