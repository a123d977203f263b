/**
 * The stored files as bytes and back: canonical JSON and a newline, hashed as bytes, read strictly.
 * Invariant: an unknown key or type is damage, an unknown format is a newer program; neither is ever guessed at.
 */
import { equalBytes, utf8 } from '../../base/bytes.js'
import { canonicalJson, type Json } from '../../base/json.js'
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

/** The bytes of a record as they lie on disk. */
export function encodeRecord(value: unknown): Uint8Array {
  return utf8(`${canonicalJson(value)}\n`)
}

/** Is this what the record lies on disk as? A name that is there twice, a number that is not exact, white space: then it is not. */
export function isCanonical(record: unknown, bytes: Uint8Array): boolean {
  try {
    return equalBytes(encodeRecord(record), bytes)
  } catch (error) {
    // no JSON number, a lone surrogate; what nests too deep overflows the stack
    if (error instanceof TypeError || error instanceof RangeError) return false
    throw error
  }
}

/** Bytes of a commit or command record that nobody vouches for yet: a bulk change of a hundred thousand ROAs has a tenth of it. */
export const COMMAND_LIMIT = 64 * 1024 * 1024

export const NOT_CANONICAL = 'not canonical JSON: this program did not write it'

/** The JSON object in a file. Throws `file-damaged` when there is none. */
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

/** Says in words what is wrong with an object against its shape; undefined when nothing is. */
export function shapeViolation(value: JsonObject, shape: Shape): string | undefined {
  const found = mismatch(value, shape)
  if (found === undefined) return undefined
  if (found.problem === 'unknown member') return `unknown key ${JSON.stringify(found.member.slice(0, 40))}`
  return `${found.path.replace(/^\$\.?/, '')} is ${found.problem === 'missing member' ? 'missing' : 'wrong'}`
}

/** Parses a file of format 1 of this shape. Throws `format-newer` or `file-damaged`. */
export function parseShape(bytes: Uint8Array, path: string, shape: Shape, id?: AggregateId): JsonObject {
  const value = parseObject(bytes, path, id)
  const format = value['format']
  if (Object.hasOwn(shape, 'format') && typeof format === 'number' && Number.isSafeInteger(format) && format > 1)
    throw formatNewer(path, format)
  const fault = shapeViolation(value, shape)
  if (fault !== undefined) throw fileDamaged(path, fault, id)
  return value
}

const MEMBER: Shape = { kind: isKind, handle: isName }
const ENTRY: Shape = { ...MEMBER, version: isCount, sequence: isPositive, command: isHash }
const COMMIT: Shape = {
  format: isOne,
  commit: isPositive,
  at: isTime,
  generation: isCount,
  aggregates: listOf(objectOf(ENTRY)),
  roster: isPositive,
  'members?': listOf(objectOf(MEMBER)),
  previous: orNull(isHash),
}
const ACCEPTED: Shape = {
  result: (v) => v === 'accepted',
  events: listOf(isHash),
  snapshot: orNull(objectOf({ version: isPositive, sha256: isHash })),
}
const REJECTED: Shape = { result: (v) => v === 'rejected', code: isText, message: isText }
const isRange: Check = (v) => Array.isArray(v) && v.length === 2 && (v as readonly Json[]).every(isCount)
const RECOVERED: Shape = {
  result: (v) => v === 'recovered',
  base: objectOf({ version: isCount, sequence: isCount }),
  snapshot: objectOf({ version: isPositive, sha256: isHash }),
  gone: objectOf({ commands: listOf(isRange), events: listOf(isRange) }),
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

/** The commit record in a file named for commit `n`. */
export function parseCommit(bytes: Uint8Array, path: string, n: number): StoredCommit {
  const commit = parseShape(bytes, path, COMMIT) as unknown as StoredCommit
  if (commit.commit !== n) throw fileDamaged(path, `it says that it is commit ${commit.commit}`)
  if (!isCanonical(commit, bytes)) throw fileDamaged(path, NOT_CANONICAL)
  if (commit.roster > n || (commit.members !== undefined) !== (commit.roster === n))
    throw fileDamaged(path, 'roster is wrong')
  return commit
}

/** The command record in a file named for this aggregate and sequence. */
export function parseCommand(bytes: Uint8Array, path: string, id: AggregateId, sequence: number): StoredCommand {
  const record = parseShape(bytes, path, COMMAND, id) as unknown as StoredCommand
  if (record.sequence !== sequence) throw fileDamaged(path, `it says that it is command ${record.sequence}`, id)
  return ofAggregate(record, path, id)
}

export function parseEvent(bytes: Uint8Array, path: string, id: AggregateId, version: number): StoredEvent {
  const record = parseShape(bytes, path, EVENT, id) as unknown as StoredEvent
  if (record.version !== version) throw fileDamaged(path, `it says that it is event ${record.version}`, id)
  return ofAggregate(record, path, id)
}

export function parseSnapshot(bytes: Uint8Array, path: string, id: AggregateId): StoredSnapshot {
  return ofAggregate(parseShape(bytes, path, SNAPSHOT, id) as unknown as StoredSnapshot, path, id)
}

function ofAggregate<R extends AggregateId>(record: R, path: string, id: AggregateId): R {
  if (record.kind !== id.kind || record.handle !== id.handle)
    throw fileDamaged(path, 'it belongs to another aggregate', id)
  return record
}
