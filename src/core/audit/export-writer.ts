/** Yields a history as lines of an export; memory does not grow with history. */
import { createHash } from 'node:crypto'
import { toBase64 } from '../base/bytes.js'
import { AppError } from '../base/errors.js'
import type { Sha256 } from '../crypto/ports.js'
import type { StoredCommand } from '../eventsourcing/types.js'
import type { FoundFile } from '../store/commit/aggregate-files.js'
import { isCorrupt } from '../store/disk/damage.js'
import { commandName } from '../store/disk/paths.js'
import { parseCommand } from '../store/disk/records.js'
import {
  type ExportedFile,
  type ExportHeader,
  type ExportLine,
  encodeLine,
  filesOf,
  MAX_LINE,
} from './export-format.js'
import type { HistorySource } from './source.js'

export interface ExportOptions {
  readonly header: Omit<ExportHeader, 'type' | 'format' | 'version'>
  /** Hashes of the objects to include, sorted. */
  readonly objects: readonly Sha256[]
  readonly step?: (commit: number) => void
}

/** Yields the complete file. The history must have been verified: missing files were archived elsewhere or declared lost, and are omitted. */
export function* exportLines(source: HistorySource, options: ExportOptions): Generator<string> {
  const hash = createHash('sha256')
  let lines = 0
  const line = (value: ExportLine): string => {
    const text = encodeLine(value)
    hash.update(text)
    lines += 1
    return text
  }
  yield line({ type: 'header', format: 'brine-audit-export', version: 1, ...options.header })
  for (let n = 1; n <= source.head; n++) {
    options.step?.(n)
    for (const file of filesOfCommit(source, n)) {
      const text = line(file)
      if (text.length > MAX_LINE) throw tooLong(file.file)
      yield text
    }
  }
  for (const sha256 of options.objects) yield line({ type: 'object', sha256, base64: toBase64(source.object(sha256)) })
  yield encodeLine({ type: 'end', lines, sha256: hash.digest('hex') as Sha256 })
}

function* filesOfCommit(source: HistorySource, n: number): Generator<ExportedFile> {
  const { record, sha256, bytes } = source.commit(n)
  for (const id of record.aggregates) {
    const name = commandName(id.sequence)
    const found = unlessMissing(() => source.file(id, name, id.command))
    if (found === undefined) continue
    const command: StoredCommand = parseCommand(found.bytes, found.path, id, id.sequence)
    for (const part of filesOf(command)) {
      // snapshots only speed up loading: one that is too long for a line is omitted
      const file = unlessMissing(() => source.file(id, part.name, part.sha256))
      if (file === undefined || (part.type === 'snapshot' && file.bytes.length > MAX_LINE / 2)) continue
      yield lineOf(part.type, source.nameOf(id, part.name), n, part.sha256, file.bytes)
    }
    yield lineOf('command', source.nameOf(id, name), n, id.command, found.bytes)
  }
  yield lineOf('commit', `commits/${n}.json`, n, sha256, bytes)
}

function lineOf(
  type: ExportedFile['type'],
  file: string,
  commit: number,
  sha256: Sha256,
  bytes: Uint8Array,
): ExportedFile {
  return { type, file, commit, sha256, text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) }
}

function unlessMissing(find: () => FoundFile): FoundFile | undefined {
  try {
    return find()
  } catch (error) {
    if (isCorrupt(error)) return undefined
    throw error
  }
}

function tooLong(file: string): AppError {
  return new AppError('rejected', 'export-line-too-long', `${file} is too large for a line of ${MAX_LINE} bytes`)
}
