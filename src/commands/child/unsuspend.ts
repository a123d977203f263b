/** `brine child unsuspend`: certifies the keys of a suspended child again. */
import { type ChildReport, unsuspendChild } from '../../core/app/authority/children.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, changeFlags } from '../../core/cli/flags/flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import { changedView } from '../../core/cli/output/changes.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { impactTitles, SUSPENSION } from '../../core/cli/views/impact.js'

export default class ChildUnsuspend extends BaseCommand<ChildReport> {
  static override summary = 'end the suspension of a child'
  static override description =
    'The child gets new certificates for the keys that it had, with what it is still entitled to. What these keys have signed is valid again, ROAs as well, and nothing of it is issued again.'
  static override examples = ['<%= config.bin %> child unsuspend acme branch']
  static override args = {
    ca: arg.handle({ required: true, description: 'the parent' }),
    child: arg.handle({ required: true, description: 'the child' }),
  }
  static override flags = { ...changeFlags }

  protected override async execute(): Promise<ChildReport> {
    const { args, flags } = await this.parse(ChildUnsuspend)
    const session = await openSession(this.context(flags))
    return unsuspendChild(session, args.ca, args.child, { dryRun: flags['dry-run'] })
  }

  protected override view(report: ChildReport, theme: Theme): string {
    const done = [`child ${report.child} is no longer suspended`, ...impactTitles(report, SUSPENSION)]
    return changedView(report.changes, changeEnding(report.ca, report, done), theme)
  }
}
