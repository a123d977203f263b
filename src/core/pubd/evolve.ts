/** Replay: facts applied to the state. Total and pure; only the table of a publisher that a fact touches is copied. */
import { entry, withEntries, withEntry, withoutEntry } from '../base/record.js'
import type { PubdEvent, Published } from './events.js'
import type { DeltaChange, ObjectRef, PubdState, StoredDelta } from './state.js'

/** The state after `event`. A fact about a publisher that is not there changes nothing. */
export function evolvePubd(state: PubdState, event: PubdEvent): PubdState {
  switch (event.type) {
    case 'pubserver.initialised': {
      const { rsyncBase, rrdpBase, sessionId, at, part } = event
      return { ...state, rsyncBase, rrdpBase, sessionId, serial: 1, updatedAt: at, part, deltas: [] }
    }
    case 'publisher.added': {
      const { publisher, base, at } = event
      const added = { base, addedAt: at, updatedAt: at, objects: {} }
      return { ...state, publishers: withEntry(state.publishers, publisher, added) }
    }
    case 'publisher.removed':
      return { ...state, publishers: withoutEntry(state.publishers, event.publisher) }
    case 'published':
      return published(state, event)
    case 'session.reset': {
      const { sessionId, at, part } = event
      return { ...state, sessionId, serial: 1, updatedAt: at, part, deltas: [] }
    }
    default:
      return state
  }
}

function published(state: PubdState, event: Published): PubdState {
  const { serial, at, part, changes, retained } = event
  const delta: StoredDelta = { serial, at, part, changes }
  let publishers = state.publishers
  for (const change of changes) {
    const publisher = entry(publishers, change.publisher)
    if (publisher === undefined) continue
    const objects = withEntries(publisher.objects, puts(change), drops(change))
    publishers = withEntry(publishers, change.publisher, { ...publisher, updatedAt: at, objects })
  }
  return { ...state, serial, updatedAt: at, part, publishers, deltas: [delta, ...state.deltas].slice(0, retained) }
}

function* puts(change: DeltaChange): Generator<readonly [string, ObjectRef]> {
  for (const { name, sha256, size } of change.put) yield [name, { sha256, size }]
}

function* drops(change: DeltaChange): Generator<string> {
  for (const { name } of change.drop) yield name
}
