/** `brine backup create`: writes one revision of the data directory to an encrypted archive. */
import { type BackupReport, createBackup } from '../../core/app/backup/create.js'
import { COMPRESSION_CHOICES, encryptionFromFlags } from '../../core/app/backup/encryption-flags.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, flag, refuseJsonWithData, writeFlags } from '../../core/cli/flags/flags.js'
import { counted } from '../../core/cli/output/endings.js'

export default class BackupCreate extends BaseCommand<BackupReport> {
  static override summary = 'back up one consistent state of the data directory, encrypted'
  static override description =
    'Captures the state, without the key pool, under the write lock and streams it afterwards, while other commands can run. The backup is a tar archive with a manifest of SHA-256 hashes, compressed, and encrypted with age. In a folder it is named brine-<instance>-<time>.tar.zst.age, or .tar.gz.age.'
  static override exitStatus = {
    2: 'neither a key nor --plain was given, the file exists already, or this Node has no zstd',
    12: 'a file that a commit references is missing or damaged',
    14: 'no space',
    19: 'the passphrase file is readable by others',
  }
  static override examples = [
    '<%= config.bin %> backup create /var/backups/brine/ --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p',
    '<%= config.bin %> backup create brine.tar.gz.age --passphrase-file /etc/brine/passphrase',
    '<%= config.bin %> backup create - --passphrase-file /etc/brine/passphrase | ssh backup@host "cat > brine.age"',
  ]
  static override args = {
    target: arg.path({ required: true, description: 'a new file, a folder, or - for standard output' }),
  }
  static override flags = {
    ...writeFlags,
    recipient: flag.text({
      multiple: true,
      helpValue: 'age1…',
      description: 'encrypt for this age recipient; repeat for several',
    }),
    'passphrase-file': flag.path({
      description: 'encrypt with the first line of this file (or BRINE_PASSPHRASE_FILE)',
    }),
    compress: flag.choice(COMPRESSION_CHOICES, {
      description: 'default zstd where Node has it (22.15 or newer), otherwise gzip; only gzip is read by every Node',
    }),
    plain: flag.boolean({ description: 'do not encrypt, although the backup contains private keys' }),
  }

  static override needs = [
    {
      code: 'backup-not-sealed',
      oneOf: { recipient: '', 'passphrase-file': '', plain: 'only if the target is safe' },
      environment: 'BRINE_PASSPHRASE_FILE',
      message:
        'a backup contains private keys, so encryption (--recipient or --passphrase-file) or --plain is required',
    },
  ]

  protected override async execute(): Promise<BackupReport> {
    const { args, flags } = await this.parse(BackupCreate)
    refuseJsonWithData(args.target, this.jsonEnabled())
    const encryption = encryptionFromFlags({
      recipients: flags.recipient ?? [],
      passphraseFile: flags['passphrase-file'],
      plain: flags.plain,
      environment: process.env['BRINE_PASSPHRASE_FILE'],
    })
    const session = await openSession(this.context(flags))
    return createBackup(session, { to: args.target, encryption, compression: flags.compress, dryRun: flags['dry-run'] })
  }

  protected override view(report: BackupReport): string {
    if (report.file === '-' && !report.dryRun) return ''
    const what = `${counted(report.aggregates.length, 'aggregate')} as of commit ${report.commit}, ${report.cutAt}`
    const how = report.encrypted ? 'encrypted' : 'not encrypted'
    if (report.dryRun)
      return `would write ${what}, at most ${counted(report.bytes, 'byte')}, ${how}, to ${report.file}; nothing changed`
    return `${report.file}: ${what}; ${counted(report.files, 'file')}, ${counted(report.size ?? 0, 'byte')}, ${how}`
  }
}
