/** `brine history list`: lists accepted and rejected commands, newest first. */
import { type HistoryReport, listHistory } from '../../core/app/proof/history.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { archiveFlags, arg, flag } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class HistoryList extends BaseCommand<HistoryReport> {
  static override summary = 'list commands with what they did, newest first'
  static override description = 'KIND is ca, pubserver, ta, ha or est; without a name, all of them.'
  static override exitStatus = {
    1: 'unknown aggregate',
    12: 'a record is damaged (the message names its file)',
  }
  static override examples = [
    '<%= config.bin %> history list',
    '<%= config.bin %> history list ca/acme ca/branch --since 7d',
    '<%= config.bin %> history list --type roas.update --actor alice --json',
  ]
  static override args = {
    aggregate: arg.text({ multiple: true, description: 'KIND/HANDLE, or a handle that only one has, several at once' }),
  }
  static override flags = {
    rows: flag.integer({ min: 1, max: 1_000_000, default: 100, description: 'show at most N' }),
    offset: flag.integer({ default: 0, description: 'skip the newest N' }),
    after: flag.moment({ description: 'only commands at or after this time: RFC 3339, or 7d for seven days ago' }),
    since: flag.moment({ description: 'the same as --after', exclusive: ['after'] }),
    before: flag.moment({ description: 'only commands before this time' }),
    type: flag.text({ multiple: true, description: 'only commands of this type (roas.update) or topic (roas)' }),
    actor: flag.text({ helpValue: 'NAME', description: 'only commands of this actor' }),
    ...archiveFlags,
  }

  protected override async execute(): Promise<HistoryReport> {
    const { args, flags } = await this.parse(HistoryList)
    const { rows, offset, before, type } = flags
    const after = flags.since ?? flags.after
    // --actor is a filter here: the name for history is of no use to a command that records nothing
    const filter = { aggregates: args.aggregate ?? [], rows, offset, after, before, types: type ?? [] }
    const session = await openSession({
      ...this.context({ ...flags, actor: undefined }),
      archives: flags.archive ?? [],
    })
    return listHistory(session, { ...filter, actor: flags.actor })
  }

  protected override view(report: HistoryReport, theme: Theme): string {
    if (report.commands.length === 0) return theme.dim('no commands')
    const table = theme.table({
      columns: [
        { title: 'AT', rank: 1, cut: 'time' },
        { title: 'AGGREGATE', cut: 'middle' },
        { title: 'SEQ', align: 'right' },
        { title: 'COMMAND', rank: 3 },
        'SUMMARY',
        { title: 'RESULT', rank: 3, usual: 'accepted' },
        { title: 'ACTOR', rank: 1 },
        { title: 'REASON', rank: 1, usual: '' },
      ],
      rows: report.commands.map((c) => [
        c.at,
        `${c.kind}/${c.handle}`,
        c.sequence,
        c.type,
        c.summary ?? '',
        outcome(c, theme),
        c.actor,
        c.reason ?? '',
      ]),
    })
    const left = report.total - report.commands.length
    return left === 0 ? table : `${table}\n${theme.dim(`${report.commands.length} of ${report.total}`)}`
  }
}

function outcome({ error, result, archived }: HistoryReport['commands'][number], theme: Theme): string {
  const text = error === null ? result : theme.caution(error.code)
  return archived ? `${text}, archived` : text
}
