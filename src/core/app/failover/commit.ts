/**
 * Transactions on the aggregate of high availability, each one commit under the write lock.
 * Invariant: nothing here waits for a CA: the selection is committed, the lock released, the CA called, and its response committed.
 */
import { AppError } from '../../base/errors.js'
import { didYouMean } from '../../base/nearest.js'
import type { Table } from '../../base/record.js'
import { clockBehind, type Instant } from '../../base/time.js'
import { Rejected, Work } from '../../eventsourcing/work.js'
import { HA_HANDLE, type HaCommand, ha } from '../../ha/aggregate.js'
import type { HaEvent } from '../../ha/events.js'
import type { HaState, Latency } from '../../ha/state.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { guardClock } from '../session/clock-guard.js'
import { refuseStandby } from '../session/role.js'
import type { Session } from '../session/session.js'
import { recordRejection } from '../transaction/record-rejection.js'
import { toStagedCommit, withWatch } from '../transaction/staged-commit.js'
import { Counts } from './counters.js'
import { refuseDisabledCas } from './disabled.js'
import { readSamples, type Samples, writeSamples } from './samples.js'

export interface HaContext {
  readonly at: Instant
  state(): HaState
  run(command: HaCommand): Promise<readonly HaEvent[]>
  /** Measurements of probes, outside of history. Changes are written when the transaction succeeds. */
  samples: Samples
}

/**
 * Runs `work` as one transaction and writes the samples. Throws the violations of a rule (`rejected`, recorded), `standby`, `locked`,
 * `clock-behind`, `clock-jumped`, `io`.
 */
export function transactHa<R>(session: Session, work: (tx: HaContext) => Promise<R>): Promise<R> {
  return transactWork(session, async (unit, at) => {
    const before = readSamples(session.store.status)
    const counts = new Counts()
    const tx = { ...openHaContext(session, unit, at, counts), samples: before }
    const result = await work(tx)
    const after = (): void => {
      if (tx.samples !== before) writeSamples(session.store.status, tx.samples)
      counts.write(session.store.status)
    }
    return { result, after }
  })
}

/** Opens `ha/0` within a unit of work; changes of health are added to `counts`. */
export function openHaContext(session: Session, unit: Work, at: Instant, counts: Counts): Omit<HaContext, 'samples'> {
  const ports = { clock: { now: () => at }, breaker: session.enrolment.breaker }
  return {
    at,
    state: () => unit.state(ha, HA_HANDLE),
    run: async (command) => {
      const events = await unit.run(ha, HA_HANDLE, command, ports)
      counts.addEvents(events)
      return events
    },
  }
}

/**
 * Runs `work` under the write lock as one commit at time `at`; `after` runs once it is durable. A dry run only reads. Throws as
 * `transactHa` does.
 */
export function transactWork<R>(
  session: Session,
  work: (unit: Work, at: Instant) => Promise<{ readonly result: R; readonly after?: () => void }>,
): Promise<R> {
  if (session.options.dryRun === true) return previewWork(session, work)
  refuseStandby(session)
  return session.store.write(async (writer) => {
    await guardClock(session, writer.at)
    const at = commitTime(session, writer)
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

/** Runs `work` without the lock for a dry run: a rejection is thrown and not recorded. */
function previewWork<R>(
  session: Session,
  work: (unit: Work, at: Instant) => Promise<{ readonly result: R }>,
): Promise<R> {
  return session.store.read(async (reader) => {
    try {
      return (await work(new Work(reader), commitTime(session, reader))).result
    } catch (error) {
      throw error instanceof Rejected ? error.error : error
    }
  })
}

/** Runs `read` on the current revision, without the write lock. */
export function readHa<R>(session: Session, read: (state: HaState, at: Instant, samples: Samples) => R): Promise<R> {
  return session.store.read(async (reader) =>
    read(new Work(reader).state(ha, HA_HANDLE), session.clockFor(reader).now(), readSamples(session.store.status)),
  )
}

/** Returns the current time. Throws `clock-behind` if it is before the last commit. */
function commitTime(session: Session, reader: StoreReader): Instant {
  const now = session.clockFor(reader).now()
  if (reader.at !== undefined && now < reader.at) throw clockBehind(now, reader.at)
  return now
}

/** Returns the average latency of probes by CA. */
export function probedOf(samples: Samples): Table<Latency> {
  return Object.fromEntries(
    Object.entries(samples).flatMap(([ca, { latency }]) => (latency === null ? [] : [[ca, latency] as const])),
  )
}

/**
 * Throws `ha-not-configured` if the configuration has no CA, `ha-ca-unknown` for an unknown name, `config-section-invalid` for a section with
 * a fault (all usage).
 */
export function refuseUnknownCas(session: Session, cas: readonly string[]): void {
  refuseDisabledCas(session, cas)
  const { enrolment } = session
  if (enrolment.cas.length === 0)
    throw new AppError('usage', 'ha-not-configured', 'the configuration has no [[ca]]', {
      hint: 'uncomment [[ca]] and [[est.label]] in brine.toml, or begin with: brine contrib est.toml; then: brine config check',
    })
  const known = enrolment.cas.map((ca) => ca.id)
  for (const id of cas)
    if (!enrolment.cas.some((ca) => ca.id === id))
      throw new AppError('usage', 'ha-ca-unknown', `unknown CA ${JSON.stringify(id)}${didYouMean(id, known)}`, {
        hint: `known CAs: ${known.join(', ')}`,
      })
}
