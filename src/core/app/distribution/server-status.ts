/** The last probe of the repository servers for `status`, its findings and its metrics. A pure read of `status/servers.json`. */
import { formatDuration, type Instant, secondsBetween } from '../../base/time.js'
import { type ProbedServer, readProbe } from '../../distribution/probe-record.js'
import type { Session } from '../session/session.js'
import { faultsOf } from './probe-lines.js'

export interface ServerStatus {
  /** Time of the last probe; null if there was none. */
  readonly at: Instant | null
  /** In the order of the configuration; without the servers that were not probed yet. */
  readonly servers: readonly ProbedServer[]
  /** Number of configured servers. */
  readonly configured: number
  /** Members of each pool file. */
  readonly pools: readonly { readonly file: string; readonly members: readonly string[] }[]
}

export interface ServerFinding {
  readonly level: 'warning' | 'critical'
  readonly code: string
  readonly message: string
  readonly hint: string
}

/** Seconds without a probe that are always tolerated. */
const MINIMUM_PAUSE = 900

/** Returns the last probe; null if no server is configured. */
export function serverStatus({ loaded, store }: Pick<Session, 'loaded' | 'store'>): ServerStatus | null {
  const { servers, pools } = loaded.repository
  if (servers.length === 0) return null
  const last = readProbe(store.status)
  return {
    at: last?.at ?? null,
    servers: servers.flatMap(({ name }) => last?.servers.find((one) => one.name === name) ?? []),
    configured: servers.length,
    pools: pools.flatMap(({ file }) => {
      const members = last?.pools[file]
      return members === undefined ? [] : [{ file, members }]
    }),
  }
}

/** Returns the findings: servers that fail, critical if all do, and probes that do not run. Only a primary is expected to probe. Pure. */
export function serverFindings(
  status: ServerStatus | null,
  { now, tickPeriod, primary }: { readonly now: Instant; readonly tickPeriod: number; readonly primary: boolean },
): readonly ServerFinding[] {
  if (status === null || !primary) return []
  const failing = status.servers.filter(({ ok }) => !ok)
  const level = failing.length > 0 && failing.length === status.configured ? 'critical' : 'warning'
  const { at } = status
  const findings = failing.map((server) => {
    const since = server.failingSince === null ? '' : `, failing since ${server.failingSince}`
    const message = `repository server ${server.name}${since}: ${faultsOf(server, at ?? now).join(', ')}`
    return { level, code: 'server-failing', message, hint: 'brine pubserver push, then brine pubserver probe' } as const
  })
  const late = Math.max(MINIMUM_PAUSE, 3 * tickPeriod)
  const isLate = at === null || secondsBetween(at, now) > late
  if (!isLate) return findings
  const when = at === null ? 'never' : `last ${formatDuration(secondsBetween(at, now))} ago`
  const message = `the repository servers were probed ${when}`
  return [
    ...findings,
    { level: 'warning', code: 'servers-unprobed', message, hint: 'brine pubserver probe, and check cron' },
  ]
}
