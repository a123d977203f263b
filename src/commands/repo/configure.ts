/** `brine repo configure --local`: makes the publication server of this data directory the repository of a CA. */
import { configureLocalRepository, type RepositoryReport } from '../../core/app/authority/parents.js'
import { openSession } from '../../core/app/transaction/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, flag, writeFlags } from '../../core/cli/flags/flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'

export default class RepoConfigure extends BaseCommand<RepositoryReport> {
  static override summary = 'set the repository of a CA'
  static override examples = ['<%= config.bin %> repo configure acme --local']
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }
  static override flags = {
    ...writeFlags,
    local: flag.boolean({
      required: true,
      description: 'use the publication server of this data directory (required today)',
    }),
  }

  protected override async execute(): Promise<RepositoryReport> {
    const { args, flags } = await this.parse(RepoConfigure)
    const session = await openSession(this.context(flags))
    return configureLocalRepository(session, args.ca, { dryRun: flags['dry-run'] })
  }

  protected override view(report: RepositoryReport): string {
    return changeEnding(report.ca, report, [`publishes at ${report.repository?.base ?? '-'}`])
  }
}
