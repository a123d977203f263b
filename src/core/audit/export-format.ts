/**
 * The exported history: JSON lines, each canonical (RFC 8785), in the order in which they came to be. A header; for each commit the events,
 * snapshot and record of each command and then the commit, each as the exact text of its file with its hash; objects; a line that ends it.
 * Invariant: one history has one export, so anything out of place is a fault of the file and is named by its line.
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

/** Bytes of one line: a bulk change of a hundred thousand ROAs has a third of it. */
export const MAX_LINE = 64 * 1024 * 1024

export interface ExportHeader {
  readonly type: 'header'
  readonly format: 'brine-audit-export'
  readonly version: 1
  /** The data directory, as `init` named it. */
  readonly instance: string
  readonly generation: number
  readonly commits: number
  /** Of the newest commit. */
  readonly head: Sha256 | null
  /** When the newest commit was made. */
  readonly at: Instant | null
  /** What is not in it because it was archived elsewhere; only this may be missing. */
  readonly missing: readonly MissingCommands[]
  /** Are the published objects in it? */
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
  /** Where it lies in DATA_DIR. */
  readonly file: string
  /** The commit that it belongs to. */
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
  /** Lines before this one. */
  readonly lines: number
  /** Of every byte before this line. */
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

/** With its newline. */
export function encodeLine(line: ExportLine): string {
  return `${canonicalJson(line)}\n`
}

/** What a line says. Throws `export-damaged` (corrupt), `format-newer`. */
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

/** The value of bytes that are canonical JSON, undefined for any others: a name that is there twice, a number that is not exact, a lone surrogate. */
export function canonicalValue(bytes: Uint8Array): Json | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const value = JSON.parse(text) as Json
    return canonicalJson(value) === text ? value : undefined
  } catch (error) {
    // what nests too deep overflows the stack, which is a RangeError
    if (error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError) return undefined
    throw error
  }
}

/** What is wrong with the file itself, by line. */
export function exportDamaged(path: string, line: number, why: string): AppError {
  return new AppError('corrupt', 'export-damaged', `${path}: line ${line}: ${why}`, {
    hint: 'export it again: brine audit export --out FILE',
    details: { path, line },
  })
}

/** The files of one command in the order in which they are written, its record last. */
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
