/** Times of what comes next that lie in the past until `tick` runs. */
import { expect, test } from 'vitest'
import type { RollRow } from '../../../../src/core/app/authority/roll-rows.js'
import type { Instant } from '../../../../src/core/base/time.js'
import { dueCell, dueText } from '../../../../src/core/cli/output/due.js'
import { rollLines, rollText } from '../../../../src/core/cli/views/keyroll.js'

const [BEFORE, NOW, AFTER] = ['11:59:59', '12:00:00', '12:00:01'].map((t) => `2026-11-21T${t}Z`) as [
  ...[Instant, Instant, Instant],
]
const ROLL = { stage: 'staging', waitsFor: 'activation', activatesAt: NOW, allowedAt: NOW, lacking: null } as RollRow

test('a time that has come is due now, and one ahead is shown', () => {
  expect([dueText(NOW, NOW), dueCell(NOW, NOW)]).toEqual(['due now, with the next tick', 'due now'])
  expect([dueText(NOW, BEFORE), dueCell(NOW, BEFORE), dueText(NOW), dueCell(NOW)]).toEqual([NOW, NOW, NOW, NOW])
})

test('so is the activation of a key, by tick and by the operator', () => {
  expect([BEFORE, NOW, AFTER].map((now) => rollText(ROLL, now))).toEqual([
    `staged, tick activates it at ${NOW}`,
    'staged, due now: the next tick activates it',
    'staged, due now: the next tick activates it',
  ])
  const byHand = { ...ROLL, activatesAt: null }
  expect([BEFORE, NOW].map((now) => rollText(byHand, now))).toEqual([
    `staged, to be activated from ${NOW}`,
    'staged, can be activated now',
  ])
})

test('so is the end of a retired key', () => {
  const retired = [{ ca: 'acme', ski: 'AB', retiredAt: BEFORE, destroysAt: NOW }] as never
  expect([BEFORE, AFTER].flatMap((now) => rollLines([], retired, now))).toEqual([
    `acme: retired key AB, destroyed by tick from ${NOW}`,
    'acme: retired key AB, due now: the next tick destroys it',
  ])
})
