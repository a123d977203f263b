/**
 * Encoding and strict parsing of stored records: canonical JSON and a newline, hashed as bytes.
 * Invariant: an unknown key or type is damage, an unknown format means a newer program; neither is ever interpreted.
 */
import { equalBytes, utf8 } from '../../base/bytes.js'
import { canonicalJson, isCanonicalText, type Json } from '../../base/json.js'
import {
  type Check,
  isAny,
  isCount,
  isHash,
  isName,
  isObject,
  isOne,
  isPositive,
  isText,
  isTime,
  type JsonObject,
  listOf,
  mismatch,
  objectOf,
  orNull,
  type Shape,
} from '../../base/shape.js'
import {
  type AggregateId,
  isKind,
  type StoredCommand,
  type StoredCommit,
  type StoredEvent,
  type StoredSnapshot,
} from '../../eventsourcing/types.js'
import { fileDamaged, formatNewer } from './damage.js'

/** Encodes a record as stored on disk. */
export function encodeRecord(value: unknown): Uint8Array {
  return utf8(`${canonicalJson(value)}\n`)
}

/** Returns true if `bytes` are the encoding of the record. A duplicate name, an inexact number or white space makes them differ. */
export function isCanonical(record: unknown, bytes: Uint8Array): boolean {
  try {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
    return text.endsWith('\n') && isCanonicalText(record as Json, text.slice(0, -1)) && equalBytes(utf8(text), bytes)
  } catch (error) {
    // a number that JSON cannot express, a lone surrogate; deep nesting overflows the stack
    if (error instanceof TypeError || error instanceof RangeError) return false
    throw error
  }
}

/** Bytes of the largest commit or command record that is read without a known hash: a bulk change of 100,000 ROAs has a tenth of it. */
export const COMMAND_LIMIT = 64 * 1024 * 1024

export const NOT_CANONICAL = 'not canonical JSON, so brine did not write it'

/** Parses the JSON object in a file. Throws `file-damaged` if it does not contain one. */
export function parseObject(bytes: Uint8Array, path: string, id?: AggregateId): JsonObject {
  let value: Json
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)) as Json
  } catch {
    throw fileDamaged(path, bytes.length === 0 ? 'the file is empty' : 'not JSON', id)
  }
  if (!isObject(value)) throw fileDamaged(path, 'not a JSON object', id)
  return value
}

/** Describes the first violation of a shape by an object; undefined if it fits. */
export function shapeViolation(value: JsonObject, shape: Shape): string | undefined {
  const found = mismatch(value, shape)
  if (found === undefined) return undefined
  if (found.problem === 'unknown member') return `unknown key ${JSON.stringify(found.member.slice(0, 40))}`
  return `${found.path.replace(/^\$\.?/, '')} ${found.problem === 'missing member' ? 'is missing' : 'has an invalid value'}`
}

/** Parses a file that must have this shape and a format up to `newest`. Throws `format-newer` or `file-damaged`. */
export function parseShape(bytes: Uint8Array, path: string, shape: Shape, id?: AggregateId, newest = 1): JsonObject {
  const value = parseObject(bytes, path, id)
  const format = value['format']
  if (Object.hasOwn(shape, 'format') && typeof format === 'number' && Number.isSafeInteger(format) && format > newest)
    throw formatNewer(path, format)
  const violation = shapeViolation(value, shape)
  if (violation !== undefined) throw fileDamaged(path, violation, id)
  return value
}

const MEMBER: Shape = { kind: isKind, handle: isName }
const ENTRY: Shape = { ...MEMBER, version: isCount, sequence: isPositive, command: isHash }
const COMMIT_FORMAT = 4
const isRange: Check = (v) => Array.isArray(v) && v.length === 2 && (v as readonly Json[]).every(isCount)
const ARCHIVED = listOf(objectOf({ ...MEMBER, commands: listOf(isRange) }))
const COMMIT: Shape = {
  format: (v) => isPositive(v) && Number(v) <= COMMIT_FORMAT,
  commit: isPositive,
  at: isTime,
  generation: isCount,
  aggregates: listOf(objectOf(ENTRY)),
  roster: isPositive,
  'members?': listOf(objectOf(MEMBER)),
  'marker?': isHash,
  'archived?': ARCHIVED,
  'claimed?': ARCHIVED,
  previous: orNull(isHash),
}
const ACCEPTED: Shape = {
  result: (v) => v === 'accepted',
  events: listOf(isHash),
  snapshot: orNull(objectOf({ version: isPositive, sha256: isHash })),
}
const REJECTED: Shape = { result: (v) => v === 'rejected', code: isText, message: isText }
const RECOVERED: Shape = {
  result: (v) => v === 'recovered',
  base: objectOf({ version: isCount, sequence: isCount }),
  snapshot: objectOf({ version: isPositive, sha256: isHash }),
  gone: objectOf({ commands: listOf(isRange), events: listOf(isRange), 'snapshots?': listOf(isRange) }),
}
const COMMAND: Shape = {
  ...MEMBER,
  format: isOne,
  sequence: isPositive,
  version: isCount,
  commit: isPositive,
  at: isTime,
  actor: isText,
  osUser: isText,
  host: isText,
  'reason?': isText,
  configDigest: isText,
  command: objectOf({ type: isText, args: isAny }),
  effect: (v) => [ACCEPTED, REJECTED, RECOVERED].some((shape) => objectOf(shape)(v)),
  previous: orNull(isHash),
}
const EVENT: Shape = { ...MEMBER, version: isCount, event: (v) => isObject(v) && typeof v['type'] === 'string' }
const SNAPSHOT: Shape = { ...MEMBER, format: isOne, version: isPositive, sequence: isPositive, state: isAny }

/** Parses the commit record in the file of commit `n`. Throws `format-newer` or `file-damaged`. */
export function parseCommit(bytes: Uint8Array, path: string, n: number): StoredCommit {
  const commit = parseShape(bytes, path, COMMIT, undefined, COMMIT_FORMAT) as unknown as StoredCommit
  if (commit.commit !== n) throw fileDamaged(path, `contains commit ${commit.commit} instead of ${n}`)
  if (!isCanonical(commit, bytes)) throw fileDamaged(path, NOT_CANONICAL)
  if (commit.roster > n || (commit.members !== undefined) !== (commit.roster === n))
    throw fileDamaged(path, 'roster is invalid')
  if ((commit.marker !== undefined) !== commit.format > 1) throw fileDamaged(path, 'marker is invalid')
  if ((commit.archived ?? commit.claimed) !== undefined && commit.format < 3)
    throw fileDamaged(path, 'archived is invalid')
  return commit
}

/** Parses the command record in the file of this aggregate and sequence. Throws `format-newer` or `file-damaged`. */
export function parseCommand(bytes: Uint8Array, path: string, id: AggregateId, sequence: number): StoredCommand {
  const record = parseShape(bytes, path, COMMAND, id) as unknown as StoredCommand
  if (record.sequence !== sequence)
    throw fileDamaged(path, `contains command ${record.sequence} instead of ${sequence}`, id)
  return ofAggregate(record, path, id)
}

/** Parses the event in the file of this aggregate and version. Throws `file-damaged`. */
export function parseEvent(bytes: Uint8Array, path: string, id: AggregateId, version: number): StoredEvent {
  const record = parseShape(bytes, path, EVENT, id) as unknown as StoredEvent
  if (record.version !== version) throw fileDamaged(path, `contains event ${record.version} instead of ${version}`, id)
  return ofAggregate(record, path, id)
}

/** Parses the snapshot of this aggregate. Throws `format-newer` or `file-damaged`. */
export function parseSnapshot(bytes: Uint8Array, path: string, id: AggregateId): StoredSnapshot {
  return ofAggregate(parseShape(bytes, path, SNAPSHOT, id) as unknown as StoredSnapshot, path, id)
}

function ofAggregate<R extends AggregateId>(record: R, path: string, id: AggregateId): R {
  if (record.kind !== id.kind || record.handle !== id.handle)
    throw fileDamaged(path, 'belongs to another aggregate', id)
  return record
}
