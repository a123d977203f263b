/**
 * Loads what a recovery plan keeps and what it discards, as events and states.
 * Invariant: bytes are verified by hash each time they are read; unverified events are reported and never applied to a state.
 */
import { AppError } from '../../base/errors.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { Loaded } from '../../eventsourcing/store.js'
import type { AggregateId, Base, DomainEvent } from '../../eventsourcing/types.js'
import { isCorrupt } from '../disk/damage.js'
import { readIfExists } from '../disk/fs.js'
import { COMMAND_LIMIT, parseEvent, parseSnapshot } from '../disk/records.js'
import { readVerified } from '../disk/verified-read.js'
import type { AggregatePlan, LostCommand } from './plan-types.js'
import type { Step } from './scan.js'

/** The history that a plan keeps: each event is read when it is applied, so that a long history needs no memory. */
export interface Planned extends Base {
  readonly snapshot: Loaded['snapshot']
  readonly events: Iterable<DomainEvent>
}

/** Loads the history that a plan keeps. Throws `corrupt`, here or at an event, if a file changed since it was planned. */
export function loadPlanned({ id, base, build, fromSnapshot }: AggregatePlan): Planned {
  const [first] = build
  const effect = first?.record?.effect
  const named = fromSnapshot && effect !== undefined && effect.result !== 'rejected' ? effect.snapshot : null
  const at = first?.snapshot?.found
  const snapshot =
    named === null || at === undefined
      ? undefined
      : { version: named.version, state: parseSnapshot(readVerifiedRecord(at.path, named.sha256), at.path, id).state }
  const steps = snapshot === undefined ? build : build.slice(1)
  return { ...base, snapshot, events: { [Symbol.iterator]: () => eventsOf(id, steps) } }
}

function* eventsOf(id: AggregateId, steps: readonly Step[]): Generator<DomainEvent, undefined> {
  for (const { record, events } of steps) {
    if (record?.effect.result !== 'accepted') continue
    for (const [i, sha256] of record.effect.events.entries()) {
      const path = events[i]?.found?.path ?? ''
      yield parseEvent(readVerifiedRecord(path, sha256), path, id, record.version + i).event
    }
  }
}

/** Reads the events of a lost command as far as possible: verified by its record, or unverified at their paths if the record is lost. */
export function lostEvents(
  id: AggregateId,
  { record, events, unproved }: LostCommand,
): readonly (DomainEvent | undefined)[] {
  if (record === undefined) return unproved.map(({ version, path }) => unprovedEvent(id, version, path))
  if (record.effect.result !== 'accepted') return []
  return record.effect.events.map((sha256, i) => {
    const path = events[i]?.found?.path
    const bytes = path === undefined ? undefined : readVerified(path, sha256)
    return path === undefined || bytes === undefined ? undefined : parseEvent(bytes, path, id, record.version + i).event
  })
}

function unprovedEvent(id: AggregateId, version: number, path: string): DomainEvent | undefined {
  try {
    const bytes = readIfExists(path, COMMAND_LIMIT)
    return bytes && parseEvent(bytes, path, id, version).event
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return undefined
  }
}

/** Reads and verifies bytes that a plan has verified before. Throws `recover-moved` (corrupt) if the file changed since. */
export function readVerifiedRecord(path: string, sha256: Sha256): Uint8Array {
  const bytes = readVerified(path, sha256)
  if (bytes !== undefined) return bytes
  throw new AppError('corrupt', 'recover-moved', `${path} changed while it was read`, { hint: 'run it again' })
}
