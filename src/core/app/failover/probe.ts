/**
 * `ha probe`: probes the CAs that are due, in parallel, each for `check_timeout` at most.
 * Invariants: a CA is probed by one process at a time; a successful probe of a healthy CA is not recorded.
 */
import { randomBytes } from 'node:crypto'
import { AppError } from '../../base/errors.js'
import { addSeconds, type Instant, secondsBetween } from '../../base/time.js'
import type { FinishedAttempt } from '../../ha/attempts.js'
import type { CaBackend } from '../../ha/backend.js'
import { type AttemptResult, healthAt, healthOf, isOver, isProbeable } from '../../ha/breaker.js'
import type { HaEvent } from '../../ha/events.js'
import { averaged } from '../../ha/latency.js'
import type { HaState, Health, Outcome } from '../../ha/state.js'
import type { Session } from '../session/session.js'
import { callCa } from './call-ca.js'
import { type HaContext, refuseUnknownCas, transactHa } from './commit.js'
import { NO_SAMPLE, type Sample } from './samples.js'

/** Seconds for which a probe keeps its claim after its timeout, while its result is being recorded. */
const GRACE = 10

export interface ProbeOptions {
  /** The CAs to probe; empty: all. */
  readonly cas: readonly string[]
  /** Also probe CAs that are not due. Only `ha resume` probes an open circuit before its time. */
  readonly now: boolean
}

export interface ProbeResult {
  readonly ca: string
  readonly outcome: Outcome
  readonly message: string
  readonly ms: number | null
  readonly health: Health
}

export interface HealthChange {
  readonly ca: string
  readonly from: string
  readonly to: string
  readonly reason: string
  readonly openUntil: Instant | null
}

export interface ProbeReport {
  readonly probed: readonly ProbeResult[]
  /** CAs that were not probed, and why. */
  readonly skipped: readonly { readonly ca: string; readonly why: string }[]
  readonly changes: readonly HealthChange[]
  /** The CAs that a dry run would probe. */
  readonly due?: readonly string[]
}

/** Opens a backend: a port, so that tests need no network. */
export type OpenBackend = (session: Session, ca: string) => Promise<CaBackend>

/** Probes the CAs that are due. Does not throw for a CA that is down. Throws `ha-not-configured`, `ha-ca-unknown`, `standby`, `locked`, `io`. */
export async function probe(session: Session, options: ProbeOptions, open: OpenBackend): Promise<ProbeReport> {
  refuseUnknownCas(session, options.cas)
  const ids = session.enrolment.cas
    .map((ca) => ca.id)
    .filter((id) => options.cas.length === 0 || options.cas.includes(id))
  const claim = await transactHa(session, (tx) => claimDue(session, tx, ids, options.now))
  if (claim.due.length === 0) return { probed: [], skipped: claim.skipped, changes: [] }
  if (session.options.dryRun === true)
    return { probed: [], skipped: claim.skipped, changes: [], due: claim.due.map(({ ca }) => ca) }
  const seconds = session.enrolment.breaker.checkTimeout
  const ended = await Promise.all(
    claim.due.map(async ({ ca, attempt }) => ({ ca, attempt, ...(await probeOne(() => open(session, ca), seconds)) })),
  )
  return transactHa(session, async (tx) => {
    const changes = await settle(tx, ended)
    const { breaker } = session.enrolment
    const probed = ended.map(({ ca, outcome, message, latencyMs }) => {
      const health = healthAt(healthOf(tx.state(), ca), tx.at, breaker)
      return { ca, outcome, message, ms: latencyMs, health }
    })
    return { probed, skipped: claim.skipped, changes }
  })
}

/**
 * Probes a CA at once, even if its circuit is open, since the operator says that it is repaired. Throws `ha-check-failed` (remote): then
 * nothing has changed.
 */
export async function probeOpen(session: Session, ca: string, open: OpenBackend): Promise<readonly HealthChange[]> {
  const attempt = newAttempt()
  const { breaker } = session.enrolment
  const leased = await transactHa(session, async (tx) => {
    const probes = [{ ca, attempt }]
    const events = await tx.run({
      type: 'probes.start',
      probes,
      owner: owner(session),
      timeout: breaker.checkTimeout + GRACE,
      resume: true,
    })
    return events.some((event) => event.type === 'attempt.started')
  })
  const answer = await probeOne(() => open(session, ca), breaker.checkTimeout)
  const ended: FinishedAttempt = { ca, attempt: leased ? attempt : null, ...answer }
  const changes = await transactHa(session, async (tx) => {
    if (answer.outcome === 'ok') recordSample(tx, ended)
    return changesOf(await tx.run({ type: 'resume.finish', ...ended }))
  })
  if (answer.outcome === 'ok') return changes
  throw new AppError('remote', 'ha-check-failed', `probe of ${ca} failed: ${answer.message}`, {
    hint: `fix the cause, then run: brine ha resume ${ca}`,
    details: { ca, outcome: answer.outcome },
  })
}

interface Due {
  readonly ca: string
  /** Attempt id of the lease of an open circuit; null for a closed one. */
  readonly attempt: string | null
}

async function claimDue(session: Session, tx: HaContext, ids: readonly string[], all: boolean) {
  const { breaker } = session.enrolment
  const state = tx.state()
  const due: Due[] = []
  const skipped: { ca: string; why: string }[] = []
  for (const ca of ids) {
    const why = notDue(state, tx, ca, all, session)
    if (why !== undefined) skipped.push({ ca, why })
    else
      due.push({
        ca,
        attempt: healthAt(healthOf(state, ca), tx.at, breaker) === 'circuit-open' ? newAttempt() : null,
      })
  }
  const timeout = breaker.checkTimeout + GRACE
  const probes = due.flatMap(({ ca, attempt }) => (attempt === null ? [] : [{ ca, attempt }]))
  if (probes.length > 0) await tx.run({ type: 'probes.start', probes, owner: owner(session), timeout, resume: false })
  const claim = { claimedAt: tx.at, claimedUntil: addSeconds(tx.at, timeout) }
  for (const { ca } of due) tx.samples = { ...tx.samples, [ca]: { ...sampleOf(tx, ca), ...claim } }
  return { due, skipped }
}

/** Returns the reason why a CA is not probed now; undefined if it is due. */
function notDue(state: HaState, tx: HaContext, ca: string, all: boolean, session: Session): string | undefined {
  const { breaker } = session.enrolment
  const health = healthOf(state, ca)
  const { probedAt, claimedAt, claimedUntil } = sampleOf(tx, ca)
  const now = healthAt(health, tx.at, breaker)
  if (now === 'recovering') return 'another process is probing it'
  if (now === 'circuit-open') {
    if (health.openUntil === null) return 'open until the operator resumes it'
    return isProbeable(health, tx.at, breaker) ? undefined : `open until ${health.openUntil}`
  }
  if (claimedAt !== null && claimedUntil !== null && !isOver({ since: claimedAt, expires: claimedUntil }, tx.at))
    return 'another process is probing it'
  if (all || probedAt === null || tx.at < probedAt) return undefined
  const next = addSeconds(probedAt, breaker.checkInterval)
  return secondsBetween(tx.at, next) > 0 ? `due at ${next}` : undefined
}

/** Records the results of probes. Returns the changes of health without the intermediate state `unhealthy`. */
async function settle(tx: HaContext, ended: readonly FinishedAttempt[]): Promise<readonly HealthChange[]> {
  for (const one of ended) recordSample(tx, one)
  const significant = ended.filter(({ ca, attempt, outcome }) => {
    const { health, failures } = healthOf(tx.state(), ca)
    return attempt !== null || outcome !== 'ok' || health !== 'healthy' || failures > 0
  })
  if (significant.length === 0) return []
  return changesOf(await tx.run({ type: 'probes.finish', probes: significant }))
}

/** Updates the sample of a CA after a probe, which also ends its claim. */
function recordSample(tx: HaContext, { ca, latencyMs }: FinishedAttempt): void {
  const { latency } = sampleOf(tx, ca)
  const next: Sample = {
    probedAt: tx.at,
    latency: latencyMs === null ? latency : averaged(latency, latencyMs, tx.at),
    claimedAt: null,
    claimedUntil: null,
  }
  tx.samples = { ...tx.samples, [ca]: next }
}

/** Returns the changes of health that are reported to the operator. */
export function changesOf(events: readonly HaEvent[]): readonly HealthChange[] {
  return events.flatMap((event) => {
    if (event.type !== 'health.changed' || event.to === 'unhealthy' || event.to === 'recovering') return []
    const { ca, from, to, reason, openUntil } = event
    return [{ ca, from, to, reason, openUntil }]
  })
}

/** Probes one backend, for `seconds` at most. */
function probeOne(open: () => Promise<CaBackend>, seconds: number): Promise<AttemptResult> {
  return callCa(open, seconds, 'ca-fault', async (backend, signal) => {
    await backend.probe(signal)
    return { outcome: 'ok', message: 'signed', value: undefined }
  })
}

function sampleOf(tx: HaContext, ca: string): Sample {
  return Object.hasOwn(tx.samples, ca) ? (tx.samples[ca] ?? NO_SAMPLE) : NO_SAMPLE
}

/** Returns an unguessable attempt id. */
export function newAttempt(): string {
  return randomBytes(16).toString('hex')
}

/** Returns the owner of a lease in readable form. */
export function owner({ options }: Session): string {
  return `${options.host} ${process.pid}`
}
