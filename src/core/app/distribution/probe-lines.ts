/** A probe in words: one sentence for each server, and the line of a Nagios plugin. */
import { formatDuration, type Instant, secondsBetween } from '../../base/time.js'
import type { ProbedServer } from '../../distribution/probe-record.js'
import type { ProbeReport } from './probe.js'

export type ProbeVerdict = 'ok' | 'warning' | 'critical'

/** Returns the verdict: a warning if some servers fail, critical if all do. */
export function probeVerdict({
  failed,
  servers,
  pools,
}: Pick<ProbeReport, 'failed' | 'servers' | 'pools'>): ProbeVerdict {
  if (failed > 0 && failed === servers.length) return 'critical'
  return failed > 0 || pools.some(({ warning }) => warning !== null) ? 'warning' : 'ok'
}

/** Returns what is wrong with a server, part by part: `RRDP behind: …`; empty if nothing is. */
export function faultsOf({ rrdp, rsync }: Pick<ProbedServer, 'rrdp' | 'rsync'>, at: Instant): readonly string[] {
  const parts = [['RRDP', rrdp] as const, ['rsync', rsync] as const]
  return parts.flatMap(([name, part]) => {
    if (part === null || part.state === 'ok') return []
    const late = part.since === null ? '' : `, since ${part.since} (${spanBetween(part.since, at)})`
    return [`${name} ${part.state}: ${part.findings.join('; ')}${late}`]
  })
}

/** Formats the line of a Nagios plugin: `BRINE SERVERS OK - 2 of 2 serve serial 812 | ...`. */
export function probeNagiosLine(report: ProbeReport): string {
  const { servers, serial, at, failed, pools } = report
  const good = servers.length - failed
  const faults = servers.filter(({ ok }) => !ok).map((one) => `${one.name}: ${faultsOf(one, at).join(', ')}`)
  const warnings = pools.flatMap(({ file, warning }) => (warning === null ? [] : [`${file}: ${warning}`]))
  const text = [`${good} of ${servers.length} serve serial ${serial}`, ...faults, ...warnings].join('; ')
  const lags = servers.flatMap(({ rrdp, rsync }) => [rrdp?.since, rsync?.since].flatMap((since) => since ?? []))
  const lag = Math.max(0, ...lags.map((since) => secondsBetween(since, at)))
  const data = `servers=${servers.length} failed=${failed};0;${Math.max(0, servers.length - 1)} lag=${lag}s`
  return `BRINE SERVERS ${probeVerdict(report).toUpperCase()} - ${text.replaceAll('|', '/').replaceAll('\n', ' ')} | ${data}`
}

function spanBetween(from: Instant, to: Instant): string {
  return formatDuration(Math.max(0, secondsBetween(from, to)))
    .split(' ')
    .slice(0, 2)
    .join(' ')
}
