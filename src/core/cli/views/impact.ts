/** ROAs, ASPAs and router certificates that a change of resources withdraws or restores, shown before and after the change. */
import { type Impact, type Impacts, impactName } from '../../app/authority/impact.js'
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

/** Returns lines that name each ROA, ASPA and router key lost or regained; empty if there are none. */
export function impactLines({ lost, regained }: Impacts, words = HELD): readonly string[] {
  const lines = (title: string, all: readonly Impact[]): readonly string[] =>
    byKind(all).flatMap(([kind, some]) => [
      `${counted(some.length, kind)} ${title}:`,
      ...some.map((one) => `  ${one.ca}: ${impactName(one)}`),
    ])
  return [...lines(words.lost, lost), ...lines(words.regained, regained)]
}

/** Returns how many ROAs, ASPAs and router keys are lost and regained, for the ending of a change. */
export function impactTitles({ lost, regained }: Impacts, words = HELD): readonly string[] {
  const titles = (text: string, all: readonly Impact[]): readonly string[] =>
    byKind(all).map(([kind, { length }]) => `${counted(length, kind)} ${text}`)
  return [...titles(words.lost, lost), ...titles(words.regained, regained)]
}

function byKind(all: readonly Impact[]): readonly (readonly [string, readonly Impact[]])[] {
  const kinds = [
    ['ROA', all.filter((one) => 'roa' in one)] as const,
    ['ASPA', all.filter((one) => 'aspa' in one)] as const,
    ['router key', all.filter((one) => 'router' in one)] as const,
  ]
  return kinds.filter(([, { length }]) => length > 0)
}
