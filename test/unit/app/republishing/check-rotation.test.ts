/** The rotation of checks: every CA has its turn within the time, however often or rarely `tick` runs. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shareOf } from '../../../../src/core/app/republishing/check-rotation.js'
import type { Handle } from '../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'

const START = '2026-11-21T12:00:00Z' as Instant
const names = (count: number): readonly Handle[] => Array.from({ length: count }, (_, n) => `ca${n}` as Handle)
const rule = (now: Instant, least = 0) => ({ now, within: 86_400, least })

test('looks at each CA within the time', () => {
  const pauses = fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), pauses, (count, seconds) => {
      const seen = new Map<Handle, Instant>(names(count).map((handle) => [handle, START]))
      let before = { at: START, last: 'ca5' as Handle }
      for (const pause of seconds) {
        const now = addSeconds(before.at, pause)
        const { handles, last } = shareOf(names(count), before, rule(now))
        for (const handle of handles) seen.set(handle, now)
        for (const at of seen.values()) expect(addSeconds(at, 86_400) >= now).toBe(true)
        before = { at: now, last: last ?? before.last }
      }
    }),
  )
})

test('looks at no more than its share', () => {
  const before = { at: START, last: 'ca7' as Handle }
  expect(shareOf(names(1000), before, rule(addSeconds(START, 300))).handles.size).toBe(4)
  expect(shareOf(names(1000), before, rule(START, 20)).handles.size).toBe(20)
})

test.each([
  ['nothing is known', undefined],
  ['the last run is as long ago as the time', { at: addSeconds(START, -86_400), last: 'ca7' as Handle }],
  ['the last run is after the present', { at: addSeconds(START, 1), last: 'ca7' as Handle }],
])('looks at all of them if %s', (_, before) => {
  expect(shareOf(names(50), before, rule(START)).handles.size).toBe(50)
})

test('goes on behind a CA that is gone', () => {
  const left = names(10).filter((handle) => handle !== 'ca3')
  const { handles } = shareOf(left, { at: START, last: 'ca3' as Handle }, rule(START, 2))
  expect([...handles]).toEqual(['ca4', 'ca5'])
})
