/** View of a change of ROAs: its rows, then the ending. */
import type { RoaUpdateReport } from '../../app/authority/roas.js'
import { changeEnding } from '../output/change-ending.js'
import { changedView } from '../output/changes.js'
import { delta } from '../output/endings.js'
import type { Theme } from '../output/theme.js'

export function roasChangedView(report: RoaUpdateReport, theme: Theme): string {
  const ending = changeEnding(report.ca, report, delta(report.added.length, report.removed.length, 'ROA'))
  return changedView(report.changes, ending, theme)
}
