/** ROAs that a change of resources withdraws or restores, shown before and after the change. */
import type { ChildReport } from '../../app/authority/children.js'
import { counted } from '../output/endings.js'

const LOST = 'no longer held, withdrawn and kept in the configuration'
const REGAINED = 'held again, published'

type Impact = Pick<ChildReport, 'lost' | 'regained'>

/** Returns lines that name each ROA lost or regained; empty if there are none. */
export function roaImpactLines({ lost, regained }: Impact): readonly string[] {
  const lines = (title: string, roas: Impact['lost']): readonly string[] =>
    roas.length === 0 ? [] : [`${counted(roas.length, 'ROA')} ${title}:`, ...roas.map((f) => `  ${f.ca}: ${f.roa}`)]
  return [...lines(LOST, lost), ...lines(REGAINED, regained)]
}

/** Returns how many ROAs are lost and regained, for the ending of a change. */
export function roaImpactTitles({ lost, regained }: Impact): readonly string[] {
  const title = (text: string, { length }: Impact['lost']): readonly string[] =>
    length === 0 ? [] : [`${counted(length, 'ROA')} ${text}`]
  return [...title(LOST, lost), ...title(REGAINED, regained)]
}
