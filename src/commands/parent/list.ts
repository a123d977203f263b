/** `brine parent list`: lists the parents of a CA with the last exchange with each. */
import { resourceLine } from '../../core/app/authority/children.js'
import { listParents, type ParentListReport } from '../../core/app/exchange/client/list-parents.js'
import { openSession } from '../../core/app/session/session.js'
import type { Instant } from '../../core/base/time.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { ID_COLUMN, idCell } from '../../core/cli/peer-views/id-ends.js'
import { exchangeText } from '../../core/cli/peer-views/parents.js'

export default class ParentList extends BaseCommand<ParentListReport> {
  static override summary = 'list the parents of a CA with the last exchange with each'
  static override examples = ['<%= config.bin %> parent list acme']
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }

  #now: Instant | undefined

  protected override async execute(): Promise<ParentListReport> {
    const { args, flags } = await this.parse(ParentList)
    const session = await openSession(this.context(flags))
    this.#now = session.now()
    return listParents(session, args.ca)
  }

  protected override view({ ca, parents }: ParentListReport, theme: Theme): string {
    if (parents.length === 0) return theme.dim(`${ca} has no parents`)
    return theme.table({
      columns: [
        { title: 'PARENT', cut: 'middle' },
        { title: 'DOUBTS', align: 'right' },
        { title: 'OPEN', align: 'right' },
        { title: 'LAST EXCHANGE', rank: 2 },
        { title: 'RESOURCES', rank: 1 },
        ID_COLUMN,
      ],
      rows: parents.map((row) => [
        row.parent,
        row.doubts,
        row.openRequests,
        row.transport === 'local' ? localText(row) : exchangeText(row.exchange),
        resourceLine(row.resources),
        idCell(row.idUntil, theme, this.#now),
      ]),
    })
  }
}

function localText({ suspended }: ParentListReport['parents'][number]): string {
  return suspended === null ? 'in this data directory' : `in this data directory, suspended since ${suspended}`
}
