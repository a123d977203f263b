/** `brine child list`: lists the children of a CA or the trust anchor. */
import { type ChildListReport, listChildren } from '../../core/app/authority/child-list.js'
import { resourceLine } from '../../core/app/authority/children.js'
import { openSession } from '../../core/app/session/session.js'
import type { Instant } from '../../core/base/time.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { ID_COLUMN, idCell } from '../../core/cli/peer-views/id-ends.js'

export default class ChildList extends BaseCommand<ChildListReport> {
  static override summary = 'list the children of a CA'
  static override examples = ['<%= config.bin %> child list acme']
  static override args = { ca: arg.handle({ required: true, description: 'the parent' }) }

  #now: Instant | undefined

  protected override async execute(): Promise<ChildListReport> {
    const { args, flags } = await this.parse(ChildList)
    const session = await openSession(this.context(flags))
    this.#now = session.now()
    return listChildren(session, args.ca)
  }

  protected override view(report: ChildListReport, theme: Theme): string {
    if (report.children.length === 0) return theme.dim(`${report.ca} has no children`)
    return theme.table({
      columns: [
        { title: 'CHILD', cut: 'middle' },
        { title: 'CERTIFICATES', align: 'right' },
        { title: 'RESOURCES', rank: 1 },
        { title: 'LAST MESSAGE', rank: 2, cut: 'time' },
        { title: 'SUSPENDED', rank: 3, cut: 'time' },
        ID_COLUMN,
      ],
      rows: report.children.map((c) => [
        ...[c.child, c.certificates.length, resourceLine(c.resources), c.heardAt ?? '', c.suspended ?? ''],
        idCell(c.idUntil, theme, this.#now),
      ]),
    })
  }
}
