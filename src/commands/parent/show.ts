/** `brine parent show`: shows one parent of a CA: contact, last exchange, classes, doubts and open requests. */
import { type ParentShowReport, showParent } from '../../core/app/exchange/list-parents.js'
import { openSession } from '../../core/app/transaction/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { classText, exchangeText } from '../../core/cli/views/parents.js'

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
      ...contactLines(report),
      ...classes.map(classText),
      ...requests.map(({ kind, class: name, ski }) => `open: ${kind} of key ${ski} in class ${name}`),
    ].join('\n')
  }
}

function contactLines({ contact, exchange, nextDue }: ParentShowReport): readonly string[] {
  if (contact === null) return []
  const { serviceUri, childName, parentName, id, peer } = contact
  const permitted = (['tlsCa', 'tlsInsecure', 'acceptStaleCrl', 'allowPrivate'] as const).filter((one) => contact[one])
  return [
    `service       ${serviceUri}`,
    `names         ${childName} under ${parentName}`,
    `our ID key    ${id.ski}${id.notAfter === null ? '' : `, until ${id.notAfter}`}`,
    `its ID key    ${peer.ski}, until ${peer.notAfter}`,
    ...(permitted.length === 0 ? [] : [`permissions   ${permitted.map((one) => FLAGS[one]).join(' ')}`]),
    `last exchange ${exchangeText(exchange)}`,
    `next          ${nextDue ?? 'at the next tick, once the CA has a repository'}`,
  ]
}

const FLAGS = {
  tlsCa: '--tls-ca',
  tlsInsecure: '--tls-insecure',
  acceptStaleCrl: '--accept-stale-crl',
  allowPrivate: '--allow-private',
} as const
