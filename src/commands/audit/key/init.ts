/** `brine audit key init`: the key that signs checkpoints. */
import { type AuditKeyReport, initAuditKey } from '../../../core/app/proof/checkpoint.js'
import { openSession } from '../../../core/app/transaction/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { writeFlags } from '../../../core/cli/flags/flags.js'

export default class AuditKeyInit extends BaseCommand<AuditKeyReport> {
  static override summary = 'make the key that signs checkpoints and print what verifies them'
  static override description =
    'An Ed25519 key in DATA_DIR/keys/audit, 0600, part of a backup; made once, never replaced. It prints the verifier key (C2SP form, no secret): keep it elsewhere. Exit codes: 0 done or there already, 18 made and not known to be durable (run it again), 20 stand-by.'
  static override examples = ['<%= config.bin %> audit key init']
  static override flags = { ...writeFlags }

  protected override async execute(): Promise<AuditKeyReport> {
    const { flags } = await this.parse(AuditKeyInit)
    return initAuditKey(await openSession(this.context(flags)), { dryRun: flags['dry-run'] })
  }

  protected override view(report: AuditKeyReport): string {
    return report.verifierKey ?? 'would make a key; nothing was changed'
  }
}
