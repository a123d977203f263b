/** `brine parent remove`: lets a parent revoke the keys of a CA, and removes it with what it certified. */
import { deliverByHttp } from '../../core/app/exchange/client/deliver.js'
import { type ParentRemoveReport, removeParent } from '../../core/app/exchange/client/remove-parent.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, changeFlags, confirmFlags } from '../../core/cli/flags/flags.js'
import { SAFETY_NEEDS, safetyFlags } from '../../core/cli/flags/safety.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import { changedView } from '../../core/cli/output/changes.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { impactLines, impactTitles } from '../../core/cli/views/impact.js'

export default class ParentRemove extends BaseCommand<ParentRemoveReport> {
  static override summary = 'remove a parent of a CA and what it certified'
  static override description =
    'The parent is asked to revoke the keys that it certified. One that cannot be reached or refuses is still removed: its certificates are valid until they end, and what they hold is withdrawn here. ROAs that no other parent covers stay configured.'
  static override examples = ['<%= config.bin %> parent remove acme registry --dry-run']
  static override args = {
    ca: arg.handle({ required: true, description: 'the CA' }),
    parent: arg.handle({ required: true, description: 'its parent' }),
  }
  static override flags = { ...changeFlags, ...confirmFlags, ...safetyFlags }

  static override needs = SAFETY_NEEDS

  protected override async execute(): Promise<ParentRemoveReport> {
    const { args, flags } = await this.parse(ParentRemove)
    const session = await openSession(this.context(flags))
    const deliver = deliverByHttp(session, `brine/${this.config.version}`)
    const preview = await removeParent(session, args.ca, args.parent, { deliver, dryRun: true })
    if (flags['dry-run']) return preview
    const text = [
      `${args.ca} will lose everything that only ${args.parent} certified`,
      ...impactLines(preview),
      ...(preview.children.length === 0 ? [] : [`children that are entitled to less: ${preview.children.join(' ')}`]),
    ]
    await this.confirm(text.join('\n'), flags)
    return removeParent(session, args.ca, args.parent, { deliver })
  }

  protected override view(report: ParentRemoveReport, theme: Theme): string {
    const ending = changeEnding(report.ca, report, [`parent ${report.parent} removed`, ...impactTitles(report)])
    const left = report.revocations
      .filter(({ outcome }) => outcome !== 'revoked')
      .map(({ ski, outcome, message }) => {
        const why = message === null ? '' : ` (${message})`
        return `revoke of key ${ski}: ${outcome}${why}; its certificate is valid until it ends`
      })
    return [changedView(report.changes, ending, theme), ...left].join('\n')
  }
}
