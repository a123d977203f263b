/** `brine pubserver publisher show`: shows one publisher: ID keys, last message, objects. */
import { type PublisherShowReport, showPublisher } from '../../../core/app/exchange/server/publishers.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { arg } from '../../../core/cli/flags/flags.js'
import { counted } from '../../../core/cli/output/endings.js'
import type { Theme } from '../../../core/cli/output/theme.js'
import { exchangeText } from '../../../core/cli/peer-views/parents.js'

export default class PublisherShow extends BaseCommand<PublisherShowReport> {
  static override summary = 'show a publisher: ID keys, last message, objects'
  static override examples = ['<%= config.bin %> pubserver publisher show customer']
  static override args = { publisher: arg.handle({ required: true, description: 'the publisher' }) }

  protected override async execute(): Promise<PublisherShowReport> {
    const { args, flags } = await this.parse(PublisherShow)
    return showPublisher(await openSession(this.context(flags)), args.publisher)
  }

  protected override view(report: PublisherShowReport, theme: Theme): string {
    const { publisher, transport, base, objects, bytes, staged, updatedAt, addedAt, staleAt, files } = report
    const table = theme.table({
      columns: [
        { title: 'OBJECT', rank: 1, cut: 'middle' },
        { title: 'BYTES', align: 'right' },
      ],
      rows: files.map(({ uri, size }) => [uri.slice(base.length), size]),
    })
    return [
      `${theme.bold(publisher)}, ${transport === 'local' ? 'in this data directory' : 'elsewhere'}, since ${addedAt}`,
      `base          ${base}`,
      ...contactLines(report),
      `content       ${counted(objects, 'object')}, ${counted(bytes, 'byte')}, changed ${updatedAt}`,
      ...(staleAt === null ? [] : [`stale at      ${staleAt}, the first of its manifests`]),
      ...(staged === 0 ? [] : [`waiting       ${counted(staged, 'change')}, published with the next RRDP delta`]),
      ...(files.length === 0 ? [] : [table]),
    ].join('\n')
  }
}

function contactLines({ id, exchange, lastMessage }: PublisherShowReport): readonly string[] {
  if (id === null) return []
  const { own, peer } = id
  return [
    `our ID key    ${own.ski}${own.notAfter === null ? '' : `, until ${own.notAfter}`}`,
    `its ID key    ${peer.ski}, until ${peer.notAfter}`,
    `last message  ${exchange === null ? (lastMessage ?? 'never') : exchangeText(exchange)}`,
  ]
}
