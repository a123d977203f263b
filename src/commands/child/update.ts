/** `brine child update`: what a child may hold changes, and everything below follows. */
import { type ChildReport, resourceLine, updateChild } from '../../core/app/authority/children.js'
import { resourceChange } from '../../core/app/authority/resource-arguments.js'
import { openSession } from '../../core/app/transaction/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, confirmFlags, flag, writeFlags } from '../../core/cli/flags/flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import { fallenLines } from '../../core/cli/output/lost.js'

export default class ChildUpdate extends BaseCommand<ChildReport> {
  static override summary = 'change the resources of a child'
  static override description =
    'ROAs below that lose their prefix leave publication, stay configured, and come back with the resources.'
  static override examples = [
    '<%= config.bin %> child update acme branch --add 198.51.100.0/24',
    '<%= config.bin %> child update acme branch --remove 192.0.2.0/25 --dry-run',
  ]
  static override args = {
    ca: arg.handle({ required: true, description: 'the parent' }),
    child: arg.handle({ required: true, description: 'the child' }),
  }
  static override flags = {
    ...writeFlags,
    ...confirmFlags,
    resources: flag.resources({ description: 'exactly these', exclusive: ['add', 'remove'] }),
    add: flag.resources({ description: 'these too' }),
    remove: flag.resources({ description: 'no longer these' }),
  }

  protected override async execute(): Promise<ChildReport> {
    const { args, flags } = await this.parse(ChildUpdate)
    const update = resourceChange(flags)
    const session = await openSession(this.context(flags))
    const preview = await updateChild(session, args.ca, args.child, update, { dryRun: true })
    if (flags['dry-run']) return preview
    if (preview.lost.length > 0) await this.confirm(fallenLines(preview).join('\n'), flags)
    return updateChild(session, args.ca, args.child, update)
  }

  protected override view(report: ChildReport): string {
    const ending = changeEnding(report.ca, report, [
      `child ${report.child} may hold ${resourceLine(report.resources) || 'nothing'}`,
    ])
    return [...fallenLines(report), ending].join('\n')
  }
}
