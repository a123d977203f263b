/** View of the ROAs of a CA: a table, or CSV that other programs and `brine roa add` read. */
import type { RoaListReport } from '../../app/authority/roas.js'
import { formatRoaCsv } from '../../resources/roa-csv.js'
import type { Theme } from '../output/theme.js'

export function roaListView(report: RoaListReport, theme: Theme): string {
  if (report.roas.length === 0) return theme.dim(`${report.ca} has no ROAs`)
  const hasDates = report.roas.some(({ from, until }) => from !== undefined || until !== undefined)
  return theme.table({
    columns: [
      { title: 'PREFIX', rank: 3 },
      { title: 'MAX', align: 'right' },
      { title: 'ASN', rank: 3 },
      { title: 'STATE', rank: 3 },
      ...(hasDates
        ? [
            { title: 'FROM', cut: 'time' as const },
            { title: 'UNTIL', cut: 'time' as const },
          ]
        : []),
      { title: 'NOTE', rank: 1 },
    ],
    rows: report.roas.map((roa) => [
      roa.prefix,
      roa.maxLength,
      `AS${roa.asn}`,
      roa.state === 'published' ? roa.state : theme.caution(roa.state),
      ...(hasDates ? [roa.from ?? '', roa.until ?? ''] : []),
      roa.comment ?? '',
    ]),
  })
}

/** Returns CSV without the last line break. */
export function roaCsvView(report: RoaListReport): string {
  return formatRoaCsv(report.roas.filter(({ state }) => state !== 'scheduled')).trimEnd()
}
