/** Findings about parents elsewhere and ID certificates at their limits. */
import { expect, test } from 'vitest'
import { failingFindings, idFindings } from '../../../../src/core/app/status/peers.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const DAY = 86_400
const at = (seconds: number): Instant => addSeconds(NOW, seconds)
const [ca, parent] = ['acme', 'registry'].map(parseHandle) as [never, never]
const failed = { at: NOW, outcome: 'failure', code: 'peer-timeout', message: 'no answer', agent: null } as const

test.each([
  ['a success', { ...failed, outcome: 'success', since: at(-9 * DAY), lastSuccess: at(-9 * DAY) }, 0],
  ['a day without one', { ...failed, since: at(-60), lastSuccess: at(-DAY) }, 1],
  ['a second less than a day', { ...failed, since: at(-60), lastSuccess: at(1 - DAY) }, 0],
  ['failures only, for a day', { ...failed, since: at(-DAY), lastSuccess: null }, 1],
  ['failures only, for less', { ...failed, since: at(1 - DAY), lastSuccess: null }, 0],
] as const)('a parent is reported after a failed day: %s', (_, exchange, wanted) => {
  const found = failingFindings({ ca, parent, exchange }, NOW)
  expect(found.map(({ level, code }) => `${level} ${code}`)).toEqual(Array(wanted).fill('warning parent-failing'))
  if (wanted > 0) expect(found[0]?.message).toMatch(/^parent registry of acme: .*: no answer$/)
})

test('a parent that was never asked is no finding', () => {
  expect(failingFindings({ ca, parent, exchange: null }, NOW)).toEqual([])
})

test.each([
  [90 * DAY, []],
  [90 * DAY - 1, ['warning id-expiring']],
  [7 * DAY, ['warning id-expiring']],
  [7 * DAY - 1, ['critical id-expiring']],
  [-1, ['critical id-expiring']],
])('an ID certificate that ends in %d seconds', (seconds, wanted) => {
  const id = { what: 'parent registry of acme', notBefore: at(-99 * DAY), notAfter: at(seconds), hint: 'x' }
  expect(idFindings(id, NOW).map(({ level, code }) => `${level} ${code}`)).toEqual(wanted)
})
