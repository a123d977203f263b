/** `brine restore`: a data directory from a backup or from a plain copy. */
import { keysOf } from '../core/app/backup/keys.js'
import { type RestoreReport, restoreBackup } from '../core/app/backup/restore.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { arg, confirmFlags, flag, keyFlags, writeFlags } from '../core/cli/flags/flags.js'
import { counted } from '../core/cli/output/endings.js'
import { restoredLines } from '../core/cli/output/restored.js'
import type { Theme } from '../core/cli/output/theme.js'

export default class Restore extends BaseCommand<RestoreReport> {
  static override summary = 'make a data directory of a backup, or of a plain copy'
  static override description =
    'Everything is unpacked beside its place, verified by replay, and only then gets its name. What comes up is a stand-by: it reads, and writes after brine promote. repo/ is never read: it is made anew. Exit codes: 0 done, 1 the directory is in use or of another instance, 2 a key or a confirmation is needed, 11 the directory is locked, 12 the backup is damaged, 13 it was made by a newer version, 14 no space (with the bytes needed), 19 the passphrase or the identity does not open it.'
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
    into: flag.path({ required: true, helpValue: 'DIR', description: 'a directory that is empty or not there' }),
    replace: flag.boolean({
      description: 'take the place of the data directory that is there; it is kept under another name',
    }),
  }

  protected override async execute(): Promise<RestoreReport> {
    const { args, flags } = await this.parse(Restore)
    const keys = await keysOf({
      identity: flags.identity ?? [],
      passphraseFile: flags['passphrase-file'],
      environment: process.env['BRINE_PASSPHRASE_FILE'],
    })
    const context = this.context({ ...flags, 'data-dir': flags.into })
    const request = { source: args.source, keys, replace: flags.replace }
    if (flags['dry-run']) return restoreBackup(context, { ...request, dryRun: true })
    const moved = flags.replace ? '; what is there is kept under another name' : ''
    await this.confirm(`${flags.into} is restored from ${args.source}${moved}`, flags)
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
