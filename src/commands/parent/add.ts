/** `brine parent add --local`: adds a CA or the trust anchor of this data directory as a parent. */
import { resourceLine } from '../../core/app/authority/children.js'
import { addLocalParent, type ParentReport } from '../../core/app/authority/parents.js'
import { openSession } from '../../core/app/transaction/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, flag, writeFlags } from '../../core/cli/flags/flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'

export default class ParentAdd extends BaseCommand<ParentReport> {
  static override summary = 'add a parent to a CA'
  static override description = 'The parent must already have the CA as a child: brine child add PARENT CA --local.'
  static override examples = ['<%= config.bin %> parent add branch acme --local']
  static override args = {
    ca: arg.handle({ required: true, description: 'the CA' }),
    parent: arg.handle({ required: true, description: 'its parent' }),
  }
  static override flags = {
    ...writeFlags,
    local: flag.boolean({ required: true, description: 'the parent is in this data directory (required today)' }),
  }

  protected override async execute(): Promise<ParentReport> {
    const { args, flags } = await this.parse(ParentAdd)
    const session = await openSession(this.context(flags))
    return addLocalParent(session, args.ca, args.parent, { dryRun: flags['dry-run'] })
  }

  protected override view(report: ParentReport): string {
    const holds = resourceLine(report.resources)
    const note = holds === '' ? 'no certificate yet: no repository is configured' : `holds ${holds}`
    return changeEnding(report.ca, report, [`parent ${report.parent} added (${note})`])
  }
}
