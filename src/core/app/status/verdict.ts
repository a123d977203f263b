/**
 * Verdict of `status` and its findings: critical ones need action now, warnings before they become critical.
 * Invariant: pure, and every verdict follows from its findings.
 */
import { addSeconds, type Instant } from '../../base/time.js'
import type { LastAudit } from '../proof/last-audit.js'
import type { HeldChange } from '../session/held-changes.js'
import { type EnrolmentFacts, enrolmentFindings } from './enrolment-findings.js'
import { critical, durationBetween, list, type StatusFinding, warning } from './finding.js'
import type { SuspendedCa } from './snapshot.js'
import { type StandbyFacts, standbyFindings } from './standby-findings.js'

export type Verdict = 'ok' | 'warning' | 'critical'

/** Facts that the findings are derived from. */
export interface StatusFacts extends StandbyFacts {
  readonly primary: boolean
  /** Message that another primary has taken over the published tree; null if none has. */
  readonly superseded: string | null
  readonly staleAt: Instant | null
  readonly nextDue: Instant | null
  readonly lastTick: Instant | null
  readonly lastAudit: LastAudit | null
  readonly broken: readonly { readonly aggregate: string; readonly code: string; readonly message: string }[]
  /** Damaged files that are not needed; the aggregate is empty for `status/`. */
  readonly bypassed: readonly { readonly aggregate: string; readonly message: string }[]
  readonly missingKeys: readonly string[]
  /** Owners of private keys whose file is cut off. */
  readonly damagedKeys: readonly string[]
  readonly unpublished: readonly string[]
  /** Aggregates of a promoted directory whose numbers have not been advanced yet. */
  readonly outdated: readonly string[]
  /** Changes that the limits or the guard of routes hold. */
  readonly held: readonly HeldChange[]
  /** Suspended children of this data directory. */
  readonly suspended: readonly SuspendedCa[]
  /** Manifests and CRLs with a thisUpdate after the present. */
  readonly future: readonly { readonly aggregate: string; readonly thisUpdate: Instant }[]
  /** True if the published tree shows the newest state. */
  readonly served: boolean
  readonly freeBytes: number
  /** Folders that close the published tree to the server's user, and files in it that it cannot read; each with its problem. */
  readonly unreadable: readonly AccessFact[]
  /** Files and folders of the data directory with wrong modes or owners. */
  readonly exposed: readonly AccessFact[]
  readonly configWarnings: readonly string[]
  /** Faults of the configuration that disable a section. */
  readonly configFaults: readonly string[]
  /** Null without enrolment CAs. */
  readonly enrolment: EnrolmentFacts | null
  /** Findings about certificates that run out (`status-certificates.ts`). */
  readonly certificates: readonly StatusFinding[]
  /** Findings about repository servers (`server-status.ts`). */
  readonly servers: readonly StatusFinding[]
  /** Findings about parents elsewhere and ID certificates (`status-peers.ts`). */
  readonly peers: readonly StatusFinding[]
  /** Seconds between two runs of `tick`. */
  readonly tickPeriod: number
  /**
   * Time from which on `tick` must run: when the directory became the primary on this machine. Null without CAs, and in a test directory,
   * where only work that is due counts: its clock moves by hand.
   */
  readonly tickSince: Instant | null
}

export interface AccessFact {
  readonly path: string
  readonly problem: string
  /** The next command; PATH stands for the path. */
  readonly remedy: string
}

const HOUR = 3600
/** Seconds of delay that are always tolerated. */
const MINIMUM_LATENESS = 900
const MEBIBYTE = 1024 * 1024

/** Returns every finding, critical ones first. */
export function statusFindings(facts: StatusFacts): readonly StatusFinding[] {
  const all = [
    ...damageFindings(facts),
    ...spaceFindings(facts),
    ...accessFindings('served-unreadable', facts.unreadable),
    ...accessFindings('exposed', facts.exposed),
    ...(facts.superseded === null ? [] : [critical('superseded', facts.superseded, 'brine demote --reason …')]),
    ...futureFindings(facts),
    ...(facts.primary ? [...stalenessFindings(facts), ...overdueFindings(facts)] : standbyFindings(facts)),
    ...facts.suspended.map(suspendedFinding),
    ...facts.held.map(heldFinding),
    ...auditFindings(facts.lastAudit),
    ...(facts.enrolment === null ? [] : enrolmentFindings(facts.enrolment, facts.primary)),
  ]
  const faults = facts.configFaults.map((message) => warning('config-fault', message, 'brine config check'))
  const config = facts.configWarnings.map((message) => warning('config-warning', message, 'brine config check'))
  const rank = (c: StatusFinding): number => (c.level === 'critical' ? 0 : 1)
  return [...all, ...facts.servers, ...facts.peers, ...facts.certificates, ...faults, ...config].sort(
    (a, b) => rank(a) - rank(b),
  )
}

/** Returns the most severe level of the findings; `ok` without any. */
export function verdictOf(findings: readonly StatusFinding[]): Verdict {
  if (findings.some((c) => c.level === 'critical')) return 'critical'
  return findings.length > 0 ? 'warning' : 'ok'
}

/** Returns true if `verdict` is `level` or worse. */
export function isAtLeast(verdict: Verdict, level: 'warning' | 'critical'): boolean {
  return verdict === 'critical' || verdict === level
}

function suspendedFinding({ parent, child, since }: SuspendedCa): StatusFinding {
  const message = `CA ${child} is suspended by ${parent} since ${since}: no ROA of it or of a CA below it is valid`
  return warning('child-suspended', message, `brine child unsuspend ${parent} ${child}`)
}

function heldFinding({ kind, handle, at, message }: HeldChange): StatusFinding {
  return warning(
    'change-held',
    `a change of ${handle} is held since ${at}: ${message}`,
    `brine history list ${kind}/${handle}`,
  )
}

/** Returns a finding until an audit finds nothing: what `status` reads is less than what an audit reads. */
function auditFindings(last: LastAudit | null): readonly StatusFinding[] {
  if (last === null || last.findings === 0) return []
  const count = last.findings === 1 ? '1 finding' : `${last.findings} findings`
  return [warning('audit-findings', `the last audit, at ${last.at}, had ${count}`, 'brine audit verify')]
}

function damageFindings(facts: StatusFacts): readonly StatusFinding[] {
  return [
    ...facts.broken.map(({ aggregate, code, message }) =>
      code.startsWith('object-')
        ? critical(code, `${aggregate}: ${message}`, 'brine recover --from BACKUP')
        : critical('corrupt', message, `brine recover ${aggregate} --dry-run`.replace('  ', ' ')),
    ),
    ...(facts.primary ? facts.missingKeys : []).map((owner) =>
      critical('key-missing', `${owner}: private key is missing`, 'brine recover --from BACKUP, or roll the key'),
    ),
    ...(facts.primary ? facts.damagedKeys : []).map((owner) =>
      critical('key-damaged', `${owner}: private key is damaged`, 'brine recover --from BACKUP, or roll the key'),
    ),
    ...bypassedFindings(facts),
  ]
}

/** Returns one finding for each aggregate with damaged files that are not needed: the disk or another program may damage others too. */
function bypassedFindings({ bypassed, primary }: StatusFacts): readonly StatusFinding[] {
  return [...new Set(bypassed.map(({ aggregate }) => aggregate))].flatMap((owner) => {
    const [first, ...more] = bypassed.filter(({ aggregate }) => aggregate === owner)
    if (first === undefined) return []
    const others = more.length === 0 ? '' : `, and ${more.length} more`
    const repair = owner === '' ? 'remove it, then: brine tick' : `brine recover ${owner}`
    // without a valid origin every directory is a copy, also the one that was the primary
    const standby = first.message.includes('/origin.json')
      ? 'if this was the primary: brine promote --reason …'
      : 'make another copy'
    return [warning('file-damaged', `${first.message}${others}`, primary ? repair : standby)]
  })
}

/** Returns one finding for each remedy, which names the first path. */
function accessFindings(code: string, facts: readonly AccessFact[]): readonly StatusFinding[] {
  const remedies = [...new Set(facts.map(({ remedy }) => remedy))]
  return remedies.flatMap((remedy) => {
    const [first, ...more] = facts.filter((fact) => fact.remedy === remedy)
    if (first === undefined) return []
    const others = more.length === 0 ? '' : `, and ${more.length} more`
    return [critical(code, `${first.path} ${first.problem}${others}`, remedy.replace('PATH', first.path))]
  })
}

function spaceFindings({ freeBytes }: StatusFacts): readonly StatusFinding[] {
  const message = `${Math.floor(freeBytes / MEBIBYTE)} MiB free`
  if (freeBytes < 4 * MEBIBYTE) return [critical('disk-full', message, 'free some space: nothing can be published')]
  return freeBytes < 100 * MEBIBYTE ? [warning('disk-low', message, 'brine clean --dry-run')] : []
}

/** Returns findings about times that are still to come. On a stand-by they are the primary's to correct, or a promote's. */
function futureFindings({ now, lastCommit, future, primary }: StatusFacts): readonly StatusFinding[] {
  const found: StatusFinding[] = []
  const [level, way] = primary
    ? ([critical, 'brine clock show; if the clock is right: brine clock reset --reason …'] as const)
    : ([warning, 'brine clock reset on the primary, or here: brine promote --clock-is-right --reason …'] as const)
  if (lastCommit !== null && now < lastCommit)
    found.push(level('clock-behind', `the clock is at ${now}, before the last commit at ${lastCommit}`, way))
  const [first] = future.map(({ thisUpdate }) => thisUpdate).sort()
  if (first !== undefined) {
    const names = [...new Set(future.map(({ aggregate }) => aggregate))]
    const message = `published in the future, so validators refuse it until ${first}: ${list(names)}`
    found.push(level('published-in-future', message, way))
  }
  return found
}

function stalenessFindings({ now, staleAt }: StatusFacts): readonly StatusFinding[] {
  const found: StatusFinding[] = []
  if (staleAt === null) return found
  if (staleAt <= now) found.push(critical('stale', `objects have been stale since ${staleAt}`, 'brine tick'))
  else if (staleAt <= addSeconds(now, HOUR))
    found.push(critical('stale-soon', `the first object goes stale in ${durationBetween(now, staleAt)}`, 'brine tick'))
  return found
}

function overdueFindings(facts: StatusFacts): readonly StatusFinding[] {
  const { now, nextDue, unpublished, outdated } = facts
  const late = Math.max(MINIMUM_LATENESS, 3 * facts.tickPeriod)
  const found: StatusFinding[] = []
  if (nextDue !== null && addSeconds(nextDue, late) < now)
    found.push(warning('overdue', `work has been due since ${nextDue}`, 'brine tick'))
  found.push(...tickFindings(facts))
  if (outdated.length > 0)
    found.push(warning('promote-unfinished', `numbers not advanced yet after promote: ${list(outdated)}`, 'brine tick'))
  if (unpublished.length > 0)
    found.push(warning('unpublished', `not published yet: ${list(unpublished)}`, 'brine tick'))
  if (!facts.served) found.push(warning('served-behind', 'the published tree is not up to date', 'brine tick'))
  return found
}

/** Returns a finding if `tick` has not run for three periods, also if it never ran. A time after the present is no run. */
function tickFindings({ now, nextDue, lastTick, tickSince, tickPeriod }: StatusFacts): readonly StatusFinding[] {
  const late = 3 * tickPeriod
  const last = lastTick !== null && lastTick <= now ? lastTick : null
  const isDue = nextDue !== null && nextDue <= now
  const isSilent = (since: Instant | null): boolean => since === null || addSeconds(since, late) < now
  const isExpected = tickSince !== null && isSilent(tickSince)
  if (!isSilent(last) || !(isExpected || isDue)) return []
  const when =
    last !== null
      ? `tick last ran ${durationBetween(last, now)} ago`
      : lastTick === null
        ? 'tick never ran'
        : `the last tick was at ${lastTick}, by a clock that was ahead`
  return [warning('tick-missing', isDue ? `${when}, and work is due` : when, 'brine tick, and check cron')]
}
