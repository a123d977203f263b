/** Expiries as bars on a time axis from now on. Pure. */
import type { Expiry } from '../../app/status/expiries.js'
import { formatDuration, type Instant, secondsBetween } from '../../base/time.js'
import type { Theme } from '../output/theme.js'
import { displayWidth, shortened } from '../terminal/display-width.js'

/**
 * Marks of the axis, at equal distances: what ends within hours and what ends in years are in one picture.
 */
const MARKS: readonly (readonly [text: string, seconds: number])[] = [
  ['now', 0],
  ['1h', 3600],
  ['8h', 8 * 3600],
  ['1d', 86_400],
  ['7d', 7 * 86_400],
  ['30d', 30 * 86_400],
  ['90d', 90 * 86_400],
  ['1y', 365 * 86_400],
  ['10y', 3650 * 86_400],
]

/** Maximum number of bars. */
const MAX_BARS = 8
/** Smallest width of a readable axis, in columns. */
const MIN_AXIS = 24
const GAP = 2
const GLYPHS = { unicode: { bar: '█', rest: '·' }, ascii: { bar: '#', rest: '.' } } as const

/** Draws the nearest expiries, one a line under the axis; without the axis where `theme.columns` is too small for it. '' for none. */
export function expiryBars(expiries: readonly Expiry[], now: Instant, theme: Theme): string {
  const shown = nearest(expiries)
  if (shown.length === 0) return ''
  const spans = shown.map(({ at }) => spanText(now, at))
  const spanWidth = Math.max(...spans.map((text) => text.length), 'IN'.length)
  const whatWidth = Math.min(
    Math.max(...shown.map(({ what }) => displayWidth(what)), 'ENDS NEXT'.length),
    Math.max(12, Math.floor(theme.columns / 3)),
  )
  const axis = theme.columns - whatWidth - spanWidth - 2 * GAP
  const marks = marksFor(Math.max(...shown.map(({ at }) => secondsBetween(now, at))))
  const gap = ' '.repeat(GAP)
  const line = (what: string, span: string, rest: string): string =>
    [padded(shortened(what, whatWidth), whatWidth), span.padStart(spanWidth), ...(axis < MIN_AXIS ? [] : [rest])]
      .join(gap)
      .trimEnd()
  const heading = theme.bold(line('ENDS NEXT', 'IN', axisText(marks, axis)))
  const tone = { ok: theme.good, warning: theme.caution, critical: theme.bad }
  const rows = shown.map(({ what, at, level }, n) => {
    const full = filledColumns(secondsBetween(now, at), marks, axis)
    const { bar, rest } = GLYPHS[theme.isUnicode ? 'unicode' : 'ascii']
    const drawn = `${tone[level](bar.repeat(full))}${theme.dim(rest.repeat(Math.max(0, axis - full)))}`
    return line(what, spans[n] ?? '', full === 0 && axis >= MIN_AXIS ? theme.dim(rest.repeat(axis)) : drawn)
  })
  const more = expiries.length - shown.length
  return [heading, ...rows, ...(more === 0 ? [] : [theme.dim(`and ${more} more`)])].join('\n')
}

/** Returns the expiries to show, the first end first: the urgent ones have their place before the manifests of many CAs. */
function nearest(expiries: readonly Expiry[]): readonly Expiry[] {
  const urgent = expiries.filter(({ level }) => level !== 'ok')
  const chosen = new Set([...urgent, ...expiries.filter(({ level }) => level === 'ok')].slice(0, MAX_BARS))
  return expiries.filter((one) => chosen.has(one))
}

/** Returns the columns of a bar that ends after `seconds`: none for what has ended, at least one for what has not. */
export function filledColumns(seconds: number, marks: typeof MARKS, axis: number): number {
  if (seconds <= 0 || axis < MIN_AXIS) return 0
  const next = marks.findIndex(([, at]) => at >= seconds)
  if (next < 0) return axis
  const [from, to] = [marks[next - 1]?.[1] ?? 0, marks[next]?.[1] ?? 0]
  const part = (next - 1 + (seconds - from) / (to - from)) / (marks.length - 1)
  return Math.min(axis, Math.max(1, Math.round(part * axis)))
}

/** Returns the marks up to the first that is not before `longest`, at least to one day. */
export function marksFor(longest: number): typeof MARKS {
  const last = MARKS.findIndex(([, at]) => at >= Math.max(longest, 86_400))
  return last < 0 ? MARKS : MARKS.slice(0, last + 1)
}

/** Returns the line of marks: each begins in its column, the last ends in the last one; a mark without room is left out. */
function axisText(marks: typeof MARKS, axis: number): string {
  let text = ''
  const [last = ''] = marks.at(-1) ?? []
  const end = axis - last.length
  for (const [n, [mark]] of marks.slice(0, -1).entries()) {
    const column = Math.round((n / (marks.length - 1)) * axis)
    if (column + mark.length >= end || (text !== '' && column <= text.length)) continue
    text = `${text.padEnd(column)}${mark}`
  }
  return `${text.padEnd(Math.max(0, end))}${last}`
}

function spanText(now: Instant, at: Instant): string {
  const seconds = secondsBetween(now, at)
  return seconds <= 0 ? 'ended' : formatDuration(seconds).split(' ').slice(0, 2).join(' ')
}

function padded(text: string, width: number): string {
  return `${text}${' '.repeat(Math.max(0, width - displayWidth(text)))}`
}
