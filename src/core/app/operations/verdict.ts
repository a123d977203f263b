/**
 * How bad it is: what an operator must do now (critical), what to look at before it becomes that (warning).
 * Invariant: pure, and every verdict has its reasons.
 */
import { addSeconds, formatDuration, type Instant, secondsBetween } from '../../base/time.js'

export type Verdict = 'ok' | 'warning' | 'critical'

export interface StatusFinding {
  readonly level: 'warning' | 'critical'
  /** Stable, kebab-case. */
  readonly code: string
  readonly message: string
  /** The next command. */
  readonly hint: string | null
}

/** Where a restored directory comes from. */
export interface Restored {
  readonly from: string
  readonly cutAt: Instant | null
  /** Aggregates that had gone on after the cut; null when nobody knows. */
  readonly behind: number | null
}

/** How the CAs of enrolment stand. */
export interface EnrolmentFacts {
  /** Groups that nobody can serve, with the reasons. */
  readonly down: readonly string[]
  /** Groups of which somebody cannot serve. */
  readonly degraded: readonly string[]
  /** The newest probe, when that is too long ago. */
  readonly unprobedSince: Instant | null
  /** Requests that a CA may have served and did not say so. */
  readonly unknown: readonly string[]
}

/** What the rules look at. */
export interface Facts {
  readonly now: Instant
  readonly primary: boolean
  /** Another primary has taken the served tree: which, and since when. */
  readonly superseded: string | null
  readonly staleAt: Instant | null
  readonly nextDue: Instant | null
  readonly lastTick: Instant | null
  /** When the newest commit was made. */
  readonly lastCommit: Instant | null
  /** Newer commits that are not whole in this copy. */
  readonly behind: number
  /** Of a directory that was restored and not promoted. */
  readonly restored: Restored | null
  readonly broken: readonly { readonly aggregate: string; readonly code: string; readonly message: string }[]
  readonly missingKeys: readonly string[]
  readonly unpublished: readonly string[]
  /** Aggregates of a promoted directory whose numbers have not jumped. */
  readonly outdated: readonly string[]
  /** Does the served tree show the newest state? */
  readonly served: boolean
  readonly freeBytes: number
  readonly configWarnings: readonly string[]
  /** Null without CAs of enrolment. */
  readonly enrolment: EnrolmentFacts | null
  /** Seconds between two runs of cron. */
  readonly tickPeriod: number
}

const HOUR = 3600
const DAY = 86400
const LATE = 900
const MEBIBYTE = 1024 * 1024

/** Every concern, the critical ones first. */
export function statusFindings(facts: Facts): readonly StatusFinding[] {
  const all = [
    ...damage(facts),
    ...space(facts),
    ...(facts.superseded === null ? [] : [critical('superseded', facts.superseded, 'brine demote --reason …')]),
    ...(facts.primary ? [...staleness(facts), ...lateness(facts)] : copy(facts)),
    ...(facts.enrolment === null ? [] : enrolment(facts.enrolment, facts.primary)),
  ]
  const config = facts.configWarnings.map((message) => warning('config-warning', message, 'brine config check'))
  const rank = (c: StatusFinding): number => (c.level === 'critical' ? 0 : 1)
  return [...all, ...config].sort((a, b) => rank(a) - rank(b))
}

export function verdictOf(concerns: readonly StatusFinding[]): Verdict {
  if (concerns.some((c) => c.level === 'critical')) return 'critical'
  return concerns.length > 0 ? 'warning' : 'ok'
}

/** Is `verdict` at least as bad as `level`? */
export function isAtLeast(verdict: Verdict, level: 'warning' | 'critical'): boolean {
  return verdict === 'critical' || verdict === level
}

function critical(code: string, message: string, hint: string | null): StatusFinding {
  return { level: 'critical', code, message, hint }
}

function warning(code: string, message: string, hint: string | null): StatusFinding {
  return { level: 'warning', code, message, hint }
}

function damage(facts: Facts): readonly StatusFinding[] {
  return [
    ...facts.broken.map(({ aggregate, code, message }) =>
      code.startsWith('object-')
        ? critical(code, `${aggregate}: ${message}`, 'brine recover --from BACKUP')
        : critical('corrupt', message, `brine recover ${aggregate} --dry-run`.replace('  ', ' ')),
    ),
    ...(facts.primary ? facts.missingKeys : []).map((owner) =>
      critical('key-missing', `${owner}: its private key is not there`, 'brine recover --from BACKUP, or roll the key'),
    ),
  ]
}

function space({ freeBytes }: Facts): readonly StatusFinding[] {
  const message = `${Math.floor(freeBytes / MEBIBYTE)} MiB free`
  if (freeBytes < 4 * MEBIBYTE) return [critical('disk-full', message, 'free some space: nothing can be published')]
  return freeBytes < 100 * MEBIBYTE ? [warning('disk-low', message, 'brine clean --dry-run')] : []
}

function staleness({ now, staleAt, lastCommit }: Facts): readonly StatusFinding[] {
  const found: StatusFinding[] = []
  if (lastCommit !== null && now < lastCommit)
    found.push(
      critical('clock-behind', `the clock says ${now}, the last commit is of ${lastCommit}`, 'set the clock right'),
    )
  if (staleAt === null) return found
  if (staleAt <= now) found.push(critical('stale', `objects are stale since ${staleAt}`, 'brine tick'))
  else if (staleAt <= addSeconds(now, HOUR))
    found.push(critical('stale-soon', `the first object goes stale in ${ago(now, staleAt)}`, 'brine tick'))
  return found
}

function lateness(facts: Facts): readonly StatusFinding[] {
  const { now, nextDue, lastTick, unpublished, outdated } = facts
  const late = Math.max(LATE, 3 * facts.tickPeriod)
  const found: StatusFinding[] = []
  if (nextDue !== null && addSeconds(nextDue, late) < now)
    found.push(warning('overdue', `something is due since ${nextDue}`, 'brine tick'))
  if (nextDue !== null && nextDue <= now && (lastTick === null || addSeconds(lastTick, late) < now)) {
    const when = lastTick === null ? 'tick never ran' : `tick last ran ${ago(lastTick, now)} ago`
    found.push(warning('tick-missing', `${when}, and something is due`, 'brine tick, and look at cron'))
  }
  if (outdated.length > 0)
    found.push(warning('promote-unfinished', `numbers have not jumped since promote: ${list(outdated)}`, 'brine tick'))
  if (unpublished.length > 0)
    found.push(warning('unpublished', `not published yet: ${list(unpublished)}`, 'brine tick'))
  if (!facts.served) found.push(warning('served-behind', 'the served tree is not the newest', 'brine tick'))
  return found
}

function enrolment(
  { down, degraded, unprobedSince, unknown }: EnrolmentFacts,
  primary: boolean,
): readonly StatusFinding[] {
  const found: StatusFinding[] = [
    ...down.map((what) => critical('ha-down', `no CA can serve ${what}`, 'brine ha status')),
    ...degraded.map((what) => warning('ha-degraded', `not every CA can serve ${what}`, 'brine ha status')),
  ]
  if (primary && unprobedSince !== null)
    found.push(warning('ha-unprobed', `no CA was probed since ${unprobedSince}`, 'brine tick, and look at cron'))
  if (unknown.length > 0)
    found.push(
      warning(
        'est-unknown',
        `may have been served by a CA that did not say so: request ${list(unknown)}`,
        'brine est status',
      ),
    )
  return found
}

function copy({ now, lastCommit, behind, restored }: Facts): readonly StatusFinding[] {
  const found: StatusFinding[] = []
  if (restored !== null)
    found.push(
      warning(
        'restored',
        told(restored, now),
        'brine promote --reason …, when no other primary lives; then brine tick',
      ),
    )
  if (restored === null && lastCommit !== null && addSeconds(lastCommit, DAY) < now)
    found.push(warning('copy-old', `this stand-by's newest commit is ${ago(lastCommit, now)} old`, 'make another copy'))
  if (behind > 0)
    found.push(warning('copy-partial', `${behind} newer commits are not whole in this copy`, 'make another copy'))
  return found
}

function told({ from, cutAt, behind }: Restored, now: Instant): string {
  const age = cutAt === null ? '' : `, cut at ${cutAt} (${cutAt <= now ? ago(cutAt, now) : '0s'} old)`
  const since =
    behind === null
      ? 'what the world has seen since is unknown'
      : behind === 0
        ? 'nothing was done after it'
        : `${behind} ${behind === 1 ? 'aggregate' : 'aggregates'} had gone on after it`
  return `restored from ${from}${age}; ${since}`
}

function ago(from: Instant, to: Instant): string {
  return formatDuration(secondsBetween(from, to)).split(' ').slice(0, 2).join(' ')
}

function list(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`
}
