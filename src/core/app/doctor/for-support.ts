/**
 * Selects what a bundle for support has of the configuration, the findings, the state and the history. Pure. Invariant: every field that is copied
 * is named here. No text of people or peers (reasons, comments, arguments, messages, values of faulty settings) is copied.
 */
import type { ConfigEntry } from '../../config/load.js'
import type { ConfigProblem } from '../operations/config.js'
import type { CommandRow } from '../proof/history.js'
import type { Session } from '../session/session.js'
import type { StatusReport } from '../status/report.js'
import type { DoctorCheck } from './check.js'
import type { DoctorReport } from './doctor.js'

/** Codes of problems whose message has only names, numbers, times and paths of the data directory. The message of any other is left out. */
const PLAIN_CODES: ReadonlySet<string> = new Set([
  ...['ok', 'node-old', 'build-other-node', 'directory-closed', 'directory-read-only', 'directory-foreign'],
  ...['directory-remote', 'lock-held', 'file-time-ahead', 'clock-unconfirmed', 'clock-behind'],
  ...['disk-full', 'disk-small', 'disk-low', 'inodes-few', 'key-missing', 'key-damaged', 'key-absent', 'key-mismatch'],
  ...['certificate-expired', 'certificate-late', 'served-unreadable', 'served-behind', 'published-in-future'],
  ...['stale', 'stale-soon', 'overdue', 'tick-missing', 'unpublished', 'data-dir-exposed', 'no-data-dir'],
])
/** Topics whose messages name files and settings of the user. */
const NAMING: ReadonlySet<string> = new Set(['configuration', 'network'])

const OMITTED = '[omitted]'

/** Returns the report of `doctor`: of each check its code, and its message where that is text of this program alone. */
export function checksForSupport(report: DoctorReport): object {
  const shown = ({ check, level, code, message }: DoctorCheck) => {
    const isPlain = PLAIN_CODES.has(code) && !NAMING.has(check)
    return { check, level, code, message: isPlain ? message : OMITTED }
  }
  return { ok: report.ok, at: report.at, dataDir: report.dataDir, checks: report.checks.map(shown) }
}

/** Returns the settings that were read: numbers, switches and choices; of paths and texts only that they are set. */
export function configForSupport(
  session: Session | undefined,
  problems: readonly ConfigProblem[],
  entries: readonly ConfigEntry[],
): object {
  const found = problems.map(({ level, line }) => ({ level, line }))
  if (session === undefined) return { problems: found }
  const { enrolment, loaded, configDigest } = session
  const { repository, routing } = loaded
  const ids = new Set(enrolment.cas.map(({ id }) => id))
  return {
    problems: found,
    digest: configDigest,
    settings: entries.map(({ key, value, source }) => ({ key, value: plainSetting(value), source })),
    breaker: enrolment.breaker,
    cas: enrolment.cas.map(({ id, backend }) => ({ id, backend })),
    groups: enrolment.groups.map(({ name, caIds, strategy, failback }) => {
      return { name, caIds: caIds.filter((id) => ids.has(id)), strategy, failback }
    }),
    labels: enrolment.labels.map(({ name, auth }) => ({ name, auth })),
    servers: repository.servers.length,
    pools: repository.pools.length,
    routing: { files: routing.bgp.length, minPeers: routing.minPeers, ignored: routing.ignored.length },
  }
}

/** A path is text: only that it is set. Choices are checked when the file is read. */
function plainSetting(value: ConfigEntry['value']): ConfigEntry['value'] {
  return typeof value === 'string' && value.startsWith('/') ? 'set' : value
}

/** Returns counts, times and names of the state, and the codes of the findings. */
export function statusForSupport(status: StatusReport): object {
  const { verdict, role, generation, now, staleAt, nextDue, lastTick, tickPeriod, lastCommit } = status
  const { cas, publication, ha, disk, keyPool, aside, broken, held, unpublished } = status
  return {
    ...{ verdict, role, generation, now, staleAt, nextDue, lastTick, tickPeriod, lastCommit, cas, publication, disk },
    ...{ keyPool, aside, held: held.length, unpublished: unpublished.length },
    findings: status.concerns.map(({ level, code }) => ({ level, code })),
    broken: broken.map(({ kind, handle, code }) => ({ kind, handle, code })),
    ha: ha.map(({ name, strategy, verdict: state }) => ({ name, strategy, verdict: state })),
    parents: status.parents.map(({ ca, parent, exchange }) => ({ ca, parent, ...outcomeOf(exchange) })),
    repositories: status.repositories.map(({ ca, exchange }) => ({ ca, ...outcomeOf(exchange) })),
  }
}

function outcomeOf(exchange: StatusReport['parents'][number]['exchange']): object {
  if (exchange === null) return { outcome: null }
  const { outcome, code, lastSuccess, since } = exchange
  return { outcome, code, lastSuccess, since }
}

/** Returns the commands without actor, host, reason, arguments and messages. */
export function historyForSupport(commands: readonly CommandRow[]): readonly object[] {
  return commands.map(({ kind, handle, sequence, version, at, type, result, events, error }) => {
    return { kind, handle, sequence, version, at, type, result, events, error: error?.code ?? null }
  })
}
