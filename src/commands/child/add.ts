/** `brine child add`: registers a child with the resources it may hold. */
import { addChild, type ChildReport, resourceLine } from '../../core/app/authority/children.js'
import { resourcesOf } from '../../core/app/authority/resource-arguments.js'
import { openSession } from '../../core/app/transaction/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, flag, writeFlags } from '../../core/cli/flags/flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import { changedView } from '../../core/cli/output/changes.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class ChildAdd extends BaseCommand<ChildReport> {
  static override summary = 'add a child to a CA or the trust anchor'
  static override description =
    'For a CA that exists here already. brine ca add CHILD --under CA --resources R makes the CA too.'
  static override examples = ['<%= config.bin %> child add acme branch --local --resources 192.0.2.0/25']
  static override args = {
    ca: arg.handle({ required: true, description: 'the parent' }),
    child: arg.newHandle({ required: true, description: 'the child' }),
  }
  static override flags = {
    ...writeFlags,
    local: flag.boolean({ required: true, description: 'the child is a CA of this data directory (required today)' }),
    resources: flag.resources({ required: true, description: 'resources that the child is entitled to' }),
  }

  protected override async execute(): Promise<ChildReport> {
    const { args, flags } = await this.parse(ChildAdd)
    const resources = resourcesOf(flags.resources)
    const session = await openSession(this.context(flags))
    return addChild(session, args.ca, args.child, resources, { dryRun: flags['dry-run'] })
  }

  protected override view(report: ChildReport, theme: Theme): string {
    const change = `child ${report.child} is entitled to ${resourceLine(report.resources)}`
    return changedView(report.changes, changeEnding(report.ca, report, [change]), theme)
  }
}
