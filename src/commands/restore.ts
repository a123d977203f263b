/** `brine restore`: makes a data directory from a backup or from a plain copy. */
import { decryptionKeysFromFlags } from '../core/app/backup/encryption-flags.js'
import { checkRestore, type RestoreReport, restoreBackup } from '../core/app/backup/restore.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { arg, confirmFlags, flag, keyFlags, writeFlags } from '../core/cli/flags/flags.js'
import { counted } from '../core/cli/output/endings.js'
import type { Theme } from '../core/cli/output/theme.js'
import { restoredLines } from '../core/cli/views/restored.js'

export default class Restore extends BaseCommand<RestoreReport> {
  static override summary = 'restore a data directory from a backup or from a plain copy'
  static override description =
    'Unpacks to a temporary folder, verifies by replay, and only then moves the result into place. The restored directory is a stand-by: it is read-only until brine promote. repo/ is never read from the source, but generated again.'
  static override exitStatus = {
    1: 'the directory is not empty or of another instance',
    2: 'a key or a confirmation is required',
    11: 'the directory is locked',
    12: 'the backup is damaged',
    13: 'a newer version made it',
    14: 'no space (with the bytes needed)',
    19: 'the passphrase or the identity does not decrypt it',
  }
  static override examples = [
    '<%= config.bin %> restore brine.tar.gz.age --into /var/lib/brine --identity key.txt --yes',
    '<%= config.bin %> restore /mnt/copy-of-brine --into /var/lib/brine --yes',
    '<%= config.bin %> restore brine.tar.gz.age --into /var/lib/brine --identity key.txt --replace --dry-run',
  ]
  static override args = {
    source: arg.path({ required: true, description: 'the backup, - for standard input, or a folder that is a copy' }),
  }
  static override flags = {
    ...writeFlags,
    ...confirmFlags,
    ...keyFlags,
    into: flag.path({ required: true, helpValue: 'DIR', description: 'a directory that is empty or does not exist' }),
    replace: flag.boolean({
      description: 'replace an existing data directory, which is kept under another name',
    }),
  }

  static override opensDataDir = false

  protected override async execute(): Promise<RestoreReport> {
    const { args, flags } = await this.parse(Restore)
    const keys = await decryptionKeysFromFlags({
      identity: flags.identity ?? [],
      passphraseFile: flags['passphrase-file'],
      environment: process.env['BRINE_PASSPHRASE_FILE'],
    })
    const context = this.context({ ...flags, 'data-dir': flags.into })
    const request = { source: args.source, keys, replace: flags.replace }
    if (flags['dry-run']) return restoreBackup(context, { ...request, dryRun: true })
    checkRestore(context, request)
    const kept = flags.replace ? '; an existing data directory is kept under another name' : ''
    const what = `${args.source} will be restored into ${flags.into}${kept}`
    await this.confirm(what, flags, `Restore ${args.source} into ${flags.into}?`)
    const report = await restoreBackup(context, request)
    this.watch.changed = 'yes'
    return report
  }

  protected override view(report: RestoreReport, theme: Theme): string {
    const what = `${counted(report.aggregates.length, 'aggregate')} as of commit ${report.commit}`
    const head = report.dryRun
      ? `would restore ${what} to ${report.dataDir}; nothing changed`
      : theme.good(`${report.dataDir}: restored ${what}, verified by replay`)
    return [head, ...restoredLines(report, theme)].join('\n')
  }
}
