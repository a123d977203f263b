/** `ha status`: every group with its members, why each is out and until when, who serves next. A pure read: no lock, no network. */
import { AppError } from '../../base/errors.js'
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { healthAt, healthOf, overrideAt } from '../../ha/breaker.js'
import { type Candidate, candidates, choose, expectedMs, secondsUntilServed, weightOf } from '../../ha/select.js'
import type { GroupSettings } from '../../ha/settings.js'
import { type HaState, type Health, UNROUTED } from '../../ha/state.js'
import type { Session } from '../transaction/session.js'
import { probedOf, readHa, refuseUnknownCas } from './commit.js'
import type { Samples } from './samples.js'

export interface HaStatusReport {
  readonly now: Instant
  readonly groups: readonly GroupStatus[]
}

export interface GroupStatus {
  readonly name: string
  readonly strategy: string
  /** `down`: nobody can serve; `degraded`: somebody cannot. */
  readonly verdict: 'ok' | 'degraded' | 'down'
  /** Who serves the next request; null when nobody can. */
  readonly next: string | null
  /** Seconds until somebody may be asked again; null unless it is down. */
  readonly retryAfter: number | null
  readonly members: readonly MemberStatus[]
}

export interface MemberStatus {
  readonly ca: string
  readonly backend: string
  readonly state: Health
  readonly admin: { readonly mode: string; readonly reason: string; readonly until: Instant | null } | null
  /** Why it cannot serve; null when it can. */
  readonly why: string | null
  readonly failures: number
  readonly openUntil: Instant | null
  readonly backoffLevel: number
  readonly weight: number | null
  readonly latencyMs: number | null
  /** Of the last hundred requests of the group. */
  readonly issued: number
  readonly lastProbe: Instant | null
  readonly lastError: { readonly at: Instant; readonly outcome: string; readonly message: string } | null
}

/** What a status is made of. */
interface Look {
  readonly session: Session
  readonly state: HaState
  readonly now: Instant
  readonly samples: Samples
}

/** The groups, or the one of that name; a CA that no group holds is a group of its own. Throws `ha-not-configured`, `ha-group-unknown` (usage). */
export async function haStatus(session: Session, name?: string): Promise<HaStatusReport> {
  refuseUnknownCas(session.enrolment, [])
  const all = groupsOf(session)
  const shown = all.filter((group) => name === undefined || group.name === name)
  if (shown.length === 0)
    throw new AppError('usage', 'ha-group-unknown', `there is no group ${JSON.stringify(name)} in the configuration`, {
      hint: `there are ${all.map((group) => group.name).join(', ')}`,
    })
  return readHa(session, (state, now, samples) => ({
    now,
    groups: shown.map((group) => groupStatus({ session, state, now, samples }, group)),
  }))
}

/** Those of the configuration, and each CA that none of them holds: it serves its labels alone. */
export function groupsOf({ enrolment }: Session): readonly GroupSettings[] {
  const alone = enrolment.cas.filter((ca) => !enrolment.groups.some((group) => group.caIds.includes(ca.id)))
  return [
    ...enrolment.groups,
    ...alone.map(
      (ca): GroupSettings => ({
        name: ca.id,
        caIds: [ca.id],
        strategy: 'active-passive',
        weights: {},
        failback: 'auto',
      }),
    ),
  ]
}

function groupStatus(look: Look, group: GroupSettings): GroupStatus {
  const { state, now, samples } = look
  const all = candidates(state, group, [], now, look.session.enrolment.breaker)
  const fit = all.flatMap(({ ca, why }) => (why === null ? [ca] : []))
  const next = choose(state, group, fit, probedOf(samples))?.ca ?? null
  const members = all.map((candidate) => member(look, group, candidate))
  const isSound = members.every((m) => m.state === 'healthy' && m.admin === null)
  return {
    name: group.name,
    strategy: group.strategy,
    verdict: next === null ? 'down' : isSound ? 'ok' : 'degraded',
    next,
    retryAfter: next === null ? secondsUntilServed(state, group, now) : null,
    members,
  }
}

function member({ session, state, now, samples }: Look, group: GroupSettings, { ca, why }: Candidate): MemberStatus {
  const { cas, breaker } = session.enrolment
  const health = healthOf(state, ca)
  const override = overrideAt(health, now)
  const sample = entry(samples, ca)
  const isMeasured = health.latency !== null || (sample?.latency ?? null) !== null
  return {
    ca,
    backend: cas.find(({ id }) => id === ca)?.backend ?? '-',
    state: healthAt(health, now, breaker),
    admin: override === null ? null : { mode: override.mode, reason: override.reason, until: override.until },
    why,
    failures: health.failures,
    openUntil: health.openUntil,
    backoffLevel: health.level,
    weight: group.strategy === 'weighted' ? weightOf(group, ca) : null,
    latencyMs: isMeasured ? expectedMs(state, ca, probedOf(samples)) : null,
    issued: (entry(state.groups, group.name) ?? UNROUTED).recent.filter((id) => id === ca).length,
    lastProbe: sample?.probedAt ?? null,
    lastError: health.lastFailure,
  }
}
