/** `brine child remove`: removes a child and revokes its certificates. */
import { type ChildReport, removeChild } from '../../core/app/authority/children.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, changeFlags, confirmFlags } from '../../core/cli/flags/flags.js'
import { SAFETY_NEEDS, safetyFlags } from '../../core/cli/flags/safety.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import { changedView } from '../../core/cli/output/changes.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { impactLines, impactTitles } from '../../core/cli/views/impact.js'

export default class ChildRemove extends BaseCommand<ChildReport> {
  static override summary = 'remove a child and revoke its certificates'
  static override description =
    'A child that is a CA of this data directory stays, without resources, until brine ca remove.'
  static override examples = ['<%= config.bin %> child remove acme branch --yes']
  static override args = {
    ca: arg.handle({ required: true, description: 'the parent' }),
    child: arg.handle({ required: true, description: 'the child' }),
  }
  static override flags = { ...changeFlags, ...confirmFlags, ...safetyFlags }

  static override needs = SAFETY_NEEDS

  protected override async execute(): Promise<ChildReport> {
    const { args, flags } = await this.parse(ChildRemove)
    const session = await openSession(this.context(flags))
    const preview = await removeChild(session, args.ca, args.child, { dryRun: true })
    if (flags['dry-run']) return preview
    const text = [`${args.ca} will revoke every certificate of ${args.child}`, ...impactLines(preview)].join('\n')
    await this.confirm(text, flags)
    return removeChild(session, args.ca, args.child)
  }

  protected override view(report: ChildReport, theme: Theme): string {
    const ending = changeEnding(report.ca, report, [`child ${report.child} removed`, ...impactTitles(report)])
    const shown = changedView(report.changes, ending, theme)
    if (!report.orphaned || report.dryRun) return shown
    return [shown, theme.paste(orphanLine(report.child))].join('\n')
  }
}

/** Names what can become of a CA of this data directory that has no parent left. */
function orphanLine(child: string): string {
  return `next: brine ca remove ${child} --dry-run   # the CA ${child} is still here, with its keys and ROAs, and holds nothing`
}
