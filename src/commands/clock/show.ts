/** `brine clock show`: lists what lies in the future. */
import { type FutureReport, readFuture } from '../../core/app/clock/future.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { futureView } from '../../core/cli/views/future.js'

export default class ClockShow extends BaseCommand<FutureReport> {
  static override summary = 'list what was recorded or published with a time that is still to come'
  static override description =
    'Read-only. Compares the clock with the newest commit, manifests, published objects, circuits, leases, overrides, requests, one-time passwords and the signing times of messages to peers.'
  static override exitStatus = { 0: 'nothing lies in the future', 1: 'something does: brine clock reset' }
  static override examples = ['<%= config.bin %> clock show', '<%= config.bin %> clock show --json']

  protected override async execute(): Promise<FutureReport> {
    const { flags } = await this.parse(ClockShow)
    return readFuture(await openSession(this.context(flags)))
  }

  protected override exitCode({ aggregates, ahead, hosts }: FutureReport): number {
    return aggregates.length > 0 || hosts.length > 0 || ahead > 0 ? 1 : 0
  }

  protected override view(report: FutureReport, theme: Theme): string {
    return futureView(report, theme)
  }
}
