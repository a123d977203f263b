/** Findings about parents elsewhere and ID certificates at their limits. */
import { expect, test } from 'vitest'
import { idFindings } from '../../../../src/core/app/status/id-certificates.js'
import { failingFindings, repositoryFindings } from '../../../../src/core/app/status/peers.js'
import { revocationFindings, revocationFrom } from '../../../../src/core/app/status/revocation.js'
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

const HOUR = 3600
test.each([
  ['a success', { outcome: 'success', since: at(-9 * DAY) }, 3, at(-DAY), null],
  ['an hour of failures with objects that wait', { since: at(-HOUR) }, 3, at(DAY), 'warning'],
  ['an hour of failures with objects that may wait', { since: at(-HOUR) }, null, null, 'warning'],
  ['less than an hour', { since: at(1 - HOUR) }, 3, at(DAY), null],
  ['failures, but nothing waits', { since: at(1 - DAY) }, 0, at(DAY), null],
  ['a day of failures, but nothing waits', { since: at(-DAY) }, 0, at(DAY), 'warning'],
  ['a manifest that goes stale in an hour', { since: at(-60) }, 3, at(HOUR), 'critical'],
  ['a manifest that goes stale later', { since: at(-60) }, 3, at(HOUR + 1), null],
] as const)('a repository: %s', (_, more, unconfirmed, staleAt, wanted) => {
  const exchange = { ...failed, lastSuccess: null, ...more }
  const found = repositoryFindings({ ca, exchange, unconfirmed, staleAt }, NOW)
  expect(found.map(({ level, code }) => `${level} ${code}`)).toEqual(
    wanted === null ? [] : [`${wanted} repository-failing`],
  )
})

test('the finding about a repository counts down to the stale manifest', () => {
  const exchange = { ...failed, since: at(-DAY), lastSuccess: at(-2 * DAY) }
  const text = (staleAt: Instant) =>
    repositoryFindings({ ca, exchange, unconfirmed: 3, staleAt }, NOW)
      .map(({ message }) => message)
      .join()
  expect(text(at(5 * HOUR + 60))).toBe(
    `the repository of acme: no success since ${at(-2 * DAY)}: no answer; 3 objects wait for it; what it has goes stale at ${at(5 * HOUR + 60)}, in 5h`,
  )
  expect(text(at(-30 * HOUR))).toMatch(/what it has is stale for 30h$/)
})

test.each([
  ['no manifest', null, null],
  ['a manifest that is valid', at(1), null],
  [
    'one that is stale',
    at(0),
    /^acme has no valid manifest since .*registry.*RIPE NCC after three months: about 2027-02-19, in 90d\)$/,
  ],
  ['one for a month', at(-30 * DAY), /about 2027-01-20, in 60d\)$/],
  ['one for three months', at(-90 * DAY), /three months: since 2026-11-21\)$/],
] as const)('the countdown to the revocation by a registry: %s', (_, staleAt, wanted) => {
  const found = revocationFindings({ ca, parent, revocationFrom: revocationFrom(staleAt) }, NOW)
  expect(found.map(({ level, code }) => `${level} ${code}`)).toEqual(
    wanted === null ? [] : ['critical revocation-near'],
  )
  if (wanted !== null) expect(found[0]?.message).toMatch(wanted)
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
