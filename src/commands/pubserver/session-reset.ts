/** `brine pubserver session-reset`: starts a new RRDP session; validators fetch the RRDP snapshot. */
import { type PubserverReport, resetSession } from '../../core/app/authority/pubserver.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { confirmFlags, writeFlags } from '../../core/cli/flags/flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'

export default class PubserverSessionReset extends BaseCommand<PubserverReport> {
  static override summary = 'start a new RRDP session'
  static override description =
    'Every validator then fetches the complete RRDP snapshot once. Needed after a restore, rarely otherwise.'
  static override examples = ['<%= config.bin %> pubserver session-reset --yes']
  static override flags = { ...writeFlags, ...confirmFlags }

  protected override async execute(): Promise<PubserverReport> {
    const { flags } = await this.parse(PubserverSessionReset)
    const session = await openSession(this.context(flags))
    if (flags['dry-run']) return resetSession(session, { dryRun: true })
    await this.confirm('Every validator will fetch the complete repository again', flags)
    return resetSession(session)
  }

  protected override view(report: PubserverReport): string {
    return changeEnding('pubserver/0', report, [`RRDP session ${report.sessionId}`])
  }
}
