/** `brine audit digest`: prints the digest of all states. */
import { auditDigest, type DigestReport, digestLine } from '../../core/app/proof/digest.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'

export default class AuditDigest extends BaseCommand<DigestReport> {
  static override summary = 'print the digest of all states'
  static override description =
    'logical= is equal on machines that ran the same commands with different keys; full= is equal only if all keys, serials and times are equal. A rejected command changes neither.'
  static override examples = ['<%= config.bin %> audit digest', '<%= config.bin %> audit digest --json']

  protected override async execute(): Promise<DigestReport> {
    const { flags } = await this.parse(AuditDigest)
    return auditDigest(await openSession(this.context(flags)))
  }

  protected override view(report: DigestReport): string {
    return digestLine(report)
  }
}
