/** Parsers of the scenario flags of `ha simulate`. */
import { AppError } from '../../base/errors.js'
import type { FailWindow } from './simulate.js'

/** Parses `hsm-ca@10..40`. Throws `scenario-invalid` (usage). */
export function failWindow(text: string): FailWindow {
  const [, ca, from, to] = /^([a-z0-9][a-z0-9_-]*)@(\d{1,9})\.\.(\d{1,9})$/.exec(text) ?? []
  if (ca === undefined || Number(from) < 1 || Number(to) < Number(from))
    throw invalid(text, 'CA@FIRST..LAST, such as hsm-ca@10..40')
  return { ca, from: Number(from), to: Number(to) }
}

/** Parses `a=90`, or `a=300ms` and `a=2s`. Throws `scenario-invalid` (usage). */
export function pairsOf(texts: readonly string[], unit: 'weight' | 'milliseconds'): ReadonlyMap<string, number> {
  return new Map(texts.map((text) => pairOf(text, unit)))
}

function pairOf(text: string, unit: 'weight' | 'milliseconds'): readonly [string, number] {
  const [, ca, number, suffix = ''] = /^([a-z0-9][a-z0-9_-]*)=(\d{1,7})(ms|s)?$/.exec(text.trim()) ?? []
  const hasUnit = unit === 'weight' ? suffix === '' : suffix !== ''
  if (ca === undefined || !hasUnit)
    throw invalid(text, unit === 'weight' ? 'CA=N, such as a=90' : 'CA=TIME, such as a=300ms')
  return [ca, Number(number) * (suffix === 's' ? 1000 : 1)]
}

function invalid(text: string, expected: string): AppError {
  return new AppError(
    'usage',
    'scenario-invalid',
    `invalid value ${JSON.stringify(text.slice(0, 60))}: expected ${expected}`,
  )
}
