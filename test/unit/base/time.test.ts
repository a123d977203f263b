/** The calendar against the platform's own, and the texts that name no time. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addSeconds,
  clockBehind,
  earlier,
  epochOf,
  formatDuration,
  type Instant,
  instantOf,
  later,
  parseDuration,
  parseInstant,
  secondsBetween,
} from '../../../src/core/base/time.js'

const FIRST = Date.UTC(2000, 0, 1) / 1000 - 730_485 * 86_400
const LAST = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000
const epoch = fc.oneof(fc.integer({ min: FIRST, max: LAST }), fc.integer({ min: -86_400, max: 4_102_444_800 }))
const iso = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')

describe('instants', () => {
  it('agree with the platform calendar over all years', () => {
    fc.assert(
      fc.property(epoch, (seconds) => {
        const instant = instantOf(seconds)
        expect(instant).toBe(iso(seconds))
        expect(epochOf(instant)).toBe(seconds)
        expect(parseInstant(instant)).toBe(instant)
      }),
      { numRuns: 2000 },
    )
  })

  it('sort as text in the order of time', () => {
    fc.assert(
      fc.property(epoch, epoch, (a, b) => {
        expect(instantOf(a) < instantOf(b)).toBe(a < b)
        expect(earlier(instantOf(a), instantOf(b))).toBe(instantOf(Math.min(a, b)))
        expect(later(instantOf(a), instantOf(b))).toBe(instantOf(Math.max(a, b)))
        expect(secondsBetween(instantOf(a), instantOf(b))).toBe(b - a)
        expect(addSeconds(instantOf(a), b - a)).toBe(instantOf(b))
      }),
    )
  })

  it.each([
    ['2024-02-28T23:59:59Z', 1, '2024-02-29T00:00:00Z'],
    ['2023-02-28T23:59:59Z', 1, '2023-03-01T00:00:00Z'],
    ['2000-02-29T00:00:00Z', 86_400, '2000-03-01T00:00:00Z'],
    ['1900-02-28T00:00:00Z', 86_400, '1900-03-01T00:00:00Z'],
    ['1970-01-01T00:00:00Z', -1, '1969-12-31T23:59:59Z'],
    ['2038-01-19T03:14:07Z', 1, '2038-01-19T03:14:08Z'],
  ])('%s plus %i s is %s', (from, seconds, to) => {
    expect(addSeconds(from as Instant, seconds)).toBe(to)
  })

  it('cut fractions of a second downwards', () => {
    expect(instantOf(1.9)).toBe('1970-01-01T00:00:01Z')
    expect(instantOf(-0.1)).toBe('1969-12-31T23:59:59Z')
    expect(parseInstant('2026-11-21T23:20:00.999Z')).toBe('2026-11-21T23:20:00Z')
  })

  it.each([
    ['2026-11-21T23:20:00+02:00', '2026-11-21T21:20:00Z'],
    ['2026-11-21T23:20:00-00:30', '2026-11-21T23:50:00Z'],
    ['2026-01-01T00:30:00+01:00', '2025-12-31T23:30:00Z'],
    ['2024-02-28T23:30:00-01:00', '2024-02-29T00:30:00Z'],
  ])('%s is %s', (text, instant) => {
    expect(parseInstant(text)).toBe(instant)
  })

  it.each([
    '',
    '2026-02-31T00:00:00Z',
    '2023-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:60:00Z',
    '2026-12-31T23:59:60Z',
    '2026-01-01T00:00:00',
    '2026-01-01 00:00:00Z',
    '2026-01-01',
    '2026-01-01T00:00:00+24:00',
    '2026-01-01T00:00:00+01:60',
    '2026-01-01T00:00:00.Z',
    '0000-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    '12026-01-01T00:00:00Z',
    ' 2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00Z\n',
    '２０26-01-01T00:00:00Z',
  ])('%j names no instant', (text) => {
    expect(parseInstant(text)).toBeUndefined()
  })

  it('refuse years that four digits cannot say', () => {
    expect(instantOf(FIRST)).toBe('0000-01-01T00:00:00Z')
    expect(instantOf(LAST)).toBe('9999-12-31T23:59:59Z')
    for (const seconds of [FIRST - 1, LAST + 1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => instantOf(seconds)).toThrow(RangeError)
    }
  })
})

describe('durations', () => {
  it.each([
    ['90d', 7_776_000],
    ['24h', 86_400],
    ['15m', 900],
    ['10s', 10],
    ['0s', 0],
    ['2w', 1_209_600],
    ['1h30m', 5400],
    ['1w2d3h4m5s', 604_800 + 2 * 86_400 + 3 * 3600 + 4 * 60 + 5],
  ])('%s is %i seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds)
  })

  it.each(['', '10', '-1d', '1.5h', '1e3s', '30m1h', '1h1h', 'd', '1 d', '1D', '1y', ' 1d', '1d\n', '１d', '100000w'])(
    '%j is no duration',
    (text) => {
      expect(parseDuration(text)).toBeUndefined()
    },
  )

  it('the longest one added to a present instant is still an instant', () => {
    const longest = parseDuration('99999w999999d999999h9999999m999999999s')
    expect(longest).toBeDefined()
    expect(() => addSeconds('2100-01-01T00:00:00Z' as Instant, longest ?? 0)).not.toThrow()
  })

  it('are shown exactly, and what is shown reads back', () => {
    expect(formatDuration(0)).toBe('0s')
    expect(formatDuration(45)).toBe('45s')
    expect(formatDuration(100_800)).toBe('1d 4h')
    expect(formatDuration(-5)).toBe('0s')
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 86_400 * 1000 }), (seconds) => {
        expect(parseDuration(formatDuration(seconds).replaceAll(' ', ''))).toBe(seconds)
      }),
    )
  })
})

describe('a clock behind', () => {
  it('says both times and when to try again', () => {
    const error = clockBehind('2026-01-01T00:00:00Z' as Instant, '2026-01-01T00:01:00Z' as Instant)
    expect(error).toMatchObject({ kind: 'rejected', code: 'clock-behind', retry: true, retryAfter: 60 })
    expect(error.message).toContain('2026-01-01T00:00:00Z')
    expect(error.message).toContain('2026-01-01T00:01:00Z')
  })
})
