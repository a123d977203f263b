/** `brine repo sync`: synchronises a CA with its repository. */
import type { RepoSyncReport } from '../../core/app/authority/repo-sync.js'
import { deliverByHttp } from '../../core/app/exchange/client/deliver.js'
import { syncRepository } from '../../core/app/exchange/client/sync-repository.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, writeFlags } from '../../core/cli/flags/flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'

export default class RepoSync extends BaseCommand<RepoSyncReport> {
  static override summary = 'compare the objects of a CA with its repository and publish the difference'
  static override description =
    'Use it after a repository was restored from a backup. Does nothing if both agree; rebuilds the published tree if it lags. A repository elsewhere is asked what it has, and gets the difference in one message (RFC 8181), all of it or nothing; commands that change a CA do that themselves, but with --no-sync. If it cannot be reached or refuses, nothing is changed: exit code 17 if objects wait for it, else 15.'
  static override examples = ['<%= config.bin %> repo sync acme', '<%= config.bin %> repo sync acme --dry-run --json']
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }
  static override flags = { ...writeFlags }

  protected override async execute(): Promise<RepoSyncReport> {
    const { args, flags } = await this.parse(RepoSync)
    const session = await openSession(this.context(flags))
    const deliver = deliverByHttp(session, `brine/${this.config.version}`)
    return syncRepository(session, args.ca, { deliver, dryRun: flags['dry-run'] })
  }

  protected override view(report: RepoSyncReport): string {
    return changeEnding(report.ca, report, [`+${report.put} -${report.withdrawn} objects in the repository`])
  }
}
