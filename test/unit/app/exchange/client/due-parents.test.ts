/** When a parent elsewhere is asked again, at the limits. */
import { expect, test } from 'vitest'
import { type ParentFacts, parentDue } from '../../../../../src/core/app/exchange/client/due-parents.js'
import { parseHandle } from '../../../../../src/core/base/handle.js'
import { addSeconds, type Instant, secondsBetween } from '../../../../../src/core/base/time.js'
import { CONFIRM_SECONDS } from '../../../../../src/core/ca/parent-lists.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const [ca, other, parent] = ['acme', 'leaf', 'registry'].map(parseHandle) as [never, never, never]
const success = { at: NOW, outcome: 'success', lastSuccess: NOW } as const
const after = (more: Partial<ParentFacts>): number | null => {
  const due = parentDue({ ca, parent, exchange: success, doubts: [], isOpen: false, ...more }, NOW)
  return due === null ? null : secondsBetween(NOW, due)
}

test('a success counts for a day and up to an hour, by the names alone', () => {
  const seconds = after({}) ?? 0
  expect(seconds).toBeGreaterThanOrEqual(86_400)
  expect(seconds).toBeLessThan(86_400 + 3600)
  expect(after({})).toBe(seconds)
  expect(after({ ca: other })).not.toBe(seconds)
})

test('a parent that was never asked, or by a clock that was ahead, is due', () => {
  expect(after({ exchange: undefined })).toBeNull()
  expect(after({ exchange: { ...success, at: addSeconds(NOW, 1) } })).toBeNull()
})

test.each<[string, Partial<ParentFacts>, number]>([
  ['a failure', { exchange: { at: NOW, outcome: 'failure', lastSuccess: NOW } }, 300],
  ['an open request', { isOpen: true }, 300],
  ['a doubt', { doubts: [{ reason: 'missing', since: NOW, held: false }] }, CONFIRM_SECONDS],
  ['an old doubt', { doubts: [{ reason: 'shrunk', since: addSeconds(NOW, -9999), held: false }] }, 300],
])('%s brings it forward', (_, more, wanted) => {
  expect(after(more)).toBe(wanted)
})

test('a doubt that is held waits for the operator', () => {
  expect(after({ doubts: [{ reason: 'missing', since: NOW, held: true }] })).toBe(after({}))
})
