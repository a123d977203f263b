/** `brine parent show`: shows one parent of a CA: contact, last exchange, classes, doubts and open requests. */
import { type ParentShowReport, showParent } from '../../core/app/exchange/client/list-parents.js'
import { openSession } from '../../core/app/session/session.js'
import type { Instant } from '../../core/base/time.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg } from '../../core/cli/flags/flags.js'
import { dueText } from '../../core/cli/output/due.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { classText, contactLines, exchangeText } from '../../core/cli/peer-views/parents.js'

export default class ParentShow extends BaseCommand<ParentShowReport> {
  static override summary = 'show a parent of a CA: contact, last exchange, classes, doubts, open requests'
  static override examples = ['<%= config.bin %> parent show acme registry']
  static override args = {
    ca: arg.handle({ required: true, description: 'the CA' }),
    parent: arg.handle({ required: true, description: 'its parent' }),
  }

  #now: Instant | undefined

  protected override async execute(): Promise<ParentShowReport> {
    const { args, flags } = await this.parse(ParentShow)
    const session = await openSession(this.context(flags))
    this.#now = session.now()
    return showParent(session, args.ca, args.parent)
  }

  protected override view(report: ParentShowReport, theme: Theme): string {
    const { ca, parent, aggregate, classes, requests } = report
    const where = aggregate === null ? 'elsewhere' : `in this data directory (${aggregate})`
    return [
      `${theme.bold(parent)}, parent of ${ca}, ${where}`,
      ...parentLines(report, this.#now),
      ...classes.map(classText),
      ...requests.map(({ kind, class: name, ski }) => `open: ${kind} of key ${ski} in class ${name}`),
    ].join('\n')
  }
}

function parentLines(
  { ca, parent, contact, exchange, nextDue, suspended }: ParentShowReport,
  now?: Instant,
): readonly string[] {
  const since = `suspended     since ${suspended}: its certificates are revoked; brine child unsuspend ${parent} ${ca}`
  if (contact === null) return suspended === null ? [] : [since]
  const { serviceUri, childName, parentName } = contact
  return [
    `service       ${serviceUri}`,
    `names         ${childName} under ${parentName}`,
    ...contactLines(contact),
    `last exchange ${exchangeText(exchange)}`,
    `next          ${nextDue === null ? 'at the next tick, once the CA has a repository' : dueText(nextDue, now)}`,
  ]
}
