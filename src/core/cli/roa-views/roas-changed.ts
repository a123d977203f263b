/** View of a change of ROAs: its rows, then the ending. */
import type { RoaUpdateReport } from '../../app/authority/roas.js'
import { changeEnding } from '../output/change-ending.js'
import { changedView } from '../output/changes.js'
import { counted, delta } from '../output/endings.js'
import type { Theme } from '../output/theme.js'
import { routingEffectView, warningLines } from './routing-effect.js'

/** Left out ROAs that are listed. */
const MAX_SKIPPED = 20

export function roasChangedView(report: RoaUpdateReport, theme: Theme): string {
  const now = delta(report.added.length, report.removed.length, 'ROA')
  const ending = changeEnding(report.ca, report, [...now, ...datesOf(report)])
  const { skipped } = report
  const left = skipped.slice(0, MAX_SKIPPED).map((roa) => theme.caution(`not held, left out: ${roa}`))
  const more = skipped.length - MAX_SKIPPED
  const rest = more > 0 ? [theme.caution(`and ${more} more not held, all of them with --json`)] : []
  const next = report.unconfirmed && !report.dryRun ? [theme.paste(`next: brine repo sync ${report.ca}`)] : []
  const effect = report.routing === undefined ? [] : ['', routingEffectView(report.routing, theme)]
  const warnings = warningLines(report.warnings, theme)
  return [changedView(report.changes, ending, theme), ...left, ...rest, ...next, ...effect, ...warnings].join('\n')
}

/** Returns how many ROAs `tick` adds later, and how many others have other dates now. */
function datesOf({ scheduled, addedRoas }: RoaUpdateReport): readonly string[] {
  const added = new Set(addedRoas.map(({ roa }) => roa))
  const later = scheduled.filter(({ state }) => state === 'scheduled').length
  const others = scheduled.filter(({ roa, state }) => state !== 'scheduled' && !added.has(roa)).length
  return [
    ...(later > 0 ? [`${counted(later, 'ROA')} scheduled`] : []),
    ...(others > 0 ? [`dates of ${counted(others, 'ROA')}`] : []),
  ]
}
