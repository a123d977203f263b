/** `brine pubserver clear`: takes the publication server away, so that it can be set up with other URIs. */
import { clearPubserver, type PubserverReport } from '../../core/app/authority/pubserver.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { confirmFlags, writeFlags } from '../../core/cli/flags/flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'

export default class PubserverClear extends BaseCommand<PubserverReport> {
  static override summary = 'take the publication server away, so that it can be set up with other URIs'
  static override description =
    'Refused while it has publishers: remove those elsewhere with brine pubserver publisher remove, CAs with brine ca remove. The URIs of a trust anchor are part of its certificate, so a server that it publishes at stays. What is served remains, without objects, until brine pubserver init.'
  static override examples = ['<%= config.bin %> pubserver clear --dry-run']
  static override flags = { ...writeFlags, ...confirmFlags }

  protected override async execute(): Promise<PubserverReport> {
    const { flags } = await this.parse(PubserverClear)
    const session = await openSession(this.context(flags))
    const preview = await clearPubserver(session, { dryRun: true })
    if (flags['dry-run']) return preview
    await this.confirm(`The publication server at ${preview.rsyncBase} and ${preview.rrdpBase} will be gone`, flags)
    return clearPubserver(session)
  }

  protected override view(report: PubserverReport): string {
    return changeEnding('pubserver/0', report, [`cleared: ${report.rsyncBase} and ${report.rrdpBase}`])
  }
}
