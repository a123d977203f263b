/** `brine ha status`: the state of every CA, and which serves next. */
import { type CrlStatus, crlStatus } from '../../core/app/enrolment/crl-files.js'
import { readCounters } from '../../core/app/failover/counters.js'
import { haMetrics } from '../../core/app/failover/metrics.js'
import { reaches } from '../../core/app/failover/severity.js'
import { type GroupStatus, type HaStatusReport, haStatus, type MemberStatus } from '../../core/app/failover/status.js'
import { openSession, type Session } from '../../core/app/session/session.js'
import { writeMetrics } from '../../core/app/status/metrics-file.js'
import { AppError } from '../../core/base/errors.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { flag, haFlags } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'

interface HaDocument extends HaStatusReport {
  /** CRLs of the CAs that sign here. */
  readonly crls: readonly CrlStatus[]
}

export default class HaStatus extends BaseCommand<HaDocument> {
  static override summary = 'show the groups of CAs: which CA serves next, which are out, why and until when'
  static override description = 'Takes no lock and calls no CA (brine ha probe does).'
  static override exitStatus = {
    1: 'with --fail-on: the state is this or worse',
  }
  static override examples = [
    '<%= config.bin %> ha status',
    '<%= config.bin %> ha status --group production --json',
    '<%= config.bin %> ha status --prom /var/lib/node_exporter/brine-ha.prom',
  ]
  static override flags = {
    group: flag.text({ helpValue: 'GROUP', description: 'only this group' }),
    prom: flag.path({ description: 'write the metrics to this file, in the Prometheus text format' }),
    ...haFlags,
  }
  #failOn: string | undefined

  protected override async execute(): Promise<HaDocument> {
    const { flags } = await this.parse(HaStatus)
    this.#failOn = flags['fail-on']
    const session = await openSession(this.context(flags))
    const report = { ...(await haStatus(session, flags.group)), crls: await this.#crls(session) }
    if (flags.prom !== undefined)
      writeMetrics(haMetrics(report, readCounters(session.store.status), report.crls), flags.prom)
    return report
  }

  /** Returns the CRLs; none if the history of enrolment is damaged, which status and audit report. */
  async #crls(session: Session): Promise<readonly CrlStatus[]> {
    try {
      return await crlStatus(session)
    } catch (error) {
      if (!(error instanceof AppError && error.kind === 'corrupt')) throw error
      this.warn(`the CRLs are not known: ${error.message}`)
      return []
    }
  }

  protected override view(report: HaDocument, theme: Theme): string {
    const ending = [...report.certificates, ...report.crls]
    const certificates = ending
      .filter(({ level }) => level !== 'ok')
      .map(({ level, message }) => (level === 'critical' ? theme.bad(message) : theme.caution(message)))
      .join('\n')
    return [...report.groups.map((group) => groupView(group, theme)), certificates].filter((t) => t !== '').join('\n\n')
  }

  protected override exitCode(report: HaDocument): number {
    return reaches(report, this.#failOn) ? 1 : 0
  }
}

function groupView(group: GroupStatus, theme: Theme): string {
  const isWeighted = group.strategy === 'weighted'
  const table = theme.table({
    columns: [
      'CA',
      { title: 'BACKEND', rank: 1 },
      { title: 'STATE', rank: 3 },
      { title: 'FAILS', align: 'right' },
      { title: 'MS', align: 'right' },
      { title: isWeighted ? 'SHARE/WEIGHT' : 'SHARE', align: 'right' },
      { title: 'WHY NOT', rank: 3 },
    ],
    rows: group.members.map((m) => [
      m.ca,
      m.backend,
      colour(m, theme),
      m.failures,
      m.latencyMs ?? '-',
      isWeighted ? `${m.issued}/${m.weight}` : m.issued,
      m.why ?? '',
    ]),
  })
  const errors = group.members.flatMap(({ ca, lastError }) =>
    lastError === null ? [] : [theme.dim(`${ca}: ${lastError.message} (${lastError.at})`)],
  )
  const next =
    group.disabled !== undefined
      ? theme.bad(`cannot be used: brine.toml, ${group.disabled}`)
      : group.next === null
        ? theme.bad(`no CA can serve; try again in ${group.retryAfter} s`)
        : `the next request goes to ${theme.bold(group.next)}`
  return [`${theme.bold(group.name)} (${group.strategy}): ${next}`, table, ...errors].join('\n')
}

function colour({ state, admin }: MemberStatus, theme: Theme): string {
  if (admin !== null) return theme.caution(admin.mode === 'drain' ? 'drained' : 'maintenance')
  return state === 'healthy' ? theme.good(state) : state === 'degraded' ? theme.caution(state) : theme.bad(state)
}
