/** `brine pubserver show`: shows URIs, RRDP session and publishers. */
import { type PubserverShowReport, showPubserver } from '../../core/app/authority/pubserver.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class PubserverShow extends BaseCommand<PubserverShowReport> {
  static override summary = 'show the publication server'
  static override examples = ['<%= config.bin %> pubserver show']

  protected override async execute(): Promise<PubserverShowReport> {
    const { flags } = await this.parse(PubserverShow)
    return showPubserver(await openSession(this.context(flags)))
  }

  protected override view(report: PubserverShowReport, theme: Theme): string {
    if (report.rrdpSerial === 0)
      return theme.dim(
        theme.paste('no publication server; create one with: brine pubserver init --rsync URI --rrdp URI'),
      )
    const table = theme.table({
      columns: [
        { title: 'PUBLISHER', cut: 'middle' },
        { title: 'OBJECTS', align: 'right' },
        { title: 'BYTES', align: 'right' },
        { title: 'UPDATED', rank: 3, cut: 'time' },
        { title: 'BASE', rank: 1, cut: 'middle' },
      ],
      rows: report.publishers.map((p) => [p.handle, p.objects, p.bytes, p.updatedAt, p.base]),
    })
    return [
      `rsync    ${report.rsyncBase}`,
      `RRDP     ${report.notification}`,
      `session  ${report.sessionId}, serial ${report.rrdpSerial} of ${report.updatedAt ?? '-'}`,
      table,
    ].join('\n')
  }
}
