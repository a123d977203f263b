/** `brine pubserver publisher remove`: removes publishers elsewhere and withdraws their objects. */
import { type PublisherRemoveReport, removePublishers } from '../../../core/app/exchange/server/remove-publishers.js'
import { openSession } from '../../../core/app/session/session.js'
import { AppError } from '../../../core/base/errors.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { arg, confirmFlags, flag, writeFlags } from '../../../core/cli/flags/flags.js'
import { changeEnding } from '../../../core/cli/output/change-ending.js'
import { changedView } from '../../../core/cli/output/changes.js'
import { counted } from '../../../core/cli/output/endings.js'
import type { Theme } from '../../../core/cli/output/theme.js'

export default class PublisherRemove extends BaseCommand<PublisherRemoveReport> {
  static override summary = 'remove a publisher elsewhere and withdraw what it published'
  static override description =
    'Its messages are refused from then on. With --stale, every publisher elsewhere that has sent no message for that time is removed; one that never sent any counts from the time when it was added. CAs of this data directory are removed with brine ca remove.'
  static override examples = [
    '<%= config.bin %> pubserver publisher remove customer --dry-run',
    '<%= config.bin %> pubserver publisher remove --stale 90d --yes',
  ]
  static override args = { publisher: arg.handle({ description: 'the publisher; or --stale' }) }
  static override flags = {
    ...writeFlags,
    ...confirmFlags,
    stale: flag.duration({ min: 1, description: 'remove all that were silent for this time' }),
  }

  static override needs = [
    { code: 'publisher-or-stale', oneOf: { publisher: '', stale: 'for all that were silent for a time' } },
  ]

  protected override async execute(): Promise<PublisherRemoveReport> {
    const { args, flags } = await this.parse(PublisherRemove)
    const { publisher } = args
    const { stale } = flags
    const which = stale !== undefined ? { stale } : publisher !== undefined ? { publisher } : undefined
    if (which === undefined || (publisher !== undefined && stale !== undefined))
      throw new AppError('usage', 'publisher-or-stale', 'give either a PUBLISHER or --stale AGE')
    const session = await openSession(this.context(flags))
    const preview = await removePublishers(session, which, { dryRun: true })
    if (flags['dry-run'] || !preview.changed) return preview
    const { publishers, objects } = preview
    const names = publishers.length === 1 ? `Publisher ${publishers[0]}` : `Publishers ${publishers.join(' ')}`
    await this.confirm(`${names} will be removed and ${counted(objects, 'object')} withdrawn`, flags)
    return removePublishers(session, 'stale' in which ? { ...which, only: publishers } : which)
  }

  protected override view(report: PublisherRemoveReport, theme: Theme): string {
    const { publishers, objects } = report
    const what = [`removed ${publishers.join(' ')}`, `${counted(objects, 'object')} withdrawn`]
    return changedView(report.changes, changeEnding('pubserver/0', report, what), theme)
  }
}
