/** Prometheus metrics of the health of all CAs and of enrolment. Invariant: one value per member and state, so that a query need not list the states. */
import { epochOf, type Instant } from '../../base/time.js'
import type { Counter, CounterKind } from './counters.js'
import type { GroupStatus, HaStatusReport, MemberStatus } from './status.js'

const STATES = ['healthy', 'degraded', 'circuit-open', 'recovering'] as const

/** Metrics of each member: name, help and value; null if there is no value. */
const MEMBER_METRICS: readonly (readonly [string, string, (m: MemberStatus) => number | null])[] = [
  ['ca_up', '1 if this CA can serve', (m) => (m.why === null ? 1 : 0)],
  ['ca_consecutive_failures', 'consecutive failures', (m) => m.failures],
  ['ca_open_until_timestamp_seconds', 'when an open circuit may be probed', (m) => seconds(m.openUntil)],
  ['ca_backoff_level', 'how many times the open time was doubled', (m) => m.backoffLevel],
  [
    'ca_latency_seconds',
    'rolling average of the response time',
    (m) => (m.latencyMs === null ? null : m.latencyMs / 1000),
  ],
  ['ca_last_probe_timestamp_seconds', 'end of the last probe', (m) => seconds(m.lastProbe)],
  ['ca_override', '1 if drained or in maintenance by the operator', (m) => (m.admin === null ? 0 : 1)],
  ['ca_recent_requests', 'requests served, of the last hundred of the group', (m) => m.issued],
]

/** Counters by kind: name and help. */
const COUNTER_METRICS: Readonly<Record<CounterKind, readonly [string, string]>> = {
  issued: ['brine_est_certificates_issued_total', 'certificates that were issued and handed out'],
  failed: ['brine_est_attempts_failed_total', 'requests to a CA that ended without a certificate, by outcome'],
  failovers: ['brine_est_failovers_total', 'requests that went to another CA after this one had failed'],
  transitions: ['brine_ha_transitions_total', 'changes of the state of a CA'],
}

/** The CRL of a CA. */
interface NextCrl {
  readonly ca: string
  readonly nextUpdate: Instant | null
}

/** Returns the metrics as text, without timestamps: the collector adds them. */
export function haMetrics(
  { groups, now, certificates }: HaStatusReport,
  counters: readonly Counter[],
  crls: readonly NextCrl[] = [],
): string {
  const members = groups.flatMap((group) => group.members.map((member) => ({ group, member })))
  const health = members.flatMap(({ group, member }) => states(group, member))
  const eligible = groups.map(
    (g) => [labels({ group: g.name }), g.members.filter(({ why }) => why === null).length] as const,
  )
  return [
    ...metric('ca_state', '1 for the present state of a CA, 0 for the other three', health),
    ...MEMBER_METRICS.flatMap(([name, help, value]) =>
      metric(
        name,
        help,
        members.flatMap(({ group, member }) => line(group, member, value(member))),
      ),
    ),
    ...metric(
      'certificates_expiring',
      'certificates of CAs and clients that are due to be replaced, and labels that outlive a CA',
      (['warning', 'critical'] as const).map(
        (level) => [labels({ level }), certificates.filter((one) => one.level === level).length] as const,
      ),
    ),
    ...metric(
      'crl_next_update_timestamp_seconds',
      'end of the CRL of a CA that signs here, in crl_path or signed last',
      crls.flatMap(({ ca, nextUpdate }) =>
        nextUpdate === null ? [] : [[labels({ ca }), epochOf(nextUpdate)] as const],
      ),
    ),
    ...metric('group_eligible', 'members that can serve', eligible),
    ...Object.entries(COUNTER_METRICS).flatMap(([kind, [name, help]]) =>
      counter(
        name,
        help,
        counters.filter((one) => one.kind === kind),
      ),
    ),
    ...metric('last_run_timestamp_seconds', 'time of this export', [['', epochOf(now)]]),
  ].join('\n')
}

type Sample = readonly [labels: string, value: number]

function metric(name: string, help: string, samples: readonly Sample[]): readonly string[] {
  const full = `brine_ha_${name}`
  return [
    `# HELP ${full} ${help}`,
    `# TYPE ${full} gauge`,
    ...samples.map(([at, value]) => `${full}${at} ${value}`),
    '',
  ]
}

function counter(name: string, help: string, counters: readonly Counter[]): readonly string[] {
  const samples = counters.map((one) => `${name}${labels(one.labels)} ${one.count}`)
  return [`# HELP ${name} ${help}`, `# TYPE ${name} counter`, ...samples, '']
}

function states(group: GroupStatus, member: MemberStatus): readonly Sample[] {
  return STATES.map(
    (state) => [labels({ group: group.name, ca: member.ca, state }), member.state === state ? 1 : 0] as const,
  )
}

function line(group: GroupStatus, member: MemberStatus, value: number | null): readonly Sample[] {
  return value === null ? [] : [[labels({ group: group.name, ca: member.ca }), value]]
}

/** Encodes labels. Names need no escaping: the configuration accepts only letters, digits, - and _. */
function labels(pairs: Readonly<Record<string, string>>): string {
  return `{${Object.entries(pairs)
    .map(([name, value]) => `${name}="${value}"`)
    .join(',')}}`
}

function seconds(at: Instant | null): number | null {
  return at === null ? null : epochOf(at)
}
