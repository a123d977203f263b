/** `brine pubserver init`: creates the publication server of this data directory. */
import { initPubserver, type PubserverReport } from '../../core/app/authority/pubserver.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { flag, writeFlags } from '../../core/cli/flags/flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'

export default class PubserverInit extends BaseCommand<PubserverReport> {
  static override summary = 'set up the publication server'
  static override examples = [
    '<%= config.bin %> pubserver init --rsync rsync://rpki.example.net/repo/ --rrdp https://rpki.example.net/rrdp/',
  ]
  static override flags = {
    ...writeFlags,
    rsync: flag.text({ helpValue: 'URI', required: true, description: 'public URI of repo/rsync/current/' }),
    rrdp: flag.text({ helpValue: 'URI', required: true, description: 'public URI of repo/rrdp/' }),
  }

  protected override async execute(): Promise<PubserverReport> {
    const { flags } = await this.parse(PubserverInit)
    const session = await openSession(this.context(flags))
    return initPubserver(session, flags.rsync, flags.rrdp, { dryRun: flags['dry-run'] })
  }

  protected override view(report: PubserverReport): string {
    return changeEnding('pubserver/0', report, [`serves ${report.rsyncBase} and ${report.rrdpBase}`])
  }
}
