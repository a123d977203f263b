/**
 * Commands on the aggregate of high availability, each a commit of its own under the lock.
 * Invariant: nothing waits for a CA in here: a choice is committed, the lock let go, the CA asked, and its answer committed.
 */
import { AppError } from '../../base/errors.js'
import type { Table } from '../../base/record.js'
import { clockBehind, type Instant } from '../../base/time.js'
import type { Enrolment } from '../../config/enrolment/schema.js'
import { Rejected, Work } from '../../eventsourcing/work.js'
import { HA_HANDLE, ha } from '../../ha/aggregate.js'
import type { HaCommand } from '../../ha/commands.js'
import type { HaEvent } from '../../ha/events.js'
import type { HaState, Latency } from '../../ha/state.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { recordRejection } from '../transaction/record-rejection.js'
import { refuseStandby } from '../transaction/role.js'
import type { Session } from '../transaction/session.js'
import { toStagedCommit, withWatch } from '../transaction/staged-commit.js'
import { readSamples, type Samples, writeSamples } from './samples.js'

export interface HaContext {
  readonly at: Instant
  state(): HaState
  run(command: HaCommand): Promise<readonly HaEvent[]>
  /** What probes measured, kept beside history; what is put here is written when the work ends well. */
  samples: Samples
}

/** Runs commands as one commit, and writes the samples. Throws what a rule rejected (recorded), `standby`, `locked`, `clock-behind`, `io`. */
export function transactHa<R>(session: Session, work: (tx: HaContext) => Promise<R>): Promise<R> {
  return transactWork(session, async (unit, at) => {
    const before = readSamples(session.store.status)
    const tx = { ...openHaContext(session, unit, at), samples: before }
    const result = await work(tx)
    return { result, after: () => tx.samples !== before && writeSamples(session.store.status, tx.samples) }
  })
}

/** Commands on `ha/0` within a unit of work. */
export function openHaContext(session: Session, unit: Work, at: Instant): Omit<HaContext, 'samples'> {
  const ports = { clock: { now: () => at }, breaker: session.enrolment.breaker }
  return {
    at,
    state: () => unit.state(ha, HA_HANDLE),
    run: (command) => unit.run(ha, HA_HANDLE, command, ports),
  }
}

/** Work under the lock that becomes one commit at `at`; `after` runs once that is durable. A dry run reads and keeps nothing. Throws as `changeHa`. */
export function transactWork<R>(
  session: Session,
  work: (unit: Work, at: Instant) => Promise<{ readonly result: R; readonly after?: () => void }>,
): Promise<R> {
  if (session.options.dryRun === true) return previewWork(session, work)
  refuseStandby(session)
  return session.store.write(async (writer) => {
    const at = presentOf(session, writer)
    const unit = new Work(writer)
    try {
      const { result, after } = await work(unit, at)
      if (unit.changed) withWatch(session, () => writer.commit(toStagedCommit(session, at, unit.staged(), unit)))
      after?.()
      return result
    } catch (error) {
      throw error instanceof Rejected ? recordRejection(session, writer, error) : error
    }
  })
}

/** What the work would come to, without the lock; what a rule rejects is thrown and not recorded. */
function previewWork<R>(
  session: Session,
  work: (unit: Work, at: Instant) => Promise<{ readonly result: R }>,
): Promise<R> {
  return session.store.read(async (reader) => {
    try {
      return (await work(new Work(reader), presentOf(session, reader))).result
    } catch (error) {
      throw error instanceof Rejected ? error.error : error
    }
  })
}

/** What is known now, read without the lock. */
export function readHa<R>(session: Session, look: (state: HaState, at: Instant, samples: Samples) => R): Promise<R> {
  return session.store.read(async (reader) =>
    look(new Work(reader).state(ha, HA_HANDLE), session.clockFor(reader).now(), readSamples(session.store.status)),
  )
}

function presentOf(session: Session, reader: StoreReader): Instant {
  const now = session.clockFor(reader).now()
  if (reader.at !== undefined && now < reader.at) throw clockBehind(now, reader.at)
  return now
}

/** Averages of probes by CA. */
export function probedOf(samples: Samples): Table<Latency> {
  return Object.fromEntries(
    Object.entries(samples).flatMap(([ca, { latency }]) => (latency === null ? [] : [[ca, latency] as const])),
  )
}

/** Throws `ha-not-configured` where there is no CA, `ha-ca-unknown` for a name that is none (both usage). */
export function refuseUnknownCas(enrolment: Enrolment, cas: readonly string[]): void {
  if (enrolment.cas.length === 0)
    throw new AppError('usage', 'ha-not-configured', 'the configuration has no [[ca]]', {
      hint: 'add the CAs and their groups to brine.toml, then: brine config check',
    })
  for (const id of cas)
    if (!enrolment.cas.some((ca) => ca.id === id))
      throw new AppError('usage', 'ha-ca-unknown', `there is no CA ${JSON.stringify(id)} in the configuration`, {
        hint: `there are ${enrolment.cas.map((ca) => ca.id).join(', ')}`,
      })
}
