/** The operator's override: `ha drain` takes a CA out of service, `ha resume` puts it back after a successful probe. */
import { AppError } from '../../base/errors.js'
import { addSeconds, type Duration, type Instant } from '../../base/time.js'
import { healthAt, healthOf, overrideAt } from '../../ha/breaker.js'
import { candidates } from '../../ha/select.js'
import type { GroupSettings } from '../../ha/settings.js'
import type { HaState } from '../../ha/state.js'
import { type ChangeRow, difference } from '../changes/change-row.js'
import type { Session } from '../session/session.js'
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
  /** The CA, and each group whose available members change. */
  readonly changes: readonly ChangeRow[]
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
    const before = tx.state()
    await tx.run({ type: 'override.set', ca, mode, reason: session.options.reason ?? '', until })
    const state = options.maintenance ? 'maintenance' : 'drained'
    const changes = overrideRows(session, ca, { before, after: tx.state(), at: tx.at })
    return { ca, state, until, changed: true, dryRun: isDry(session), changes }
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
  const report = { ca, state: 'in use', until: null, dryRun } as const
  if (isIdle) return { ...report, changed: false, changes: [] }
  if (dryRun)
    return { ...report, changed: true, changes: await transactHa(session, (tx) => endOverride(session, tx, ca)) }
  const first = await readHa(session, async (state) => state)
  await probeOpen(session, ca, open)
  return { ...report, changed: true, changes: await transactHa(session, (tx) => endOverride(session, tx, ca, first)) }
}

/** Ends the override of a CA. Returns the rows of the change since `before`. */
async function endOverride(
  session: Session,
  tx: HaContext,
  ca: string,
  before = tx.state(),
): Promise<readonly ChangeRow[]> {
  await tx.run({ type: 'override.end', ca })
  return overrideRows(session, ca, { before, after: tx.state(), at: tx.at })
}

/** Returns the state of the CA and the available members of its groups where they differ. */
function overrideRows(
  session: Session,
  ca: string,
  { before, after, at }: { readonly before: HaState; readonly after: HaState; readonly at: Instant },
): readonly ChangeRow[] {
  const own = (state: HaState): string => {
    const health = healthOf(state, ca)
    const override = overrideAt(health, at)
    if (override === null) return healthAt(health, at, session.enrolment.breaker)
    const until = override.until === null ? '' : ` until ${override.until}`
    return `${override.mode === 'drain' ? 'drained' : 'in maintenance'}${until}`
  }
  const available = (state: HaState, group: GroupSettings): string =>
    candidates(state, group, [], at, session.enrolment.breaker)
      .flatMap((one) => (one.why === null ? [one.ca] : []))
      .join(', ') || 'no CA can serve'
  return [
    ...difference({ item: 'ca', of: null, name: ca }, own(before), own(after)),
    ...session.enrolment.groups
      .filter((group) => group.caIds.includes(ca))
      .flatMap((group) =>
        difference({ item: 'group', of: null, name: group.name }, available(before, group), available(after, group)),
      ),
  ]
}

function isDry({ options }: Session): boolean {
  return options.dryRun === true
}
