/** `brine child suspend`: revokes and withdraws the certificates of a child until it is back. */
import { showChild } from '../../core/app/authority/child-list.js'
import { type ChildReport, suspendChild } from '../../core/app/authority/children.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, changeFlags, confirmFlags } from '../../core/cli/flags/flags.js'
import { SAFETY_NEEDS, safetyFlags } from '../../core/cli/flags/safety.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import { changedView } from '../../core/cli/output/changes.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { impactLines, impactTitles, SUSPENSION } from '../../core/cli/views/impact.js'

export default class ChildSuspend extends BaseCommand<ChildReport> {
  static override summary = 'suspend a child: revoke its certificates until it is back'
  static override description =
    'For a child that is out of order: its certificates are revoked and withdrawn, its entitlement stays. One elsewhere is back with its next message and gets new certificates for the same keys; to keep it out, use brine child update --resources none. A CA of this data directory is back with brine child unsuspend: meanwhile it keeps its keys and ROAs and renews its manifest, but relying parties find nothing of it. The configuration key suspend_child_after_inactive_hours lets brine tick suspend children that send no message.'
  static override examples = ['<%= config.bin %> child suspend acme branch --yes']
  static override args = {
    ca: arg.handle({ required: true, description: 'the parent' }),
    child: arg.handle({ required: true, description: 'the child' }),
  }
  static override flags = { ...changeFlags, ...confirmFlags, ...safetyFlags }

  static override needs = SAFETY_NEEDS

  protected override async execute(): Promise<ChildReport> {
    const { args, flags } = await this.parse(ChildSuspend)
    const session = await openSession(this.context(flags))
    const preview = await suspendChild(session, args.ca, args.child, { dryRun: true })
    if (flags['dry-run']) return preview
    const { certificates } = await showChild(session, args.ca, args.child)
    if (certificates.length > 0) {
      const text = `${args.ca} will revoke every certificate of ${args.child} until it is back`
      await this.confirm([text, ...impactLines(preview, SUSPENSION)].join('\n'), flags)
    }
    return suspendChild(session, args.ca, args.child)
  }

  protected override view(report: ChildReport, theme: Theme): string {
    const done = [`child ${report.child} suspended`, ...impactTitles(report, SUSPENSION)]
    const ending = changeEnding(report.ca, report, done)
    return changedView(report.changes, ending, theme)
  }
}
