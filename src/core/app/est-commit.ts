/**
 * Commands on enrolment and on high availability in one commit: a question and the choice of who is asked, an answer and what it says of the CA.
 * Invariant: as in ha-commit.ts, nothing waits for a CA in here.
 */
import type { Instant } from '../base/time.js'
import { EST_HANDLE, est } from '../est/aggregate.js'
import type { EstCommand } from '../est/commands.js'
import type { EstEvent } from '../est/events.js'
import type { EstState } from '../est/state.js'
import { Work } from '../eventsourcing/work.js'
import { changeWork, type HaDesk, haDesk, probedOf } from './ha-commit.js'
import { readSamples } from './ha-samples.js'
import type { Session } from './session.js'

export interface EstDesk {
  readonly at: Instant
  readonly work: Work
  readonly ha: Omit<HaDesk, 'samples'>
  /** Averages of probes by CA. */
  readonly probed: ReturnType<typeof probedOf>
  state(): EstState
  run(command: EstCommand): Promise<readonly EstEvent[]>
}

/** Runs commands as one commit. Throws what a rule rejected (recorded), `standby`, `locked`, `clock-behind`, `io`. */
export function changeEst<R>(session: Session, work: (desk: EstDesk) => Promise<R>): Promise<R> {
  return changeWork(session, async (unit, at) => ({
    result: await work({
      at,
      work: unit,
      ha: haDesk(session, unit, at),
      probed: probedOf(readSamples(session.store.status)),
      state: () => unit.state(est, EST_HANDLE),
      run: (command) => unit.run(est, EST_HANDLE, command, { clock: { now: () => at } }),
    }),
  }))
}

/** What is known now, read without the lock. `object` gives the bytes of what the state names. */
export function readEst<R>(
  session: Session,
  look: (state: EstState, at: Instant, object: Work['object']) => R,
): Promise<R> {
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    return look(work.state(est, EST_HANDLE), session.clockFor(reader).now(), (name) => work.object(name))
  })
}
