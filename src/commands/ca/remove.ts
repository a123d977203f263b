/** `brine ca remove`: removes a CA: withdraws its objects; its local parents revoke its certificates. */
import { type CaReport, removeCa } from '../../core/app/authority/cas.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, changeFlags, confirmFlags, flag } from '../../core/cli/flags/flags.js'
import { SAFETY_NEEDS, safetyFlags } from '../../core/cli/flags/safety.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import { changedView } from '../../core/cli/output/changes.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class CaRemove extends BaseCommand<CaReport> {
  static override summary = 'remove a CA and withdraw everything it published'
  static override description =
    'Refused while a parent elsewhere certifies its keys, or a repository elsewhere has its objects: brine parent remove has them revoked, and brine repo sync withdraws the objects. With --abandon they stay there until they end.'
  static override examples = ['<%= config.bin %> ca remove acme --yes']
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }
  static override flags = {
    ...changeFlags,
    ...confirmFlags,
    ...safetyFlags,
    abandon: flag.boolean({
      description: 'although a parent or repository elsewhere still has certificates or objects of it; needs --reason',
    }),
  }

  static override needs = [
    ...SAFETY_NEEDS,
    { code: 'reason-required', oneOf: { reason: '' }, with: 'abandon', message: '--abandon needs --reason TEXT' },
  ]

  protected override async execute(): Promise<CaReport> {
    const { args, flags } = await this.parse(CaRemove)
    const session = await openSession(this.context(flags))
    const { abandon } = flags
    const preview = await removeCa(session, args.ca, { abandon, dryRun: true })
    if (flags['dry-run']) return preview
    await this.confirm(`Remove ${args.ca} and withdraw everything it published`, flags)
    return removeCa(session, args.ca, { abandon })
  }

  protected override view(report: CaReport, theme: Theme): string {
    return changedView(report.changes, changeEnding(report.ca, report, ['removed']), theme)
  }
}
