/** `brine ha probe`: probes the CAs that are due. */
import { backendOf } from '../../core/app/failover/backends.js'
import { type ProbeReport, probe } from '../../core/app/failover/probe.js'
import { probeFor } from '../../core/app/failover/probe-loop.js'
import { reaches } from '../../core/app/failover/severity.js'
import { type HaStatusReport, haStatus } from '../../core/app/failover/status.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, clockFlags, flag, haFlags, writeFlags } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class HaProbe extends BaseCommand<ProbeReport> {
  static override summary = 'probe the CAs that are due'
  static override description =
    'For cron: probes the CAs whose check_interval has passed and the open circuits that are due, in parallel, each for check_timeout at most. Prints nothing unless the health of a CA changed.'
  static override exitStatus = {
    0: 'done, also if a probe failed',
    1: 'the clock is behind, or far ahead of the last record (brine tick --help), or with --fail-on the state is this or worse',
  }
  static override examples = [
    '<%= config.bin %> ha probe',
    '<%= config.bin %> ha probe --loop 55s',
    '<%= config.bin %> ha probe backup-ca --now --json',
  ]
  static override args = {
    ca: arg.text({ description: 'the CAs to probe (default all)', multiple: true }),
  }
  static override flags = {
    now: flag.boolean({ description: 'also probe CAs that are not due; open circuits still wait' }),
    loop: flag.duration({ description: 'repeat every check_interval for this long' }),
    ...haFlags,
    ...clockFlags,
    ...writeFlags,
  }
  #failOn: string | undefined
  #state: HaStatusReport | undefined

  /** A change of a CA is not a change by this command, so it is printed with --quiet too. */
  protected override get changes(): boolean {
    return false
  }

  protected override async execute(): Promise<ProbeReport> {
    const { flags, args } = await this.parse(HaProbe)
    const confirmed = flags['clock-is-right'] ? { clockIsRight: true as const } : {}
    const session = await openSession({ ...this.context(flags), unattended: true, ...confirmed })
    const options = { cas: args.ca ?? [], now: flags.now }
    const report = await (flags.loop === undefined || flags['dry-run']
      ? probe(session, options, backendOf)
      : probeFor(session, options, flags.loop, backendOf))
    this.#failOn = flags['fail-on']
    if (this.#failOn !== undefined) this.#state = await haStatus(session)
    return report
  }

  protected override view(report: ProbeReport, theme: Theme): string {
    if (report.due !== undefined) return `would probe ${report.due.join(', ')}; dry run, nothing changed`
    return report.changes
      .map(({ ca, from, to, reason, openUntil }) => {
        const state = to === 'healthy' ? theme.good(to) : theme.bad(to)
        const until =
          to !== 'circuit-open'
            ? ''
            : openUntil === null
              ? theme.paste(' until brine ha resume')
              : ` until ${openUntil}`
        return `${ca}: ${from} -> ${state}${until}: ${reason}`
      })
      .join('\n')
  }

  protected override exitCode(): number {
    return this.#state !== undefined && reaches(this.#state, this.#failOn) ? 1 : 0
  }
}
