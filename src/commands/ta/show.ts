/** `brine ta show`: shows the trust anchor, its key and its children. */
import { showTa, type TaShowReport } from '../../core/app/authority/trust-anchor.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class TaShow extends BaseCommand<TaShowReport> {
  static override summary = 'show the trust anchor'
  static override examples = ['<%= config.bin %> ta show']

  protected override async execute(): Promise<TaShowReport> {
    const { flags } = await this.parse(TaShow)
    return showTa(await openSession(this.context(flags)))
  }

  protected override view(report: TaShowReport, theme: Theme): string {
    return [
      `${theme.bold(report.handle)}  key ${report.ski}`,
      ...report.uris.map((uri) => `certificate  ${uri}`),
      `valid until  ${report.notAfter ?? '-'}`,
      `manifest     ${report.manifestNumber}, stale at ${report.nextUpdate ?? '-'}`,
      `children     ${report.children.join(' ') || 'none'}`,
    ].join('\n')
  }
}
