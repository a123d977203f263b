/** `brine clock reset`: the way back after the clock was ahead. */
import { type ClockResetReport, resetClock } from '../../core/app/clock/reset.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { EXIT_CODES } from '../../core/cli/exit-codes.js'
import { writeFlags } from '../../core/cli/flags/flags.js'
import { counted } from '../../core/cli/output/endings.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { futureView } from '../../core/cli/views/future.js'

export default class ClockReset extends BaseCommand<ClockResetReport> {
  static override summary = 'set what lies in the future to the present, after the clock was ahead'
  static override description =
    'First make sure that the clock is right now. Manifests, CRLs and objects that were published with future times are issued again at the present time; their numbers and the RRDP serial go on rising. Circuits, leases, overrides, requests and one-time passwords of the future get the present time, without backoff, and so do the signing times of messages to peers; a peer that has seen a later one may refuse messages until its time has come. History keeps what was recorded, and this command with its reason. Does nothing if nothing lies in the future.'
  static override exitStatus = { 2: '--reason missing', 3: 'some aggregate could not be reset' }
  static override examples = [
    '<%= config.bin %> clock reset --reason "the clock was two days ahead" --dry-run',
    '<%= config.bin %> clock reset --reason "the clock was two days ahead"',
  ]
  static override flags = { ...writeFlags }

  static override needs = [{ code: 'reason-missing', oneOf: { reason: '' } }]

  protected override async execute(): Promise<ClockResetReport> {
    const { flags } = await this.parse(ClockReset)
    return resetClock(await openSession(this.context(flags)), { dryRun: flags['dry-run'] })
  }

  protected override faults(report: ClockResetReport): readonly string[] {
    return report.failed.map((f) => `${f.aggregate}: ${f.message}`)
  }

  protected override view(report: ClockResetReport, theme: Theme): string {
    const { changed, dryRun, reset, serial, now } = report
    if (!changed) return [...this.faults(report).map(theme.bad), 'clock: nothing to do'].join('\n')
    const lines = [futureView(report, theme), ...this.faults(report).map(theme.bad)]
    if (dryRun) return [...lines, `clock: would be set to ${now}; dry run, nothing changed`].join('\n')
    const published = serial === null ? '' : `; published, serial ${serial}`
    const hosts = report.hosts.length === 0 ? '' : ` and ${counted(report.hosts.length, 'host')}`
    return [...lines, `clock: ${counted(reset.length, 'aggregate')}${hosts} set to ${now}${published}`].join('\n')
  }

  protected override exitCode(report: ClockResetReport): number {
    return report.failed.length === 0 ? 0 : EXIT_CODES.partial
  }
}
