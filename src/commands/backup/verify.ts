/** `brine backup verify`: the proof that a backup can be restored. */
import { keysOf } from '../../core/app/backup/keys.js'
import { type VerifyReport, verifyBackup } from '../../core/app/backup/restore.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, flag, keyFlags } from '../../core/cli/flags/flags.js'
import { counted } from '../../core/cli/output/endings.js'

export default class BackupVerify extends BaseCommand<VerifyReport> {
  static override summary = 'restore a backup to a scratch folder, replay everything, and take it away again'
  static override description =
    'Compares every file with the manifest, every hash of the history, and the states with the digest that the backup names. Private keys are compared and not written to the scratch folder. Needs no data directory. Exit codes: 0 it can be restored, 2 a key is needed, 12 it is damaged, 13 it was made by a newer version, 14 no space to unpack it, 19 the passphrase or the identity does not open it.'
  static override examples = [
    '<%= config.bin %> backup verify brine.tar.gz.age --identity key.txt',
    'ssh backup@host cat brine.age | <%= config.bin %> backup verify - --passphrase-file /etc/brine/passphrase',
  ]
  static override args = {
    file: arg.path({ required: true, description: 'the backup, - for standard input, or a folder that is a copy' }),
  }
  static override flags = {
    ...keyFlags,
    scratch: flag.path({
      helpValue: 'DIR',
      description: "unpack below this folder (default: the system's temporary one)",
    }),
  }

  protected override async execute(): Promise<VerifyReport> {
    const { args, flags } = await this.parse(BackupVerify)
    const keys = await keysOf({
      identity: flags.identity ?? [],
      passphraseFile: flags['passphrase-file'],
      environment: process.env['BRINE_PASSPHRASE_FILE'],
    })
    const context = this.context({ ...flags, 'data-dir': args.file })
    const scratch = flags.scratch === undefined ? {} : { scratch: flags.scratch }
    return verifyBackup(context, { source: args.file, keys, ...scratch })
  }

  protected override view(report: VerifyReport): string {
    const what = `${counted(report.aggregates.length, 'aggregate')} as of commit ${report.commit}, cut at ${report.cutAt ?? '-'}`
    return `${report.file}: verified by replay, ${what}\nfull=${report.digest}`
  }
}
