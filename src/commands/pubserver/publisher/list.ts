/** `brine pubserver publisher list`: lists who publishes here, and when each was heard. */
import { listPublishers, type PublisherListReport } from '../../../core/app/exchange/server/publishers.js'
import { openSession } from '../../../core/app/session/session.js'
import type { Instant } from '../../../core/base/time.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { flag } from '../../../core/cli/flags/flags.js'
import type { Theme } from '../../../core/cli/output/theme.js'
import { ID_COLUMN, idCell } from '../../../core/cli/peer-views/id-ends.js'

export default class PublisherList extends BaseCommand<PublisherListReport> {
  static override summary = 'list who publishes here, how much, and when each was heard'
  static override description =
    'With --stale, only publishers elsewhere that have sent no message for that time; one that never sent any counts from the time when it was added.'
  static override examples = [
    '<%= config.bin %> pubserver publisher list',
    '<%= config.bin %> pubserver publisher list --stale 48h --json',
  ]
  static override flags = {
    stale: flag.duration({ min: 1, description: 'only those that were silent for this time' }),
  }

  #now: Instant | undefined

  protected override async execute(): Promise<PublisherListReport> {
    const { flags } = await this.parse(PublisherList)
    const session = await openSession(this.context(flags))
    this.#now = session.now()
    return listPublishers(session, flags.stale)
  }

  protected override view({ publishers }: PublisherListReport, theme: Theme): string {
    if (publishers.length === 0) return theme.dim('no publishers')
    return theme.table({
      columns: [
        { title: 'PUBLISHER', cut: 'middle' },
        { title: 'WHERE' },
        { title: 'OBJECTS', align: 'right' },
        { title: 'BYTES', align: 'right' },
        { title: 'LAST MESSAGE', rank: 3, cut: 'time' },
        { title: 'UPDATED', rank: 2, cut: 'time' },
        { title: 'STALE AT', rank: 2, cut: 'time' },
        { title: 'BASE', rank: 1, cut: 'middle' },
        ID_COLUMN,
      ],
      rows: publishers.map((row) => [
        row.publisher,
        row.transport === 'local' ? 'here' : 'elsewhere',
        ...[row.objects, row.bytes],
        row.transport === 'local' ? '-' : (row.lastMessage ?? 'never'),
        ...[row.updatedAt, row.staleAt ?? '-', row.base],
        idCell(row.idUntil, theme, this.#now),
      ]),
    })
  }
}
