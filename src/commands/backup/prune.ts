/** `brine backup prune`: removes backups that no daily or monthly retention rule keeps. */
import { type PruneReport, pruneBackups } from '../../core/app/backup/catalog.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, confirmFlags, flag, writeFlags } from '../../core/cli/flags/flags.js'
import { changedView } from '../../core/cli/output/changes.js'
import { counted } from '../../core/cli/output/endings.js'
import type { Theme } from '../../core/cli/output/theme.js'

function andUnfinished({ length }: PruneReport['unfinished']): string {
  return length === 0 ? '' : ` and ${counted(length, 'unfinished file')}`
}

export default class BackupPrune extends BaseCommand<PruneReport> {
  static override summary = 'remove old backups from a folder'
  static override description =
    'Of each instance, keeps the newest backup of each of the last N days, and of each of the last N months, that have a backup. Never removes the newest backup of an instance, nor a file that backup create did not name. Also removes the unfinished files of a backup create that was killed, one hour after they last grew (one day if another machine wrote them). Needs no data directory.'
  static override examples = [
    '<%= config.bin %> backup prune /var/backups/brine --keep-daily 7 --keep-monthly 12 --dry-run',
    '<%= config.bin %> backup prune /var/backups/brine --keep-daily 7 --keep-monthly 12 --yes',
  ]
  static override args = { folder: arg.path({ required: true, description: 'the folder with the backups' }) }
  static override flags = {
    ...writeFlags,
    ...confirmFlags,
    'keep-daily': flag.integer({ required: true, description: 'number of days to keep the newest backup of' }),
    'keep-monthly': flag.integer({ required: true, description: 'number of months to keep the newest backup of' }),
  }

  protected override async execute(): Promise<PruneReport> {
    const { args, flags } = await this.parse(BackupPrune)
    const keep = { keepDaily: flags['keep-daily'], keepMonthly: flags['keep-monthly'] }
    const preview = pruneBackups(args.folder, { ...keep, dryRun: true })
    if (flags['dry-run'] || !preview.changed) return { ...preview, dryRun: flags['dry-run'] }
    const { removed, unfinished } = preview
    const [oldest, newest] = [removed.at(-1), removed[0]]
    const span = newest === undefined ? '' : ` of ${oldest?.cutAt} to ${newest.cutAt}`
    const what = `${counted(removed.length, 'backup')}${span}${andUnfinished(unfinished)} will be removed`
    await this.confirm(what, flags)
    return pruneBackups(args.folder, keep)
  }

  protected override view(report: PruneReport, theme: Theme): string {
    const { removed, kept, unfinished, bytes, dryRun, changes } = report
    const what = `${counted(removed.length, 'backup')}${andUnfinished(unfinished)}`
    const sum = `${what}, ${counted(bytes, 'byte')}; ${counted(kept.length, 'backup')} kept`
    return changedView(changes, dryRun ? `would remove ${sum}; nothing changed` : `removed ${sum}`, theme)
  }
}
