/** The operator's override: `ha drain` takes a CA out of service, `ha resume` puts it back after a successful probe. */
import { AppError } from '../../base/errors.js'
import { addSeconds, type Duration, type Instant } from '../../base/time.js'
import { healthAt, healthOf, overrideAt } from '../../ha/breaker.js'
import { candidates } from '../../ha/select.js'
import type { GroupSettings } from '../../ha/settings.js'
import type { HaState } from '../../ha/state.js'
import type { Session } from '../transaction/session.js'
import { type HaContext, readHa, refuseUnknownCas, transactHa } from './commit.js'
import { type OpenBackend, probeOpen } from './probe.js'

export interface DrainOptions {
  /** Seconds from now; undefined: until it is resumed. */
  readonly for: Duration | undefined
  readonly maintenance: boolean
}

export interface OverrideReport {
  readonly ca: string
  readonly state: 'drained' | 'maintenance' | 'in use'
  readonly until: Instant | null
  readonly changed: boolean
  readonly dryRun: boolean
}

/** Returns the groups in which this CA is the last one that can serve. */
export function lastOf(session: Session, ca: string): Promise<readonly string[]> {
  refuseUnknownCas(session, [ca])
  return readHa(session, (state, at) =>
    session.enrolment.groups.filter((group) => servedOnlyBy(session, state, group, ca, at)).map((group) => group.name),
  )
}

function servedOnlyBy(session: Session, state: HaState, group: GroupSettings, ca: string, at: Instant): boolean {
  const available = candidates(state, group, [], at, session.enrolment.breaker).filter(({ why }) => why === null)
  return available.length === 1 && available[0]?.ca === ca
}

/** Throws `ha-reason-missing` (usage) without a reason. */
export function assertReason({ options }: Session): void {
  if ((options.reason ?? '').trim() === '')
    throw new AppError('usage', 'ha-reason-missing', '--reason is required', {
      hint: 'brine ha drain CA-ID --reason "..."',
    })
}

/** Takes a CA out of service. Throws `ha-reason-missing`, `ha-ca-unknown` (usage), `ha-reason-long` (rejected, recorded). */
export async function drain(session: Session, ca: string, options: DrainOptions): Promise<OverrideReport> {
  refuseUnknownCas(session, [ca])
  assertReason(session)
  const mode = options.maintenance ? 'maintenance' : 'drain'
  return transactHa(session, async (tx: HaContext) => {
    const until = options.for === undefined ? null : addSeconds(tx.at, options.for)
    await tx.run({ type: 'override.set', ca, mode, reason: session.options.reason ?? '', until })
    return { ca, state: options.maintenance ? 'maintenance' : 'drained', until, changed: true, dryRun: isDry(session) }
  })
}

/**
 * Puts a CA back into service. It is probed first. Throws `ha-check-failed` (remote) if the probe fails: then nothing has changed;
 * `ha-probe-running` (locked).
 */
export async function resume(session: Session, ca: string, open: OpenBackend): Promise<OverrideReport> {
  refuseUnknownCas(session, [ca])
  const { breaker } = session.enrolment
  const before = await readHa(session, (state, at) => {
    const health = healthOf(state, ca)
    return { override: overrideAt(health, at), health: healthAt(health, at, breaker) }
  })
  if (before.health === 'recovering')
    throw new AppError('locked', 'ha-probe-running', `another process is probing ${ca}`, {
      retry: true,
      retryAfter: breaker.checkTimeout,
    })
  const isIdle = before.override === null && before.health === 'healthy'
  const dryRun = isDry(session)
  if (isIdle || dryRun) return { ca, state: 'in use', until: null, changed: !isIdle, dryRun }
  await probeOpen(session, ca, open)
  await transactHa(session, (tx) => tx.run({ type: 'override.end', ca }))
  return { ca, state: 'in use', until: null, changed: true, dryRun }
}

function isDry({ options }: Session): boolean {
  return options.dryRun === true
}
