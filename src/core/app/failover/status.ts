/** `ha status`: every group with its members, why each is out and until when, and which serves next. A pure read: no lock, no network. */
import { AppError } from '../../base/errors.js'
import { didYouMean } from '../../base/nearest.js'
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { outlivedCas, watchedCertificates } from '../../config/enrolment/expiry.js'
import { healthAt, healthOf, overrideAt } from '../../ha/breaker.js'
import { type Candidate, candidates, choose, expectedMs, secondsUntilServed, weightOf } from '../../ha/select.js'
import type { GroupSettings } from '../../ha/settings.js'
import { type HaState, type Health, UNROUTED } from '../../ha/state.js'
import type { Session } from '../session/session.js'
import { probedOf, readHa, refuseUnknownCas } from './commit.js'
import type { Samples } from './samples.js'

export interface HaStatusReport {
  readonly now: Instant
  readonly groups: readonly GroupStatus[]
  /** Certificates of the CAs and of the labels' clients that are due to be replaced, and labels that outlive a CA. */
  readonly certificates: readonly CertificateWarning[]
}

export interface CertificateWarning {
  readonly level: 'warning' | 'critical'
  /** CA or label. */
  readonly owner: string
  readonly notAfter: Instant
  readonly message: string
}

export interface GroupStatus {
  readonly name: string
  readonly strategy: string
  /** `down`: no CA can serve; `degraded`: at least one cannot. */
  readonly verdict: 'ok' | 'degraded' | 'down'
  /** The CA that serves the next request; null if none can. */
  readonly next: string | null
  /** Seconds until a CA can be tried again; null unless the group is down. */
  readonly retryAfter: number | null
  readonly members: readonly MemberStatus[]
  /** Fault of the configuration that keeps the whole group from serving. */
  readonly disabled?: string
}

export interface MemberStatus {
  readonly ca: string
  readonly backend: string
  readonly state: Health
  readonly admin: { readonly mode: string; readonly reason: string; readonly until: Instant | null } | null
  /** Reason why the CA cannot serve; null if it can. */
  readonly why: string | null
  readonly failures: number
  readonly openUntil: Instant | null
  readonly backoffLevel: number
  readonly weight: number | null
  readonly latencyMs: number | null
  /** Number of requests it served, of the last hundred of the group. */
  readonly issued: number
  readonly lastProbe: Instant | null
  readonly lastError: { readonly at: Instant; readonly outcome: string; readonly message: string } | null
}

/** Inputs of a status. */
interface StatusInputs {
  readonly session: Session
  readonly state: HaState
  readonly now: Instant
  readonly samples: Samples
}

/**
 * Reports all groups, or the one of that name; a CA outside of every group is a group of its own. Throws `ha-not-configured`,
 * `ha-group-unknown` (usage).
 */
export async function haStatus(session: Session, name?: string): Promise<HaStatusReport> {
  refuseUnknownCas(session, [])
  const all = [...groupsOf(session), ...disabledGroups(session)]
  const shown = all.filter((group) => name === undefined || group.name === name)
  if (shown.length === 0)
    throw new AppError(
      'usage',
      'ha-group-unknown',
      `unknown group ${JSON.stringify(name)}${didYouMean(
        name ?? '',
        all.map((group) => group.name),
      )}`,
      {
        hint: `known groups: ${all.map((group) => group.name).join(', ')}`,
      },
    )
  return readHa(session, (state, now, samples) => ({
    now,
    groups: shown.map((group) =>
      'disabled' in group
        ? disabledGroup({ session, state, now, samples }, group)
        : groupStatus({ session, state, now, samples }, group),
    ),
    certificates: certificateWarnings(session, now),
  }))
}

function certificateWarnings({ enrolment }: Session, now: Instant): readonly CertificateWarning[] {
  const expiring = watchedCertificates(enrolment, now).flatMap(({ level, owner, notAfter, message }) =>
    level === 'ok' ? [] : [{ level, owner, notAfter, message }],
  )
  const outlived = outlivedCas(enrolment, now).map(({ label, notAfter, message }) => {
    return { level: 'warning' as const, owner: label, notAfter, message }
  })
  return [...expiring, ...outlived]
}

/** Returns the groups of the configuration, and a group for each CA outside of them, which serves its labels alone. */
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

interface DisabledGroup {
  readonly name: string
  readonly disabled: string
}

/** Returns the groups with a fault in the configuration, and the CAs with a fault that are in no group, if their names are valid. */
function disabledGroups({ enrolment: { disabled } }: Session): readonly DisabledGroup[] {
  const members = new Set([...disabled.members.values()].flat())
  const alone = [...disabled.cas].filter(([id]) => !members.has(id))
  const all = [...disabled.groups, ...alone].filter(([name]) => /^[a-z0-9_-]+$/.test(name))
  return all.map(([name, why]) => ({ name, disabled: why }))
}

function disabledGroup(inputs: StatusInputs, { name, disabled }: DisabledGroup): GroupStatus {
  const members = disabledMembers(inputs, name)
  return { name, strategy: '-', verdict: 'down', next: null, retryAfter: 60, members, disabled }
}

/** Returns the members of a group that the configuration has a fault for. */
function disabledMembers({ session, state, now }: StatusInputs, group: string): readonly MemberStatus[] {
  const { cas, members } = session.enrolment.disabled
  const { breaker } = session.enrolment
  return (members.get(group) ?? []).map((ca) => {
    const { failures, openUntil, level, lastFailure } = healthOf(state, ca)
    return {
      ca,
      backend: '-',
      state: healthAt(healthOf(state, ca), now, breaker),
      admin: null,
      why: `configuration, ${cas.get(ca) ?? 'no [[ca]] has this id'}`,
      failures,
      openUntil,
      backoffLevel: level,
      weight: null,
      latencyMs: null,
      issued: 0,
      lastProbe: null,
      lastError: lastFailure,
    }
  })
}

function groupStatus(inputs: StatusInputs, group: GroupSettings): GroupStatus {
  const { state, now, samples } = inputs
  const all = candidates(state, group, [], now, inputs.session.enrolment.breaker)
  const available = all.flatMap(({ ca, why }) => (why === null ? [ca] : []))
  const next = choose(state, group, available, probedOf(samples))?.ca ?? null
  const disabled = disabledMembers(inputs, group.name)
  const members = [...all.map((candidate) => member(inputs, group, candidate)), ...disabled]
  const allHealthy = disabled.length === 0 && members.every((m) => m.state === 'healthy' && m.admin === null)
  return {
    name: group.name,
    strategy: group.strategy,
    verdict: next === null ? 'down' : allHealthy ? 'ok' : 'degraded',
    next,
    retryAfter: next === null ? secondsUntilServed(state, group, now) : null,
    members,
  }
}

function member(
  { session, state, now, samples }: StatusInputs,
  group: GroupSettings,
  { ca, why }: Candidate,
): MemberStatus {
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
