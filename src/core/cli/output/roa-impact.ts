/** ROAs that a change of resources withdraws or restores, shown before and after the change. */
import type { ChildReport } from '../../app/authority/children.js'
import { counted } from './endings.js'

/** Returns lines that name each ROA lost or regained; empty if there are none. */
export function roaImpactLines(report: Pick<ChildReport, 'lost' | 'regained'>): readonly string[] {
  const lines = (title: string, roas: ChildReport['lost']): readonly string[] =>
    roas.length === 0 ? [] : [`${counted(roas.length, 'ROA')} ${title}:`, ...roas.map((f) => `  ${f.ca}: ${f.roa}`)]
  return [
    ...lines('no longer held, withdrawn and kept in the configuration', report.lost),
    ...lines('held again, published', report.regained),
  ]
}
