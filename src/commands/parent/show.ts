/** `brine parent show`: shows one parent of a CA: contact, last exchange, classes, doubts and open requests. */
import { type ParentShowReport, showParent } from '../../core/app/exchange/client/list-parents.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { classText, contactLines, exchangeText } from '../../core/cli/views/parents.js'

export default class ParentShow extends BaseCommand<ParentShowReport> {
  static override summary = 'show a parent of a CA: contact, last exchange, classes, doubts, open requests'
  static override examples = ['<%= config.bin %> parent show acme registry']
  static override args = {
    ca: arg.handle({ required: true, description: 'the CA' }),
    parent: arg.handle({ required: true, description: 'its parent' }),
  }

  protected override async execute(): Promise<ParentShowReport> {
    const { args, flags } = await this.parse(ParentShow)
    return showParent(await openSession(this.context(flags)), args.ca, args.parent)
  }

  protected override view(report: ParentShowReport, theme: Theme): string {
    const { ca, parent, aggregate, classes, requests } = report
    const where = aggregate === null ? 'elsewhere' : `in this data directory (${aggregate})`
    return [
      `${theme.bold(parent)}, parent of ${ca}, ${where}`,
      ...parentLines(report),
      ...classes.map(classText),
      ...requests.map(({ kind, class: name, ski }) => `open: ${kind} of key ${ski} in class ${name}`),
    ].join('\n')
  }
}

function parentLines({ ca, parent, contact, exchange, nextDue, suspended }: ParentShowReport): readonly string[] {
  const since = `suspended     since ${suspended}: its certificates are revoked; brine child unsuspend ${parent} ${ca}`
  if (contact === null) return suspended === null ? [] : [since]
  const { serviceUri, childName, parentName } = contact
  return [
    `service       ${serviceUri}`,
    `names         ${childName} under ${parentName}`,
    ...contactLines(contact),
    `last exchange ${exchangeText(exchange)}`,
    `next          ${nextDue ?? 'at the next tick, once the CA has a repository'}`,
  ]
}
