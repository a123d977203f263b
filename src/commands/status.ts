/** `brine status`: shows the verdict, when the first object goes stale, and what is due. */

import { openSession } from '../core/app/session/session.js'
import { NAGIOS_EXIT, nagiosLine, nagiosUnknown, writePrometheus } from '../core/app/status/formats.js'
import type { StatusReport } from '../core/app/status/report.js'
import { status } from '../core/app/status/status.js'
import { isAtLeast } from '../core/app/status/verdict.js'
import { AppError } from '../core/base/errors.js'
import { screenText } from '../core/base/text.js'
import { formatDuration } from '../core/base/time.js'
import { BaseCommand } from '../core/cli/base-command.js'
import type { GlobalFlags } from '../core/cli/context.js'
import { flag } from '../core/cli/flags/flags.js'
import type { Theme } from '../core/cli/output/theme.js'
import { watchScreen } from '../core/cli/terminal/watch-screen.js'
import { statusView } from '../core/cli/views/status.js'

const WATCH_SECONDS = 5

interface WatchedReport {
  /** The last report that could be read. */
  readonly report: StatusReport
  /** Why the last read failed, so that `report` is older; null if it succeeded. */
  readonly failure: string | null
}

/** Report of status; with `--nagios` also the error of a check that could not run. */
export type StatusResult = StatusReport | { readonly verdict: 'unknown'; readonly message: string }

export default class Status extends BaseCommand<StatusResult> {
  static override summary = 'show the verdict, when the first object goes stale, and what is due'
  static override description = 'Read-only, takes no lock, works on a full disk and on a stand-by.'
  static override exitStatus = {
    1: 'with --fail-on: the verdict is that level or worse; with --nagios: warning',
    2: 'with --nagios: critical',
    3: 'with --nagios: unknown',
  }
  static override examples = [
    '<%= config.bin %> status',
    '<%= config.bin %> status --watch --every 10s',
    '<%= config.bin %> status --nagios',
    '<%= config.bin %> status --prom /var/lib/node_exporter/brine.prom',
    '<%= config.bin %> status --fail-on critical --json',
  ]
  static override flags = {
    nagios: flag.boolean({ description: 'print one line, with the exit codes of a Nagios plugin' }),
    prom: flag.path({ description: 'write metrics to this file, in the Prometheus text format' }),
    'fail-on': flag.choice(['warning', 'critical'], { description: 'exit 1 if the verdict is this or worse' }),
    watch: flag.boolean({
      description: 'read and draw again on the terminal, until q or Ctrl-C',
      exclusive: ['nagios', 'prom', 'fail-on', 'json'],
    }),
    every: flag.duration({
      min: 1,
      dependsOn: ['watch'],
      description: 'time between two reads of --watch (default 5s)',
    }),
  }
  #nagios = false
  #failOn: 'warning' | 'critical' | undefined

  protected override async execute(): Promise<StatusResult> {
    const { flags } = await this.parse(Status)
    this.#nagios = flags.nagios
    this.#failOn = flags['fail-on']
    if (flags.watch === true) return this.#watch(flags)
    const notices: string[] = []
    const context = { ...this.context(flags), onNotice: (text: string) => void notices.push(text) }
    try {
      const report = await status(await openSession(context))
      // what is a finding is not printed a second time
      for (const text of notices)
        if (![...report.bypassed, ...report.concerns].some(({ message }) => text.startsWith(message))) this.warn(text)
      if (flags.prom !== undefined) writePrometheus(report, flags.prom)
      return report
    } catch (error) {
      for (const text of notices) this.warn(text)
      if (!flags.nagios) throw error
      return { verdict: 'unknown', message: nagiosUnknown(error) }
    }
  }

  /** Draws again and again, and returns the last report. Throws `watch-terminal` (usage). */
  async #watch(flags: GlobalFlags & { readonly every?: number | undefined }): Promise<StatusReport> {
    const { stdin: input, stdout: output } = process
    if (!input.isTTY || !output.isTTY || process.env['TERM'] === 'dumb')
      throw new AppError('usage', 'watch-terminal', '--watch needs a terminal, for input and output', {
        hint: 'in a script: brine status --json, as often as needed',
      })
    // what status reads is in its findings, and a warning would be drawn over
    const context = { ...this.context(flags), onNotice: () => undefined }
    const { every = WATCH_SECONDS } = flags
    const ending = `every ${formatDuration(every)}; q or Ctrl-C ends`
    let last: StatusReport | undefined
    const read = async (): Promise<WatchedReport> => {
      try {
        last = await status(await openSession(context))
        return { report: last, failure: null }
      } catch (error) {
        // a directory that is being restored, or a full disk: the next read may succeed
        if (last === undefined || !(error instanceof AppError)) throw error
        return { report: last, failure: error.message }
      }
    }
    const show = async ({ report, failure }: WatchedReport): Promise<string> => {
      const theme = await this.theme()
      const head = failure === null ? theme.dim(`${report.now}, ${ending}`) : theme.bad(`cannot be read: ${failure}`)
      return screenText(`${head}\n${statusView(report, theme)}`)
    }
    return (await watchScreen({ seconds: every, read, show }, { input, output })).report
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
