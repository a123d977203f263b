/** `brine audit diff`: shows what changed between two points of a history, and by whom. */
import { type Change, type DiffReport, diffStates } from '../../core/app/proof/states.js'
import { openSession } from '../../core/app/transaction/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { EXIT_CODES } from '../../core/cli/exit-codes.js'
import { archiveFlags, arg, flag } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'

const WIDTH = 100

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
    const lines: string[] = []
    let sequence: number | undefined
    for (const change of [...report.changes].sort((a, b) => a.sequence - b.sequence)) {
      if (change.sequence !== sequence) lines.push(heading(report, change, theme))
      sequence = change.sequence
      lines.push(...changeLines(change, theme))
    }
    return [...lines, report.sentence].join('\n')
  }

  protected override exitCode(report: DiffReport): number {
    return report.changes.length === 0 ? 0 : EXIT_CODES.differs
  }
}

function heading(report: DiffReport, { sequence, actor, reason }: Change, theme: Theme): string {
  const command = report.commands.find((c) => c.sequence === sequence)
  const why = reason === null ? '' : `: ${reason}`
  return theme.bold(`seq ${sequence}  ${command?.at ?? ''}  ${command?.type ?? ''} by ${actor}${why}`)
}

function changeLines({ path, change, before, after }: Change, theme: Theme): readonly string[] {
  if (change === 'added') return [theme.good(`  + ${path}  ${short(after)}`)]
  if (change === 'removed') return [theme.bad(`  - ${path}  ${short(before)}`)]
  return [`  ~ ${path}  ${short(before)} -> ${short(after)}`]
}

/** Shortens a value; --json has all of it. */
function short(value: unknown): string {
  const text = JSON.stringify(value)
  return text.length <= WIDTH ? text : `${text.slice(0, WIDTH)}…`
}
