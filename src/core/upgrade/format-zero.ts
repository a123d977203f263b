/**
 * Reads format 0: an aggregate's folder alone, where `info.json` is the commit, and objects lie side by side in one folder.
 * Invariant: what `info.json` does not count did not happen; what it counts and is not there is damage, never a shorter history.
 */
import { join } from 'node:path'
import { encodeHandle } from '../base/handle.js'
import type { Json } from '../base/json.js'
import {
  isAny,
  isCount,
  isName,
  isObject,
  isPositive,
  isText,
  isTime,
  type JsonObject,
  objectOf,
} from '../base/shape.js'
import type { Instant } from '../base/time.js'
import type { AggregateId, DomainEvent, StoredCommand } from '../eventsourcing/types.js'
import { fileDamaged, fileMissing, isCorrupt } from '../store/disk/damage.js'
import { listDir, readIfExists } from '../store/disk/fs.js'
import { commandName, eventName, KIND_FOLDERS } from '../store/disk/paths.js'
import { parseShape } from '../store/disk/records.js'

/** An aggregate as its `info.json` says. */
export interface ZeroAggregate {
  readonly id: AggregateId
  readonly folder: string
  readonly version: number
  readonly sequence: number
}

/** A record of format 0: no hashes, no chain, events by number. */
export interface ZeroCommand
  extends Pick<StoredCommand, 'sequence' | 'version' | 'actor' | 'osUser' | 'host' | 'configDigest' | 'command'> {
  readonly at: Instant
  readonly reason?: string
  readonly effect:
    | { readonly result: 'accepted'; readonly events: number }
    | { readonly result: 'rejected'; readonly code: string; readonly message: string }
}

export interface ZeroSnapshot {
  readonly version: number
  readonly state: Json
}

const isZero = (v: Json): boolean => v === 0
const INFO = { format: isZero, handle: isName, version: isCount, sequence: isPositive }
const ACCEPTED = objectOf({ result: (v) => v === 'accepted', events: isPositive })
const REJECTED = objectOf({ result: (v) => v === 'rejected', code: isText, message: isText })
// spelled out though the records of the present look alike: those may change, and format 0 may not
const COMMAND = {
  format: isZero,
  sequence: isPositive,
  version: isCount,
  at: isTime,
  actor: isText,
  osUser: isText,
  host: isText,
  'reason?': isText,
  configDigest: isText,
  command: objectOf({ type: isText, args: isAny }),
  effect: (v: Json) => ACCEPTED(v) || REJECTED(v),
}
const EVENT = { version: isCount, event: (v: Json) => isObject(v) && typeof v['type'] === 'string' }
const SNAPSHOT = { format: isZero, version: isPositive, state: isAny }

/** Every aggregate that was ever made, sorted by kind and handle. Throws `file-damaged`, `file-missing`. */
export function zeroAggregates(dir: string): readonly ZeroAggregate[] {
  const found: ZeroAggregate[] = []
  for (const [kind, place] of Object.entries(KIND_FOLDERS) as [AggregateId['kind'], string][]) {
    for (const name of listDir(join(dir, place))) {
      const folder = join(dir, place, name)
      const path = join(folder, 'info.json')
      const bytes = readIfExists(path)
      // the first command of an aggregate ended before its commit
      if (bytes === undefined && !listDir(folder).includes(commandName(2))) continue
      if (bytes === undefined) throw fileMissing(path)
      const info = parseShape(bytes, path, INFO) as unknown as Omit<ZeroAggregate, 'id' | 'folder'> & AggregateId
      if (encodeHandle(info.handle) !== name) throw fileDamaged(path, 'it belongs to another aggregate')
      found.push({ id: { kind, handle: info.handle }, folder, version: info.version, sequence: info.sequence })
    }
  }
  return found.sort((a, b) => (keyOf(a.id) < keyOf(b.id) ? -1 : 1))
}

function keyOf({ kind, handle }: AggregateId): string {
  return `${kind} ${handle}`
}

function read(path: string, shape: Parameters<typeof parseShape>[2], id: AggregateId): JsonObject {
  const bytes = readIfExists(path)
  if (bytes === undefined) throw fileMissing(path, id)
  return parseShape(bytes, path, shape, id)
}

/** Throws `file-damaged`, `file-missing`. */
export function zeroCommand({ folder, id }: ZeroAggregate, sequence: number): ZeroCommand {
  const path = join(folder, commandName(sequence))
  const command = read(path, COMMAND, id) as unknown as ZeroCommand
  if (command.sequence !== sequence) throw fileDamaged(path, `it says that it is command ${command.sequence}`, id)
  return command
}

/** Throws `file-damaged`, `file-missing`. */
export function zeroEvent({ folder, id }: ZeroAggregate, version: number): DomainEvent {
  const path = join(folder, eventName(version))
  const { version: said, event } = read(path, EVENT, id)
  if (said !== version) throw fileDamaged(path, `it says that it is event ${String(said)}`, id)
  return event as unknown as DomainEvent
}

/** `snapshot.json` and `snapshot-bk.json`; one that cannot be read costs nothing, for every event is here. */
export function zeroSnapshots(aggregate: ZeroAggregate, notice: (text: string) => void): readonly ZeroSnapshot[] {
  return ['snapshot-bk.json', 'snapshot.json'].flatMap((name) => {
    const path = join(aggregate.folder, name)
    try {
      const bytes = readIfExists(path)
      if (bytes === undefined) return []
      return [parseShape(bytes, path, SNAPSHOT, aggregate.id) as unknown as ZeroSnapshot]
    } catch (error) {
      if (!isCorrupt(error)) throw error
      notice(`${error.message}; left behind, its events are there`)
      return []
    }
  })
}
