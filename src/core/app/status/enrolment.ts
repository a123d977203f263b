/** Enrolment part of `status`: groups, and requests of unknown outcome that the operator has to check. A pure read. */
import { secondsBetween } from '../../base/time.js'
import { isWaiting } from '../../est/requests.js'
import type { OpenRequest } from '../../est/state.js'
import { readEst } from '../enrolment/commit.js'
import { type CrlStatus, crlStatus } from '../enrolment/crl-files.js'
import { type GroupStatus, haStatus } from '../failover/status.js'
import type { Session } from '../session/session.js'
import type { EnrolmentFacts } from './enrolment-findings.js'

/** A group in the report of `status`. */
export type GroupSummary = Pick<GroupStatus, 'name' | 'strategy' | 'verdict' | 'next' | 'retryAfter'>

export interface EnrolmentSummary {
  readonly groups: readonly GroupSummary[]
  readonly facts: EnrolmentFacts
  readonly crls: readonly CrlStatus[]
}

/** Returns the configured groups and the facts for the verdict. Throws `corrupt` if their history cannot be read. */
export async function enrolmentSummary(session: Session): Promise<EnrolmentSummary> {
  const { groups, now } = await haStatus(session)
  const unknown = await readEst(session, ({ state, at }) =>
    Object.entries(state().requests).flatMap(([id, request]) => (isUnknown(request, at) ? [id] : [])),
  )
  const late = Math.max(900, 3 * session.enrolment.breaker.checkInterval)
  // a fault of the configuration is a finding of its own
  const used = groups.filter(({ disabled }) => disabled === undefined)
  const probes = groups.flatMap(({ members }) => members.flatMap(({ lastProbe }) => lastProbe ?? []))
  const newest = probes.sort().at(-1)
  return {
    groups: groups.map(({ name, strategy, verdict, next, retryAfter }) => ({
      name,
      strategy,
      verdict,
      next,
      retryAfter,
    })),
    crls: await crlStatus(session),
    facts: {
      down: used.filter(({ verdict }) => verdict === 'down').map(describeFailures),
      degraded: used.filter(({ verdict }) => verdict === 'degraded').map(describeFailures),
      unprobedSince: newest !== undefined && secondsBetween(newest, now) > late ? newest : null,
      unknown,
    },
  }
}

function isUnknown(request: OpenRequest, now: Parameters<typeof isWaiting>[1]): boolean {
  const hasLapsed = request.status === 'asked' && !request.asking.here && !isWaiting(request, now)
  return request.status === 'unknown' || hasLapsed
}

function describeFailures({ name, members }: GroupStatus): string {
  return `${name}: ${members.flatMap(({ ca, why }) => (why === null ? [] : [`${ca} ${why}`])).join(', ') || 'a CA fails'}`
}
