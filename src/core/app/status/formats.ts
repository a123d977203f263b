/** Status for monitoring: the line of a Nagios plugin, and a file in the Prometheus text format. Invariant: writes nothing but that file. */
import { epochOf, formatDuration, type Instant, secondsBetween } from '../../base/time.js'
import { writeMetrics } from './metrics-file.js'
import { type Metric, peerMetrics } from './peer-metrics.js'
import type { StatusReport } from './report.js'

const MEBIBYTE = 1024 * 1024

/** Exit codes of Nagios plugins. */
export const NAGIOS_EXIT = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const

/** Formats the line of a Nagios plugin: `BRINE OK - 3 CAs, serial 812, nothing stale for 16h 2m | ...`. */
export function nagiosLine(report: StatusReport): string {
  const { verdict, concerns, cas, publication, now, staleAt } = report
  const first = concerns[0]?.message.split('\n')[0]
  const more = concerns.length > 1 ? ` (and ${concerns.length - 1} more)` : ''
  const stale = staleAt === null ? 'nothing published' : `nothing stale for ${shortDuration(now, staleAt)}`
  const own = cas.filter(({ kind }) => kind === 'ca').length
  const count = `${own} ${own === 1 ? 'CA' : 'CAs'}`
  const summary = `${count}, ${publication === null ? 'no repository' : `serial ${publication.serial}`}, ${stale}`
  const text = first === undefined ? summary : `${first}${more}`
  const data = [
    `cas=${own}`,
    `broken=${report.broken.length};;0`,
    `damaged=${report.bypassed.length};0`,
    `unpublished=${report.unpublished.length};0`,
    `future=${report.future.length}`,
    `held=${report.held.length};0`,
    `disk_free=${report.disk.free}B;${100 * MEBIBYTE}:;${4 * MEBIBYTE}:`,
    ...(report.lastTick === null ? [] : [`tick_age=${secondsBetween(report.lastTick.at, now)}s`]),
    ...(report.lastBackup === null ? [] : [`backup_age=${secondsBetween(report.lastBackup.at, now)}s`]),
    ...auditData(report),
    ...(staleAt === null ? [] : [`stale_in=${secondsBetween(now, staleAt)}s;;3600:`]),
  ]
  return `BRINE ${verdict.toUpperCase()} - ${text.replaceAll('|', '/')} | ${data.join(' ')}`
}

/** Returns the performance data of the last audit; nothing without one. */
function auditData({ lastAudit, now }: StatusReport): readonly string[] {
  if (lastAudit === null) return []
  return [`audit_age=${secondsBetween(lastAudit.at, now)}s`, `audit_findings=${lastAudit.findings};0`]
}

/** Formats the line for an error that prevents the check. */
export function nagiosUnknown(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return `BRINE UNKNOWN - ${(message.split('\n')[0] ?? '').replaceAll('|', '/')}`
}

function shortDuration(from: Instant, to: Instant): string {
  return formatDuration(Math.max(0, secondsBetween(from, to)))
    .split(' ')
    .slice(0, 2)
    .join(' ')
}

const LEVELS = { ok: 0, warning: 1, critical: 2 } as const
const GROUP_LEVELS = { ok: 0, degraded: 1, down: 2 } as const

/** Formats metrics in the Prometheus text exposition format. Times are Unix seconds. */
export function prometheusText(report: StatusReport): string {
  return metrics(report)
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, help, samples }) => {
      const lines = samples.map(({ labels, value }) => `brine_${name}${labelText(labels)} ${value}`)
      return `# HELP brine_${name} ${help}\n# TYPE brine_${name} gauge\n${lines.join('\n')}\n`
    })
    .join('')
}

/** Returns a metric without labels; without a value it has no sample and is left out. */
function one(name: string, help: string, value: number | null): Metric {
  return { name, help, samples: value === null ? [] : [{ value }] }
}

function metrics(report: StatusReport): readonly Metric[] {
  const { publication, cas, disk, aside } = report
  return [
    one('verdict', '0 ok, 1 warning, 2 critical.', LEVELS[report.verdict]),
    { name: 'role', help: 'The role of this directory.', samples: [{ labels: { role: report.role }, value: 1 }] },
    one('generation', 'Generation of the directory; each promote increases it by one.', report.generation),
    one('checked_timestamp_seconds', 'Time at which these metrics were written.', epochOf(report.now)),
    one(
      'stale_timestamp_seconds',
      'Time at which the first object goes stale if nothing runs.',
      seconds(report.staleAt),
    ),
    one('next_due_timestamp_seconds', 'Time at which tick has work to do.', seconds(report.nextDue)),
    one('held_changes', 'Changes that the limits or the guard of routes hold.', report.held.length),
    ...pastMetrics(report),
    ...guardMetrics(report),
    ...faultMetrics(report),
    one('future_manifests', 'Manifests published with a time after the present.', report.future.length),
    one('unpublished', 'CAs with content that is not published yet.', report.unpublished.length),
    ...caMetrics(cas),
    ...peerMetrics(report),
    certificateMetric(report.certificates),
    {
      name: 'ha_group_verdict',
      help: 'Verdict of a group of CAs: 0 every CA is available, 1 some are not, 2 none is.',
      samples: report.ha.map(({ name, verdict }) => ({ labels: { group: name }, value: GROUP_LEVELS[verdict] })),
    },
    ...serverMetrics(report.servers),
    one('rrdp_serial', 'Serial of the publication server.', publication?.serial ?? null),
    one('rrdp_served_serial', 'Serial in the published RRDP notification.', publication?.servedSerial ?? null),
    one('rsync_served_serial', 'Serial of the published rsync tree.', publication?.rsyncSerial ?? null),
    one('published_objects', 'Objects published.', publication?.objects ?? null),
    one('publishers', 'Publishers.', publication?.publishers ?? null),
    one('disk_free_bytes', 'Free bytes of the file system.', disk.free),
    one('disk_size_bytes', 'Size of the file system.', disk.size),
    one('key_pool_keys', 'One-time keys made ahead.', report.keyPool.keys),
    one('key_rolls', 'Key rolls that are open.', report.keyRolls.length),
    one('retired_keys', 'Keys out of use whose private half is still stored.', report.retiredKeys.length),
    one('orphan_keys', 'Key files that no state references.', report.orphanKeys.length),
    one('surplus_files', 'Files in quarantine that no commit references.', aside.surplus),
    one('locked', '1 while a command holds the write lock.', report.locks.length),
  ]
}

/** Returns what the guard of routes knows. */
function guardMetrics({ guard }: StatusReport): readonly Metric[] {
  const isActive = guard.state === 'sees' ? 1 : 0
  return [
    one('guard_active', '0 if the guard of routes knows no address to protect, or lacks some.', isActive),
    one('guard_unknown_hosts', 'Protected hosts of which no address is known.', guard.unknownHosts.length),
  ]
}

/** Returns when the last tick, backup, audit and commit were. */
function pastMetrics(report: StatusReport): readonly Metric[] {
  const { lastTick, lastBackup, lastAudit, lastCommit } = report
  return [
    one('last_tick_timestamp_seconds', 'Time at which the last tick ended.', seconds(lastTick?.at ?? null)),
    one('last_tick_failed', 'CAs that the last tick could not publish.', lastTick?.failed ?? null),
    one('tick_period_seconds', 'Seconds between two runs of tick.', report.tickPeriod),
    one('tick_missing', '1 if tick has not run for three periods, or never ran.', isFound(report, 'tick-missing')),
    one('last_backup_timestamp_seconds', 'Time of the state in the last backup.', seconds(lastBackup?.at ?? null)),
    one('last_audit_timestamp_seconds', 'Time at which the last audit ended.', seconds(lastAudit?.at ?? null)),
    one('last_audit_findings', 'Findings of the last audit.', lastAudit?.findings ?? null),
    one('last_commit_timestamp_seconds', 'Time of the newest commit.', seconds(lastCommit.at)),
  ]
}

/** Returns the numbers of faults in stored files and in the configuration. */
function faultMetrics({ broken, bypassed, concerns }: StatusReport): readonly Metric[] {
  return [
    one('broken_aggregates', 'Aggregates that are damaged.', broken.length),
    one('damaged_files', 'Damaged or missing files without which everything can still be read.', bypassed.length),
    one(
      'config_faults',
      'Faults of the configuration, each of which disables its section.',
      concerns.filter(({ code }) => code === 'config-fault').length,
    ),
  ]
}

/** Returns 1 if the report has a finding with this code. */
function isFound({ concerns }: StatusReport, code: string): number {
  return concerns.some((finding) => finding.code === code) ? 1 : 0
}

/** Returns the end of the certificate that ends first, for each use and owner. */
function certificateMetric(certificates: StatusReport['certificates']): Metric {
  const first = new Map<string, StatusReport['certificates'][number]>()
  for (const one of certificates) {
    const key = `${one.use} ${one.owner}`
    const before = first.get(key)
    if (before === undefined || one.notAfter < before.notAfter) first.set(key, one)
  }
  return {
    name: 'certificate_not_after_timestamp_seconds',
    help: 'End of a certificate of the configuration, of several of one use the first.',
    samples: [...first.values()].map(({ use, owner, notAfter }) => ({
      labels: { use, owner },
      value: epochOf(notAfter),
    })),
  }
}

/** Returns the metrics of the last probe of the repository servers. */
function serverMetrics(status: StatusReport['servers']): readonly Metric[] {
  if (status === null) return []
  const parts = ['rrdp', 'rsync'] as const
  const each = (name: string, help: string, pick: (part: ServedPartOf) => number | null): Metric => ({
    name,
    help,
    samples: status.servers.flatMap((server) =>
      parts.flatMap((part) => {
        const served = server[part]
        const value = served === null ? null : pick(served)
        return value === null ? [] : [{ labels: { server: server.name, part }, value }]
      }),
    ),
  })
  const { at, servers, pools } = status
  return [
    {
      name: 'servers_probed_timestamp_seconds',
      help: 'Time of the last probe of the repository servers.',
      samples: at === null ? [] : [{ value: epochOf(at) }],
    },
    each('server_up', '1 if a repository server serves what is published.', ({ good }) => (good ? 1 : 0)),
    each('server_serial', 'Serial that a repository server serves.', ({ serial }) => serial),
    each('server_lag_seconds', 'Age of the first version that a repository server lacks; 0 if it has all.', (part) =>
      part.state === 'ok' ? 0 : at === null || part.since === null ? null : secondsBetween(part.since, at),
    ),
    {
      name: 'server_in_pool',
      help: '1 if a repository server is in a pool file, 0 if it is taken out.',
      samples: pools.flatMap(({ file, members }) =>
        servers.map(({ name }) => ({ labels: { server: name, pool: file }, value: members.includes(name) ? 1 : 0 })),
      ),
    },
  ]
}

type ServedPartOf = NonNullable<NonNullable<StatusReport['servers']>['servers'][number]['rrdp']>

function caMetrics(cas: StatusReport['cas']): readonly Metric[] {
  const each = (name: string, help: string, pick: (ca: StatusReport['cas'][number]) => number | null): Metric => ({
    name,
    help,
    samples: cas.flatMap((ca) => {
      const value = pick(ca)
      return value === null ? [] : [{ labels: { kind: ca.kind, ca: ca.handle }, value }]
    }),
  })
  return [
    each('ca_stale_timestamp_seconds', 'Time at which the first object of the CA goes stale.', (ca) =>
      seconds(ca.staleAt),
    ),
    each('ca_next_due_timestamp_seconds', 'Time at which the CA is due to be republished.', (ca) =>
      seconds(ca.nextDue),
    ),
    each(
      'ca_certificate_not_after_timestamp_seconds',
      'End of the certificate of the CA, of several the first.',
      (ca) => seconds(ca.certificateEnd),
    ),
    each('ca_roas', 'ROAs configured.', (ca) => ca.roas),
    each('ca_aspas', 'ASPAs configured.', (ca) => ca.aspas),
    each('ca_routers', 'Keys of BGPsec routers configured.', (ca) => ca.routers),
    each('ca_children', 'Children.', (ca) => ca.children),
    each('ca_objects', 'Objects on the manifests.', (ca) => ca.objects),
  ]
}

function seconds(at: Instant | null): number | null {
  return at === null ? null : epochOf(at)
}

/** Formats labels. Handles and names contain no quotes and no backslashes; a path may. */
function labelText(labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels).map(
    ([key, value]) => `${key}="${value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`,
  )
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

/** Replaces the metrics file atomically. Throws `prom-unwritable` (io). */
export function writePrometheus(report: StatusReport, path: string): void {
  writeMetrics(prometheusText(report), path)
}
