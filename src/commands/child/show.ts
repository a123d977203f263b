/** `brine child show`: shows one child and its certificates. */
import { type ChildShowReport, showChild } from '../../core/app/authority/child-list.js'
import { resourceLine } from '../../core/app/authority/children.js'
import { openSession } from '../../core/app/session/session.js'
import type { Instant } from '../../core/base/time.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { idText } from '../../core/cli/peer-views/id-ends.js'

export default class ChildShow extends BaseCommand<ChildShowReport> {
  static override summary = 'show a child of a CA'
  static override examples = ['<%= config.bin %> child show acme branch']
  static override args = {
    ca: arg.handle({ required: true, description: 'the parent' }),
    child: arg.handle({ required: true, description: 'the child' }),
  }

  #now: Instant | undefined

  protected override async execute(): Promise<ChildShowReport> {
    const { args, flags } = await this.parse(ChildShow)
    const session = await openSession(this.context(flags))
    this.#now = session.now()
    return showChild(session, args.ca, args.child)
  }

  protected override view(report: ChildShowReport, theme: Theme): string {
    const head = `${theme.bold(report.child)} of ${report.ca} is entitled to ${resourceLine(report.resources) || 'no resources'}`
    const table = theme.table({
      columns: ['KEY', { title: 'UNTIL', rank: 3, cut: 'time' }, { title: 'RESOURCES', rank: 1 }],
      rows: report.certificates.map((c) => [c.ski, c.notAfter, resourceLine(c.resources)]),
    })
    const silence = report.heardAt === null ? [] : [`last message: ${report.heardAt}`]
    const ends = idText(report.idUntil, theme, this.#now)
    const suspension = report.suspended === null ? [] : [theme.paste(suspensionLine(report))]
    return [
      head,
      ...silence,
      ...(ends === undefined ? [] : [`ID keys: ${ends}`]),
      ...(table === '' ? [] : [table]),
      ...suspension,
    ].join('\n')
  }
}

function suspensionLine({ ca, child, suspended, transport }: ChildShowReport): string {
  const back = transport === 'local' ? '' : ', back with its next message'
  return `suspended since ${suspended}${back}; at once: brine child unsuspend ${ca} ${child}`
}
