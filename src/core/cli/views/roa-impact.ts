/** ROAs that a change of resources withdraws or restores, shown before and after the change. */
import type { ChildReport } from '../../app/authority/children.js'
import { counted } from '../output/endings.js'

interface Words {
  readonly lost: string
  readonly regained: string
}

const HELD: Words = {
  lost: 'no longer held, withdrawn and kept in the configuration',
  regained: 'held again, published',
}

/** Of a suspension, by which nothing is withdrawn but certificates. */
export const SUSPENSION: Words = { lost: 'not valid until the child is back', regained: 'valid again' }

type Impact = Pick<ChildReport, 'lost' | 'regained'>

/** Returns lines that name each ROA lost or regained; empty if there are none. */
export function roaImpactLines({ lost, regained }: Impact, words = HELD): readonly string[] {
  const lines = (title: string, roas: Impact['lost']): readonly string[] =>
    roas.length === 0 ? [] : [`${counted(roas.length, 'ROA')} ${title}:`, ...roas.map((f) => `  ${f.ca}: ${f.roa}`)]
  return [...lines(words.lost, lost), ...lines(words.regained, regained)]
}

/** Returns how many ROAs are lost and regained, for the ending of a change. */
export function roaImpactTitles({ lost, regained }: Impact, words = HELD): readonly string[] {
  const title = (text: string, { length }: Impact['lost']): readonly string[] =>
    length === 0 ? [] : [`${counted(length, 'ROA')} ${text}`]
  return [...title(words.lost, lost), ...title(words.regained, regained)]
}
