/** `brine backup verify`: proves that a backup can be restored. */
import { decryptionKeysFromFlags } from '../../core/app/backup/encryption-flags.js'
import { type VerifyReport, verifyBackup } from '../../core/app/backup/verify.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, flag, keyFlags } from '../../core/cli/flags/flags.js'
import { counted } from '../../core/cli/output/endings.js'

export default class BackupVerify extends BaseCommand<VerifyReport> {
  static override summary = 'prove that a backup can be restored'
  static override description =
    'Reads it and replays its history: verifies every file against the manifest, every hash in the history, and the replayed states against the digest in the backup. Up to 256 MiB of it, or a quarter of the free memory, are held in memory; the rest, and a backup of an older format, is unpacked to a scratch folder, which is removed afterwards. Private keys are verified but never written. Needs no data directory.'
  static override exitStatus = {
    0: 'the backup can be restored',
    2: 'a key is required',
    12: 'the backup is damaged',
    13: 'a newer version made it',
    14: 'no space to unpack it',
    19: 'the passphrase or the identity does not decrypt it',
  }
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
      description: "unpack below this folder what does not fit in memory (default: the system's temporary folder)",
    }),
  }

  static override opensDataDir = false

  protected override async execute(): Promise<VerifyReport> {
    const { args, flags } = await this.parse(BackupVerify)
    const keys = await decryptionKeysFromFlags({
      identity: flags.identity ?? [],
      passphraseFile: flags['passphrase-file'],
      environment: process.env['BRINE_PASSPHRASE_FILE'],
    })
    const context = this.context({ ...flags, 'data-dir': args.file })
    const scratch = flags.scratch === undefined ? {} : { scratch: flags.scratch }
    return verifyBackup(context, { source: args.file, keys, ...scratch })
  }

  protected override view(report: VerifyReport): string {
    const what = `${counted(report.aggregates.length, 'aggregate')} as of commit ${report.commit}, ${report.cutAt ?? '-'}`
    return `${report.file}: verified by replay, ${what}\nfull=${report.digest}`
  }
}
