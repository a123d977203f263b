/** `brine child remove`: a child goes, its certificates are revoked. */
import { type ChildReport, removeChild } from '../../core/app/authority/children.js'
import { openSession } from '../../core/app/transaction/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, confirmFlags, writeFlags } from '../../core/cli/flags/flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import { fallenLines } from '../../core/cli/output/lost.js'

export default class ChildRemove extends BaseCommand<ChildReport> {
  static override summary = 'remove a child: its certificates are revoked'
  static override examples = ['<%= config.bin %> child remove acme branch --yes']
  static override args = {
    ca: arg.handle({ required: true, description: 'the parent' }),
    child: arg.handle({ required: true, description: 'the child' }),
  }
  static override flags = { ...writeFlags, ...confirmFlags }

  protected override async execute(): Promise<ChildReport> {
    const { args, flags } = await this.parse(ChildRemove)
    const session = await openSession(this.context(flags))
    const preview = await removeChild(session, args.ca, args.child, { dryRun: true })
    if (flags['dry-run']) return preview
    const text = [`${args.child} loses every certificate from ${args.ca}`, ...fallenLines(preview)].join('\n')
    await this.confirm(text, flags)
    return removeChild(session, args.ca, args.child)
  }

  protected override view(report: ChildReport): string {
    return [...fallenLines(report), changeEnding(report.ca, report, [`child ${report.child} removed`])].join('\n')
  }
}
