/** View of the announcements that a change makes valid, invalid or not found. */
import type { RoutingEffectReport } from '../../app/safety/routing-preview.js'
import type { Violation } from '../../base/errors.js'
import type { RouteState } from '../../routing/origin-validation.js'
import { counted } from '../output/endings.js'
import type { Theme } from '../output/theme.js'
import { routingDataLine } from './routing-data.js'

export function routingEffectView(effect: RoutingEffectReport, theme: Theme): string {
  const { announcements, unlisted, data } = effect
  const shown = announcements.slice(0, theme.maxRows)
  const more = announcements.length - shown.length + unlisted
  return [
    ...(shown.length === 0 ? [] : [effectTable(shown, theme)]),
    ...(more > 0 ? [theme.dim(`and ${counted(more, 'announcement')} more; with --json: all of them`)] : []),
    routingEffectLine(effect),
    theme.dim(routingDataLine(data)),
  ].join('\n')
}

/** Returns a line for each warning about a change. */
export function warningLines(warnings: readonly Violation[], theme: Theme): readonly string[] {
  return warnings.map(({ message }) => theme.caution(`warning: ${message}`))
}

/** Returns the numbers in one line. */
export function routingEffectLine({
  becomeValid,
  becomeInvalid,
  becomeNotFound,
  announcements,
}: RoutingEffectReport): string {
  const total = becomeValid + becomeInvalid + becomeNotFound
  if (total === 0)
    return announcements.length === 0
      ? 'no announcement changes its state'
      : 'no announcement becomes valid, invalid or not found'
  return `announcements: ${becomeValid} become valid, ${becomeInvalid} invalid, ${becomeNotFound} not found`
}

function effectTable(rows: RoutingEffectReport['announcements'], theme: Theme): string {
  return theme.table({
    columns: [
      { title: 'ANNOUNCED', rank: 3 },
      { title: 'BY', rank: 3 },
      { title: 'PEERS', align: 'right' },
      { title: 'BEFORE', rank: 2 },
      { title: 'AFTER', rank: 3 },
    ],
    rows: rows.map(({ prefix, asn, peers, before, after }) => [
      prefix,
      `AS${asn}`,
      peers ?? '',
      before,
      stateWord(after, theme),
    ]),
  })
}

/** Returns a state in the colour of its meaning. */
export function stateWord(state: RouteState, theme: Theme): string {
  if (state === 'valid') return theme.good(state)
  return state === 'notFound' ? theme.caution(state) : theme.bad(state)
}
