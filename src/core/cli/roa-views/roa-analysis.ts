/** View of ROAs beside announcements: where the data is from, announcements that are not valid, ROAs that need a look, and the numbers. */
import type { AnalysedRoaRow, RoaAnalysisReport, RouteRow } from '../../app/routing/analyse-roas.js'
import { counted } from '../output/endings.js'
import type { Theme } from '../output/theme.js'
import { routingDataLine } from './routing-data.js'
import { stateWord } from './routing-effect.js'

/** States of ROAs that need no look. */
const QUIET: readonly AnalysedRoaRow['state'][] = ['seen', 'as0']

export function roaAnalysisView(report: RoaAnalysisReport, theme: Theme): string {
  const { announcements, roas, counts, ignored, unlisted } = report
  const rest = roas.filter(({ state }) => !QUIET.includes(state))
  const parts = [
    theme.dim(routingDataLine(report.data)),
    listed(announcements, 'announcement', theme, unlisted, (rows) => announcementTable(rows, theme)),
    listed(rest, 'ROA', theme, 0, (rows) => roaTable(rows, theme)),
    `${report.ca}: ${counted(total(counts), 'announcement')}: ${numbers(report)}`,
    ...(ignored === 0 ? [] : [theme.dim(`${counted(ignored, 'announcement')} ignored by the configuration`)]),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

/** Returns a table of as many rows as a screen shows, and how many there are beyond: `unlisted` ones are in no list. */
function listed<T>(
  rows: readonly T[],
  one: string,
  theme: Theme,
  unlisted: number,
  table: (rows: readonly T[]) => string,
): string {
  if (rows.length === 0) return ''
  const shown = rows.slice(0, theme.maxRows)
  const hidden = rows.length - shown.length
  return [
    table(shown),
    ...(hidden > 0 ? [theme.dim(`and ${counted(hidden, one)} more; with --json: all of them`)] : []),
    ...(unlisted > 0 ? [theme.caution(`and ${counted(unlisted, one)} more, which are only counted`)] : []),
  ].join('\n')
}

function announcementTable(rows: readonly RouteRow[], theme: Theme): string {
  return theme.table({
    columns: [
      { title: 'ANNOUNCED', rank: 3 },
      { title: 'BY', rank: 3 },
      { title: 'PEERS', align: 'right' },
      { title: 'STATE', rank: 3 },
    ],
    rows: rows.map(({ prefix, asn, peers, state }) => [prefix, `AS${asn}`, peers ?? '', stateWord(state, theme)]),
  })
}

function roaTable(rows: readonly AnalysedRoaRow[], theme: Theme): string {
  return theme.table({
    columns: [
      { title: 'ROA', rank: 3 },
      { title: 'STATE', rank: 3 },
      { title: 'VALID', align: 'right' },
      { title: 'INVALID', align: 'right' },
      { title: 'NOTE', rank: 1 },
    ],
    rows: rows.map((roa) => [roa.roa, theme.caution(roa.state), roa.authorises, roa.disallows, note(roa)]),
  })
}

function note({ state, unannounced, comment }: AnalysedRoaRow): string {
  const wide = state === 'tooPermissive' ? [`${counted(unannounced, 'prefix', 'prefixes')} not announced`] : []
  return [...wide, ...(comment === undefined ? [] : [comment])].join('; ')
}

function total(counts: RoaAnalysisReport['counts']): number {
  return Object.values(counts).reduce((sum, n) => sum + n, 0)
}

function numbers({ counts, roas }: RoaAnalysisReport): string {
  const invalid = counts.invalidLength + counts.invalidOrigin + counts.disallowed
  return `${counts.valid} valid, ${invalid} invalid, ${counts.notFound} not found, beside ${counted(roas.length, 'ROA')}`
}
