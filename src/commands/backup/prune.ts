/** `brine backup prune`: removes backups that no retention rule keeps. */
import { type PruneReport, pruneBackups } from '../../core/app/backup/catalog.js'
import { decryptionKeysFromFlags } from '../../core/app/backup/encryption-flags.js'
import { systemTime } from '../../core/app/session/clock.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, confirmFlags, flag, keyFlags, writeFlags } from '../../core/cli/flags/flags.js'
import { changedView } from '../../core/cli/output/changes.js'
import { counted } from '../../core/cli/output/endings.js'
import type { Theme } from '../../core/cli/output/theme.js'

function andUnfinished({ length }: PruneReport['unfinished']): string {
  return length === 0 ? '' : ` and ${counted(length, 'unfinished file')}`
}

export default class BackupPrune extends BaseCommand<PruneReport> {
  static override summary = 'remove old backups from a folder'
  static override description =
    'Keeps, of each instance, what the given rules keep, as restic does: the last N backups, and the newest backup of each of the last N hours, days, weeks, months and years that have one; a rule that is not used up keeps the oldest backup too. Only a file that is a backup counts: header and size of each are checked, and those that would be kept are read completely, an encrypted one only with --identity or --passphrase-file. A file that is no backup, or is dated after now, takes no place, is named, and stays. Never removes the newest backup of an instance, nor a file that backup create did not name. Also removes the unfinished files of a backup create that was killed, one hour after they last grew (one day if another machine wrote them). Needs no data directory.'
  static override examples = [
    '<%= config.bin %> backup prune /var/backups/brine --keep-daily 7 --keep-monthly 12 --dry-run',
    '<%= config.bin %> backup prune /var/backups/brine --keep-last 3 --keep-weekly 5 --keep-yearly 10 --yes',
  ]
  static override args = { folder: arg.path({ required: true, description: 'the folder with the backups' }) }
  static override flags = {
    ...writeFlags,
    ...confirmFlags,
    'keep-last': flag.integer({ description: 'number of newest backups to keep' }),
    'keep-hourly': flag.integer({ description: 'number of hours to keep the newest backup of' }),
    'keep-daily': flag.integer({ description: 'number of days to keep the newest backup of' }),
    'keep-weekly': flag.integer({ description: 'number of weeks to keep the newest backup of' }),
    'keep-monthly': flag.integer({ description: 'number of months to keep the newest backup of' }),
    'keep-yearly': flag.integer({ description: 'number of years to keep the newest backup of' }),
    ...keyFlags,
  }

  static override needs = [
    {
      code: 'prune-no-rule',
      oneOf: {
        'keep-last': '',
        'keep-daily': '',
        'keep-monthly': '',
        'keep-hourly': '',
        'keep-weekly': '',
        'keep-yearly': '',
      },
      message:
        'no rule says which backups to keep: one or more of --keep-last, --keep-hourly, --keep-daily, --keep-weekly, --keep-monthly, --keep-yearly',
    },
  ]
  static override opensDataDir = false

  protected override async execute(): Promise<PruneReport> {
    const { args, flags } = await this.parse(BackupPrune)
    // a passphrase file in the environment is for backup create: every night it would decrypt each backup
    const keys = await decryptionKeysFromFlags({
      identity: flags.identity ?? [],
      passphraseFile: flags['passphrase-file'],
      environment: undefined,
    })
    const keep = {
      last: flags['keep-last'],
      hourly: flags['keep-hourly'],
      daily: flags['keep-daily'],
      weekly: flags['keep-weekly'],
      monthly: flags['keep-monthly'],
      yearly: flags['keep-yearly'],
    }
    const options = { keep, keys, now: systemTime() }
    const preview = await pruneBackups(args.folder, { ...options, dryRun: true })
    for (const { file, why } of preview.ignored) this.warn(`not counted and not removed: ${file} ${why}`)
    if (flags['dry-run'] || !preview.changed) return { ...preview, dryRun: flags['dry-run'] }
    const { removed, unfinished } = preview
    const [oldest, newest] = [removed.at(-1), removed[0]]
    const span = newest === undefined ? '' : ` of ${oldest?.cutAt} to ${newest.cutAt}`
    const what = `${counted(removed.length, 'backup')}${span}${andUnfinished(unfinished)} will be removed`
    await this.confirm(what, flags)
    return pruneBackups(args.folder, options)
  }

  protected override view(report: PruneReport, theme: Theme): string {
    const { removed, kept, unfinished, bytes, dryRun, changes } = report
    const what = `${counted(removed.length, 'backup')}${andUnfinished(unfinished)}`
    const sum = `${what}, ${counted(bytes, 'byte')}; ${counted(kept.length, 'backup')} kept`
    return changedView(changes, dryRun ? `would remove ${sum}; nothing changed` : `removed ${sum}`, theme)
  }
}
