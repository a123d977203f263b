/** When a repository elsewhere is asked again, at the limits. */
import { expect, test } from 'vitest'
import { type RepositoryFacts, repositoryDue } from '../../../../../src/core/app/exchange/client/due-repositories.js'
import { parseHandle } from '../../../../../src/core/base/handle.js'
import { addSeconds, type Instant, secondsBetween } from '../../../../../src/core/base/time.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const ca = parseHandle('acme')
const success = { at: NOW, outcome: 'success', lastSuccess: NOW } as const
const failure = { at: NOW, outcome: 'failure', lastSuccess: null } as const
const after = (more: Partial<RepositoryFacts>): number | null => {
  const facts = { ca, peer: 'repo.example.net', exchange: success, isUnconfirmed: false }
  const due = repositoryDue({ ...facts, ...more }, NOW)
  return due === null ? null : secondsBetween(NOW, due)
}

test('without a change a repository is asked a day after the last success, and up to an hour later', () => {
  const seconds = after({}) ?? 0
  expect(seconds).toBeGreaterThanOrEqual(86_400)
  expect(seconds).toBeLessThan(86_400 + 3600)
  expect(after({ peer: 'other.example.net' })).not.toBe(seconds)
})

test.each<[string, Partial<RepositoryFacts>, number | null]>([
  ['never asked', { exchange: undefined }, null],
  ['asked by a clock that was ahead', { exchange: { ...success, at: addSeconds(NOW, 1) } }, null],
  ['a change', { isUnconfirmed: true }, null],
  ['a failure', { exchange: failure }, 300],
  ['a failure with a change', { exchange: failure, isUnconfirmed: true }, 300],
  ['a refusal', { exchange: { ...failure, code: 'repository-refused' }, isUnconfirmed: true }, 600],
])('%s', (_, more, wanted) => {
  expect(after(more)).toBe(wanted)
})
