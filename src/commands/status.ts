/** `brine status`: is it well, until when, and what is next. */

import { type StatusReport, status } from '../core/app/operations/status.js'
import { NAGIOS_EXIT, nagiosLine, nagiosUnknown, writePrometheus } from '../core/app/operations/status-formats.js'
import { isAtLeast } from '../core/app/operations/verdict.js'
import { openSession } from '../core/app/transaction/session.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { flag } from '../core/cli/flags/flags.js'
import { statusView } from '../core/cli/output/status.js'
import type { Theme } from '../core/cli/output/theme.js'

/** With `--nagios` a check that could not run is a report too. */
export type StatusResult = StatusReport | { readonly verdict: 'unknown'; readonly message: string }

export default class Status extends BaseCommand<StatusResult> {
  static override summary = 'one screen: verdict, when the first object goes stale, what is due'
  static override description =
    'Reads only, takes no lock, works on a full disk and on a stand-by. Exit codes: 0, with --fail-on 1 when the verdict is as bad; with --nagios 0 ok, 1 warning, 2 critical, 3 unknown.'
  static override examples = [
    '<%= config.bin %> status',
    '<%= config.bin %> status --nagios',
    '<%= config.bin %> status --prom /var/lib/node_exporter/brine.prom',
    '<%= config.bin %> status --fail-on critical --json',
  ]
  static override flags = {
    nagios: flag.boolean({ description: 'one line and the exit codes of a Nagios plugin' }),
    prom: flag.path({ description: 'write the metrics to this file, in the Prometheus text format' }),
    'fail-on': flag.choice(['warning', 'critical'], { description: 'exit 1 when the verdict is as bad as this' }),
  }
  #nagios = false
  #failOn: 'warning' | 'critical' | undefined

  protected override async execute(): Promise<StatusResult> {
    const { flags } = await this.parse(Status)
    this.#nagios = flags.nagios
    this.#failOn = flags['fail-on']
    try {
      const report = await status(await openSession(this.context(flags)))
      if (flags.prom !== undefined) writePrometheus(report, flags.prom)
      return report
    } catch (error) {
      if (!flags.nagios) throw error
      return { verdict: 'unknown', message: nagiosUnknown(error) }
    }
  }

  protected override view(report: StatusResult, theme: Theme): string {
    if (report.verdict === 'unknown') return report.message
    return this.#nagios ? nagiosLine(report) : statusView(report, theme)
  }

  protected override exitCode(report: StatusResult): number {
    if (this.#nagios) return NAGIOS_EXIT[report.verdict]
    if (report.verdict === 'unknown' || this.#failOn === undefined) return 0
    return isAtLeast(report.verdict, this.#failOn) ? 1 : 0
  }
}
