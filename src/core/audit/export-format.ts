/**
 * The exported history: JSON lines, each canonical (RFC 8785), in chronological order. A header; for each commit the events, snapshot and
 * record of each command and then the commit, each as the exact text of its file with its hash; objects; an end line.
 * Invariant: a history has exactly one export, so any deviation is an error in the file, reported with its line.
 */
import { AppError } from '../base/errors.js'
import { canonicalJson, type Json } from '../base/json.js'
import { isCount, isHash, isObject, isText, isTime, listOf, objectOf } from '../base/shape.js'
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import type { NumberRange, StoredCommand } from '../eventsourcing/types.js'
import { formatNewer } from '../store/disk/damage.js'
import { eventName, snapshotName } from '../store/disk/paths.js'
import { shapeViolation } from '../store/disk/records.js'

/** Maximum bytes of a line: three times a bulk change of a hundred thousand ROAs. */
export const MAX_LINE = 64 * 1024 * 1024

export interface ExportHeader {
  readonly type: 'header'
  readonly format: 'brine-audit-export'
  readonly version: 1
  /** Id of the data directory, from `init`. */
  readonly instance: string
  readonly generation: number
  readonly commits: number
  /** Hash of the newest commit. */
  readonly head: Sha256 | null
  /** Time of the newest commit. */
  readonly at: Instant | null
  /** Commands that are absent because they were archived elsewhere; nothing else may be missing. */
  readonly missing: readonly MissingCommands[]
  /** True if the published objects are included. */
  readonly objects: boolean
}

export interface MissingCommands {
  /** `ca/acme` */
  readonly aggregate: string
  readonly commands: readonly NumberRange[]
}

/** A stored file; `sha256` is over the bytes of `text`. */
export interface ExportedFile {
  readonly type: 'event' | 'snapshot' | 'command' | 'commit'
  /** Its path in DATA_DIR. */
  readonly file: string
  /** Number of its commit. */
  readonly commit: number
  readonly sha256: Sha256
  readonly text: string
}

export interface ExportedObject {
  readonly type: 'object'
  readonly sha256: Sha256
  readonly base64: string
}

export interface ExportEnd {
  readonly type: 'end'
  /** Number of lines before this one. */
  readonly lines: number
  /** SHA-256 of every byte before this line. */
  readonly sha256: Sha256
}

export type ExportLine = ExportHeader | ExportedFile | ExportedObject | ExportEnd

const FILE = { type: isText, file: isText, commit: isCount, sha256: isHash, text: isText }
const SHAPES: Readonly<Record<ExportLine['type'], Parameters<typeof shapeViolation>[1]>> = {
  header: {
    type: isText,
    format: (v) => v === 'brine-audit-export',
    version: (v) => v === 1,
    instance: isText,
    generation: isCount,
    commits: isCount,
    head: (v) => v === null || isHash(v),
    at: (v) => v === null || isTime(v),
    missing: listOf(objectOf({ aggregate: isText, commands: listOf(isRange) })),
    objects: isBoolean,
  },
  event: FILE,
  snapshot: FILE,
  command: FILE,
  commit: FILE,
  object: { type: isText, sha256: isHash, base64: isText },
  end: { type: isText, lines: isCount, sha256: isHash },
}

function isRange(value: Json): boolean {
  return Array.isArray(value) && value.length === 2 && value.every((n) => isCount(n as Json))
}

function isBoolean(value: Json): boolean {
  return typeof value === 'boolean'
}

/** Returns the text of a line with its newline. */
export function encodeLine(line: ExportLine): string {
  return `${canonicalJson(line)}\n`
}

/** Parses a line. Throws `export-damaged` (corrupt), `format-newer`. */
export function decodeLine(bytes: Uint8Array, path: string, number: number): ExportLine {
  const value = canonicalValue(bytes)
  if (value === undefined || !isObject(value)) throw exportDamaged(path, number, 'not one object as canonical JSON')
  const { type, format, version } = value
  if (format === 'brine-audit-export' && isCount(version ?? null) && Number(version) > 1)
    throw formatNewer(path, Number(version))
  const shape = typeof type === 'string' && Object.hasOwn(SHAPES, type) ? SHAPES[type as ExportLine['type']] : undefined
  const fault = shape === undefined ? 'its type is unknown' : shapeViolation(value, shape)
  if (fault !== undefined) throw exportDamaged(path, number, fault)
  return value as unknown as ExportLine
}

/** Parses canonical JSON; undefined for other bytes, such as a duplicate name, an inexact number or a lone surrogate. */
export function canonicalValue(bytes: Uint8Array): Json | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const value = JSON.parse(text) as Json
    return canonicalJson(value) === text ? value : undefined
  } catch (error) {
    // nesting that is too deep overflows the stack, which is a RangeError
    if (error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError) return undefined
    throw error
  }
}

/** Returns the error for damage in the file, with its line. */
export function exportDamaged(path: string, line: number, why: string): AppError {
  return new AppError('corrupt', 'export-damaged', `${path}: line ${line}: ${why}`, {
    hint: 'export it again: brine audit export --out FILE',
    details: { path, line },
  })
}

/** Returns the files of one command in the order in which they are written, its record last. */
export function filesOf(
  record: StoredCommand,
): readonly { readonly type: 'event' | 'snapshot'; readonly name: string; readonly sha256: Sha256 }[] {
  const { effect } = record
  if (effect.result === 'rejected') return []
  const hashes = effect.result === 'accepted' ? effect.events : []
  const events = hashes.map((sha256, i) => ({ type: 'event' as const, name: eventName(record.version + i), sha256 }))
  if (effect.snapshot === null) return events
  const { version, sha256 } = effect.snapshot
  return [...events, { type: 'snapshot' as const, name: snapshotName(version), sha256 }]
}
