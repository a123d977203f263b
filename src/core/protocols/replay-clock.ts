/**
 * Replay clocks that outlive their peers: a message that was signed before a child or publisher was removed is a replay when the same ID key is
 * added again, under whatever name.
 */
import { entry, type Table, withEntry } from '../base/record.js'
import { type Check, isKeyId, isTime, objectOf } from '../base/shape.js'
import { type Instant, later } from '../base/time.js'
import type { KeyId } from '../crypto/ports.js'

/** STORED. Signing time of the last message that an ID key has signed. */
export interface ReplayClock {
  readonly ski: KeyId
  readonly signedAt: Instant
}

export const isReplayClock: Check<ReplayClock> = objectOf<ReplayClock>({ ski: isKeyId, signedAt: isTime })

/** The part of a state that holds the clocks of removed peers by key identifier; left out: there are none. */
export interface WithClocks {
  readonly clocks?: Table<Instant>
}

/** Returns the state with the clock of a peer that is removed. */
export function keepClock<S extends WithClocks>(state: S, clock: ReplayClock | undefined): S {
  if (clock === undefined) return state
  const { ski, signedAt } = clock
  const known = entry(state.clocks ?? {}, ski)
  return {
    ...state,
    clocks: withEntry(state.clocks ?? {}, ski, known === undefined ? signedAt : later(known, signedAt)),
  }
}

/** Returns the member of a state that outlives what else is removed from it. */
export function clocksOf({ clocks }: WithClocks): WithClocks {
  return clocks === undefined ? {} : { clocks }
}

/** Returns the signing time of the last message of an ID key before its peer was removed; undefined if there was none. */
export function formerClock({ clocks }: WithClocks, ski: KeyId): Instant | undefined {
  return clocks === undefined ? undefined : entry(clocks, ski)
}
