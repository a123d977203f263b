/** What a change of resources takes from publication, said before and after it happens. */
import type { ChildReport } from '../../app/authority/children.js'
import { counted } from './endings.js'

/** Lines that name each ROA lost or regained; empty when none. */
export function fallenLines(report: Pick<ChildReport, 'lost' | 'regained'>): readonly string[] {
  const lines = (title: string, fallen: ChildReport['lost']): readonly string[] =>
    fallen.length === 0
      ? []
      : [`${counted(fallen.length, 'ROA')} ${title}:`, ...fallen.map((f) => `  ${f.ca}: ${f.roa}`)]
  return [
    ...lines('no longer held, withdrawn and kept in the configuration', report.lost),
    ...lines('held again, published', report.regained),
  ]
}
