/** `brine ca list`: lists every CA of this data directory. */
import { type CaListReport, listCas } from '../../core/app/authority/ca-reports.js'
import { resourceLine } from '../../core/app/authority/children.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { EXIT_CODES } from '../../core/cli/exit-codes.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class CaList extends BaseCommand<CaListReport> {
  static override summary = 'list the CAs'
  static override exitStatus = {
    12: 'a CA is damaged; the others are listed',
  }
  static override examples = ['<%= config.bin %> ca list']

  protected override async execute(): Promise<CaListReport> {
    const { flags } = await this.parse(CaList)
    return listCas(await openSession(this.context(flags)))
  }

  protected override view(report: CaListReport, theme: Theme): string {
    if (report.cas.length + report.failed.length === 0) return theme.dim(theme.paste('no CAs yet: brine ca add --help'))
    const table = theme.table({
      columns: [
        { title: 'CA', cut: 'middle' },
        { title: 'PARENTS', cut: 'middle' },
        { title: 'ROAS', align: 'right' },
        { title: 'STALE AT', rank: 3, cut: 'time' },
        { title: 'RESOURCES', rank: 1 },
      ],
      rows: report.cas.map((ca) => [
        ca.handle,
        ca.parents.join(' '),
        ca.roas,
        ca.nextUpdate ?? '-',
        resourceLine(ca.resources),
      ]),
    })
    return [table, ...report.failed.map((f) => theme.bad(`${f.ca}: ${f.message}`))].filter((t) => t !== '').join('\n')
  }

  protected override exitCode(report: CaListReport): number {
    return report.failed.length === 0 ? 0 : EXIT_CODES.corrupt
  }
}
