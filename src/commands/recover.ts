/** `brine recover`: recovers damaged data to the newest state that can be verified. */
import { formatRowLosses } from '../core/app/recovery/force.js'
import { recover } from '../core/app/recovery/recover.js'
import type { RecoverReport } from '../core/app/recovery/report.js'
import { withSources } from '../core/app/recovery/sources.js'
import { openSession } from '../core/app/session/session.js'
import { AppError } from '../core/base/errors.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { EXIT_CODES } from '../core/cli/exit-codes.js'
import { arg, confirmFlags, flag, keyFlags, writeFlags } from '../core/cli/flags/flags.js'
import type { Theme } from '../core/cli/output/theme.js'
import { recoveryView } from '../core/cli/views/recovery.js'

export default class Recover extends BaseCommand<RecoverReport> {
  static override summary = 'recover damaged data to the newest state that can be verified'
  static override description =
    'Verifies commits, commands, events and snapshots. Intact files are taken from --from, --archive and quarantine, identified by their hash; a missing commit is rebuilt from its command records; damaged files are moved to corrupt/. If a state cannot be kept, its newest commands are moved to surplus/ as complete commands, after confirmation; manifest and CRL numbers are then advanced and a new RRDP session starts. Files of history that no state needs and no copy has are given up, after confirmation. --dry-run lists what would be lost, and prints lost ROAs as lines for brine roa update --file -.'
  static override exitStatus = {
    0: 'recovered or nothing to do',
    3: 'recovered but some CA could not be published',
    12: 'something cannot be rebuilt and was left untouched',
    14: 'a read error, which is not damage',
  }
  static override examples = [
    '<%= config.bin %> recover --dry-run',
    '<%= config.bin %> recover ca/acme --yes',
    '<%= config.bin %> recover --from /backup/brine --dry-run',
    '<%= config.bin %> recover --from brine.tar.gz.age --identity key.txt --dry-run',
    '<%= config.bin %> recover ca/acme --dry-run | <%= config.bin %> roa update acme --file - --dry-run',
  ]
  static override args = {
    aggregate: arg.text({
      required: false,
      multiple: true,
      description: 'KIND/HANDLE, or a handle that only one has (default: everything)',
    }),
  }
  static override flags = {
    ...writeFlags,
    ...confirmFlags,
    ...keyFlags,
    from: flag.path({
      multiple: true,
      helpValue: 'BACKUP-or-DIR',
      description: 'a backup, a copy of the data directory, or a restored one',
    }),
    archive: flag.path({ multiple: true, helpValue: 'DIR', description: 'where archived history was moved to' }),
  }

  protected override async execute(): Promise<RecoverReport> {
    const { flags, argv } = await this.parse(Recover)
    const archives = flags.archive
    const context = this.context(flags)
    const session = await openSession({ ...context, ...(archives === undefined ? {} : { archives }) })
    const keys = async () => {
      const { decryptionKeysFromFlags } = await import('../core/app/backup/encryption-flags.js')
      const { identity = [], 'passphrase-file': passphraseFile } = flags
      return decryptionKeysFromFlags({ identity, passphraseFile, environment: process.env['BRINE_PASSPHRASE_FILE'] })
    }
    return withSources(context, flags.from ?? [], keys, async (from) => {
      const options = { aggregates: argv as readonly string[], from }
      if (flags['dry-run']) return recover(session, { ...options, dryRun: true })
      // in nearly every recovery nothing is lost, and a long history is read only once
      const recovered = await recover(session, options).catch(undefinedIfItLoses)
      if (recovered !== undefined) return recovered
      const preview = await recover(session, { ...options, dryRun: true })
      if (preview.loses || preview.losesHistory) await this.confirm(whatIsLost(preview), flags)
      return recover(session, { ...options, permit: { lossKey: preview.lossKey } })
    })
  }

  protected override faults(report: RecoverReport): readonly string[] {
    const keys = report.keys.missing.map((id) => `keys/${id} is lost`)
    const objects = report.objects.lost.map(({ aggregate, what }) => `${aggregate} ${what}: content lost`)
    return [...keys, ...objects, ...report.failed.map((f) => `${f.aggregate}: ${f.message}`)]
  }

  protected override view(report: RecoverReport, theme: Theme): string {
    return recoveryView(report, theme)
  }

  protected override exitCode({ failed, keys, objects }: RecoverReport): number {
    if (keys.missing.length + objects.lost.length > 0) return EXIT_CODES.corrupt
    if (failed.length === 0) return 0
    return failed.some((f) => f.code === 'recover-impossible') ? EXIT_CODES.corrupt : EXIT_CODES.partial
  }
}

function undefinedIfItLoses(error: unknown): undefined {
  if (error instanceof AppError && error.code === 'recover-loses') return undefined
  throw error
}

function whatIsLost({ aggregates, loses }: RecoverReport): string {
  const parts = aggregates
    .filter((a) => a.lost.length + a.gone.length > 0)
    .map((a) => `${a.kind}/${a.handle}: ${formatRowLosses(a)}`)
  const isOnlyHistory = aggregates.every((a) => a.lost.length === 0) && !loses
  if (isOnlyHistory) return `${parts.join('; ')}; a backup that has it restores it with --from`
  return parts.length === 0 ? 'the newest commits are lost' : parts.join('; ')
}
