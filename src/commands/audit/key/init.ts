/** `brine audit key init`: creates the key that signs checkpoints. */
import { type AuditKeyReport, initAuditKey } from '../../../core/app/proof/checkpoint.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { writeFlags } from '../../../core/cli/flags/flags.js'

export default class AuditKeyInit extends BaseCommand<AuditKeyReport> {
  static override summary = 'create the key that signs checkpoints and print its verifier key'
  static override description =
    'An Ed25519 key in DATA_DIR/keys/audit, mode 0600, included in backups; created once, never replaced. Prints the verifier key (C2SP format, not secret): store it on another machine.'
  static override exitStatus = {
    0: 'created or already present',
    18: 'created, but fsync failed and durability is unknown (run it again)',
  }
  static override examples = ['<%= config.bin %> audit key init']
  static override flags = { ...writeFlags }

  protected override async execute(): Promise<AuditKeyReport> {
    const { flags } = await this.parse(AuditKeyInit)
    return initAuditKey(await openSession(this.context(flags)), { dryRun: flags['dry-run'] })
  }

  protected override view(report: AuditKeyReport): string {
    return report.verifierKey ?? 'would create a key; nothing was changed'
  }
}
