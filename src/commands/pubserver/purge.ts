/** `brine pubserver purge`: withdraws objects of publishers elsewhere by their URI. */
import { type PurgeReport, purgeObjects } from '../../core/app/exchange/server/remove-publishers.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, confirmFlags, writeFlags } from '../../core/cli/flags/flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import { changedView } from '../../core/cli/output/changes.js'
import { counted } from '../../core/cli/output/endings.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class PubserverPurge extends BaseCommand<PurgeReport> {
  static override summary = 'withdraw objects of publishers elsewhere by their URI'
  static override description =
    'A URI with a slash at its end names every object below it. The publishers stay: one that is alive sees at its next list that objects are missing, and may publish them again. What CAs of this data directory publish is refused.'
  static override examples = [
    '<%= config.bin %> pubserver purge rsync://rpki.example.net/repo/customer/old.roa --dry-run',
    "<%= config.bin %> pubserver purge rsync://rpki.example.net/repo/customer/0/ --reason 'left behind' --yes",
  ]
  static override args = {
    uri: arg.text({ required: true, description: 'rsync URI of an object, or of a folder with a slash at its end' }),
  }
  static override flags = { ...writeFlags, ...confirmFlags }

  protected override async execute(): Promise<PurgeReport> {
    const { args, flags } = await this.parse(PubserverPurge)
    const session = await openSession(this.context(flags))
    const preview = await purgeObjects(session, args.uri, { dryRun: true })
    if (flags['dry-run']) return preview
    await this.confirm(
      `${counted(preview.objects, 'object')} of ${preview.publishers.join(' ')} will be withdrawn`,
      flags,
    )
    return purgeObjects(session, args.uri)
  }

  protected override view(report: PurgeReport, theme: Theme): string {
    const ending = changeEnding('pubserver/0', report, [`${counted(report.objects, 'object')} withdrawn`])
    return changedView(report.changes, ending, theme)
  }
}
