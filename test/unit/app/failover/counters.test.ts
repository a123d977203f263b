/** Counters of enrolment: they rise, survive between processes, and never break a command. */
import { expect, it } from 'vitest'
import { Counts, readCounters } from '../../../../src/core/app/failover/counters.js'
import type { Json } from '../../../../src/core/base/json.js'
import type { StatusFiles } from '../../../../src/core/store/disk/status-files.js'

function memory(value?: Json): StatusFiles & { readonly writes: () => number } {
  let [kept, writes] = [value, 0]
  return {
    read: () => kept,
    write: (_name, next) => {
      kept = next
      writes += 1
    },
    remove: () => undefined,
    list: () => [],
    damaged: () => [],
    writes: () => writes,
  }
}

it('add up over transactions, by their labels', () => {
  const status = memory()
  for (let n = 0; n < 2; n++) {
    const counts = new Counts()
    counts.add('issued', 'device', 'one')
    counts.add('failed', 'device', 'one', 'ca-fault')
    const at = '2026-01-01T00:00:00Z' as never
    const change = {
      type: 'health.changed',
      ca: 'one',
      from: 'healthy',
      reason: 'x',
      at,
      openUntil: null,
      level: 0,
    } as const
    counts.addEvents([
      { ...change, to: 'unhealthy' },
      { ...change, to: 'circuit-open' },
    ])
    counts.write(status)
  }
  expect(readCounters(status)).toEqual([
    { kind: 'failed', labels: { label: 'device', ca: 'one', outcome: 'ca-fault' }, count: 2 },
    { kind: 'issued', labels: { label: 'device', ca: 'one' }, count: 2 },
    { kind: 'transitions', labels: { ca: 'one', to: 'circuit-open' }, count: 2 },
  ])
})

it('write nothing where nothing was counted', () => {
  const status = memory()
  new Counts().write(status)
  expect([status.writes(), readCounters(status)]).toEqual([0, []])
})

it.each<[string, Json]>([
  ['a list', [1]],
  ['a text', 'x'],
  [
    'counters that are none',
    { 'issued a': 1, 'issued a b c': 2, 'other a b': 3, 'issued a b': -1, 'failed a b c': 'x' },
  ],
])('begin at 0 after %s', (_, value) => {
  const status = memory(value)
  expect(readCounters(status)).toEqual([])
  const counts = new Counts()
  counts.add('issued', 'a', 'b')
  counts.write(status)
  expect(readCounters(status)).toEqual([{ kind: 'issued', labels: { label: 'a', ca: 'b' }, count: 1 }])
})
