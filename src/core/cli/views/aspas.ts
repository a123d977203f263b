/** Views of the ASPAs of a CA, and of a change of them. */
import type { AspaListReport, AspaUpdateReport } from '../../app/authority/aspas.js'
import { formatAsn } from '../../resources/asn.js'
import { formatProviders } from '../../resources/aspa-payload.js'
import { changeEnding } from '../output/change-ending.js'
import { changedView } from '../output/changes.js'
import { counted, delta } from '../output/endings.js'
import type { Theme } from '../output/theme.js'

export function aspaListView(report: AspaListReport, theme: Theme): string {
  if (report.aspas.length === 0) return theme.dim(`${report.ca} has no ASPAs`)
  return theme.table({
    columns: [
      { title: 'CUSTOMER', rank: 3 },
      { title: 'PROVIDERS', rank: 2 },
      { title: 'STATE', rank: 3 },
      { title: 'NOTE', rank: 1 },
    ],
    rows: report.aspas.map(({ customer, providers, state, comment }) => [
      formatAsn(customer),
      formatProviders(providers),
      state === 'published' ? state : theme.caution(state),
      comment ?? '',
    ]),
  })
}

export function aspasChangedView(report: AspaUpdateReport, theme: Theme): string {
  const { added, updated, removed } = report
  const edits = updated.length === 0 ? [] : [`${counted(updated.length, 'ASPA')} changed`]
  const ending = changeEnding(report.ca, report, [...delta(added.length, removed.length, 'ASPA'), ...edits])
  const next = report.unconfirmed && !report.dryRun ? [theme.paste(`next: brine repo sync ${report.ca}`)] : []
  return [changedView(report.changes, ending, theme), ...next].join('\n')
}
