/** Instants and durations as values: RFC 3339 text in UTC with whole seconds; arithmetic on epoch seconds, no `Date` anywhere below the adapters. */
import type { Brand } from './brand.js'
import { AppError } from './errors.js'

/** `2026-11-21T23:20:00Z`: sorts as text. */
export type Instant = Brand<string, 'Instant'>

/** Whole seconds. */
export type Duration = Brand<number, 'Duration'>

const SHAPE = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:Z|([+-])(\d{2}):(\d{2}))$/

/** Length of an instant: text of SHAPE with this length has neither a fraction nor an offset. */
const CANONICAL = 20

/** Seconds of 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z. */
const FIRST = -62_167_219_200
const LAST = 253_402_300_799

/** Returns the days since 1970-01-01 of a proleptic Gregorian date. */
function daysOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yoe = y - era * 400
  const doy = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const doe = yoe * 365 + Math.floor(yoe / 4) - Math.floor(yoe / 100) + doy
  return era * 146097 + doe - 719468
}

function dateOf(days: number): { year: number; month: number; day: number } {
  const z = days + 719468
  const era = Math.floor(z / 146097)
  const doe = z - era * 146097
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36524) - Math.floor(doe / 146096)) / 365)
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100))
  const mp = Math.floor((5 * doy + 2) / 153)
  const day = doy - Math.floor((153 * mp + 2) / 5) + 1
  const month = mp < 10 ? mp + 3 : mp - 9
  return { year: yoe + era * 400 + (month <= 2 ? 1 : 0), month, day }
}

const two = (n: number): string => String(n).padStart(2, '0')

/** Returns the instant `seconds` after the epoch. Throws a RangeError outside the years 0000 to 9999. */
export function instantOf(seconds: number): Instant {
  const whole = Math.floor(seconds)
  const days = Math.floor(whole / 86400)
  const rest = whole - days * 86400
  const { year, month, day } = dateOf(days)
  if (!(year >= 0 && year <= 9999)) throw new RangeError(`year out of range: ${year}`)
  const time = `${two(Math.floor(rest / 3600))}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}`
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${time}Z` as Instant
}

/** Returns the seconds since the epoch. */
export function epochOf(instant: Instant): number {
  const n = (from: number, to: number): number => Number(instant.slice(from, to))
  return daysOf(n(0, 4), n(5, 7), n(8, 10)) * 86400 + n(11, 13) * 3600 + n(14, 16) * 60 + n(17, 19)
}

/** Parses an RFC 3339 time to an instant in UTC, dropping fractions; undefined for other text, such as 2026-02-31 or a leap second. */
export function parseInstant(text: string): Instant | undefined {
  const m = SHAPE.exec(text)
  if (m === null) return undefined
  const [year, month, day, hour, minute, second] = m.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return undefined
  const days = daysOf(year, month, day)
  // a day beyond the end of its month yields another month
  if (dateOf(days).month !== month) return undefined
  if (text.length === CANONICAL) return text as Instant
  if (Number(m[8] ?? 0) > 23 || Number(m[9] ?? 0) > 59) return undefined
  const offset = m[7] === undefined ? 0 : (m[7] === '+' ? -1 : 1) * (Number(m[8]) * 60 + Number(m[9]))
  const seconds = days * 86400 + hour * 3600 + (minute + offset) * 60 + second
  return seconds < FIRST || seconds > LAST ? undefined : instantOf(seconds)
}

export function addSeconds(instant: Instant, seconds: number): Instant {
  return instantOf(epochOf(instant) + seconds)
}

/** Returns `to` minus `from` in seconds. */
export function secondsBetween(from: Instant, to: Instant): number {
  return epochOf(to) - epochOf(from)
}

export function earlier(a: Instant, b: Instant): Instant {
  return a < b ? a : b
}

export function later(a: Instant, b: Instant): Instant {
  return a > b ? a : b
}

const UNITS: Readonly<Record<string, number>> = { d: 86400, h: 3600, m: 60, s: 1, w: 604800 }

/** Parses `90d`, `24h`, `15m`, `10s`, `2w`, or several in descending order (`1h30m`) to seconds; undefined for other text, including a bare number. At most 7,000 years, so that adding it to the current time stays in range. */
export function parseDuration(text: string): Duration | undefined {
  if (!/^(?:\d{1,5}w)?(?:\d{1,6}d)?(?:\d{1,6}h)?(?:\d{1,7}m)?(?:\d{1,9}s)?$/.test(text) || text === '') return undefined
  let total = 0
  for (const [, n, unit] of text.matchAll(/(\d+)([wdhms])/g)) total += Number(n) * (UNITS[unit ?? 's'] ?? 1)
  return total as Duration
}

/** Returns the shortest exact text of a duration: `1d 4h`, `45s`, `0s`. */
export function formatDuration(seconds: number): string {
  let rest = Math.max(0, Math.floor(seconds))
  const parts: string[] = []
  for (const unit of ['d', 'h', 'm', 's']) {
    const size = UNITS[unit] ?? 1
    const n = Math.floor(rest / size)
    if (n > 0) parts.push(`${n}${unit}`)
    rest -= n * size
  }
  return parts.length === 0 ? '0s' : parts.join(' ')
}

/**
 * Returns the error for a clock that is behind something already signed or recorded: by the whole directory, or by the publication point of
 * one key.
 */
export function clockBehind(now: Instant, last: Instant, scope: 'directory' | 'point' = 'directory'): AppError {
  return new AppError('rejected', 'clock-behind', `the clock says ${now}, but the last record is from ${last}`, {
    hint: 'if the clock is wrong, correct the clock; if it is right, it was ahead before: brine clock reset --reason "…"',
    details: { now, last, scope },
    retry: true,
    retryAfter: Math.max(1, secondsBetween(now, last)),
  })
}
