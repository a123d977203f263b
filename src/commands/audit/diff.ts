/** `brine audit diff`: shows what changed between two points of a history, and by whom. */
import { type DiffReport, diffStates } from '../../core/app/proof/states.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { EXIT_CODES } from '../../core/cli/exit-codes.js'
import { archiveFlags, arg, flag } from '../../core/cli/flags/flags.js'
import { diffView } from '../../core/cli/output/diff.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class AuditDiff extends BaseCommand<DiffReport> {
  static override summary = 'show what changed between two points of a history'
  static override description =
    'Shows each difference in the state with the last command that changed it, its actor and reason, and ends with a summary sentence.'
  static override exitStatus = {
    0: 'no difference',
    1: 'unknown aggregate or command, or archived elsewhere',
    4: 'differences found',
    12: 'history is damaged',
  }
  static override examples = [
    '<%= config.bin %> audit diff ca/acme --from 7d',
    '<%= config.bin %> audit diff ca/acme --from 12 --to 31 --json',
  ]
  static override args = {
    aggregate: arg.text({ required: true, description: 'KIND/HANDLE, or a handle that only one has' }),
  }
  static override flags = {
    from: flag.point({
      required: true,
      description: 'sequence number (0: before the first command), RFC 3339, or 7d for seven days ago',
    }),
    to: flag.point({ description: 'same format; default: now' }),
    ...archiveFlags,
  }

  protected override async execute(): Promise<DiffReport> {
    const { args, flags } = await this.parse(AuditDiff)
    const session = await openSession({ ...this.context(flags), archives: flags.archive ?? [] })
    return diffStates(session, args.aggregate, { from: flags.from, to: flags.to })
  }

  protected override view(report: DiffReport, theme: Theme): string {
    return diffView(report, theme)
  }

  protected override exitCode(report: DiffReport): number {
    return report.changes.length === 0 ? 0 : EXIT_CODES.differs
  }
}
