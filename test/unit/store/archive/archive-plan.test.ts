/** Arithmetic of archived ranges: which command and event they contain, and that they stay exact while parts of them change. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'
import type { Sha256 } from '../../../../src/core/crypto/ports.js'
import {
  countCommands,
  cutoffOf,
  isArchivable,
  isReleasable,
  mergeRanges,
  splitRange,
} from '../../../../src/core/store/archive/archive-plan.js'
import { type ArchivedRange, rangeOf, rangeOfEvent } from '../../../../src/core/store/commit/archived-ranges.js'
import { T0 } from '../../../support/store/store.js'

const range = (from: number, to: number, more: Partial<ArchivedRange> = {}): ArchivedRange => ({
  from,
  to,
  fromVersion: 2 * from,
  toVersion: 2 * to + 2,
  type: 'republish',
  actor: 'cron',
  dir: null,
  ...more,
})

describe('ranges', () => {
  it('joins adjacent ranges with equal members', () => {
    expect(mergeRanges([range(1, 3)], [range(4, 4), range(7, 7)])).toEqual([range(1, 4), range(7, 7)])
    for (const other of [{ type: 'publish' }, { actor: 'alice' }, { dir: '/mnt' }, { since: T0, generation: 1 }])
      expect(mergeRanges([range(1, 3)], [range(4, 4, other)])).toHaveLength(2)
    // events between them that belong to neither
    expect(mergeRanges([range(1, 3)], [range(4, 4, { fromVersion: 9 })])).toHaveLength(2)
  })

  it('keep the newest range of each command after any changes', () => {
    const some = fc.tuple(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 0, max: 9 }),
      fc.constantFrom(null, '/a', '/b'),
    )
    fc.assert(
      fc.property(fc.array(some, { maxLength: 12 }), (writes) => {
        let note: readonly ArchivedRange[] = []
        const expected = new Map<number, string | null>()
        for (const [from, more, dir] of writes) {
          note = mergeRanges(note, [range(from, from + more, { dir })])
          for (let n = from; n <= from + more; n++) expected.set(n, dir)
        }
        for (let n = 0; n <= 60; n++) {
          expect(rangeOf(note, n)?.dir).toBe(expected.get(n))
          expect(rangeOfEvent(note, 2 * n + 1)?.dir).toBe(expected.get(n))
        }
        expect(countCommands(note)).toBe(expected.size)
      }),
    )
  })

  it('are released in parts, one day later, in the generation that archived them', () => {
    const entries = Array.from({ length: 7 }, (_, i) => ({
      sequence: i + 1,
      commit: i + 1,
      at: T0,
      fromVersion: 2 * i + 2,
      toVersion: 2 * i + 4,
      command: '' as Sha256,
    }))
    const parts = splitRange(range(2, 6), entries, 2).map((p) => p.range)
    expect(parts).toEqual([range(2, 3), range(4, 5), range(6, 6)])
    const waiting = range(1, 2, { since: T0, generation: 3 })
    const is = (seconds: number, generation: number): boolean =>
      isReleasable(waiting, addSeconds(T0, seconds), generation)
    expect([is(86399, 3), is(86400, 3), is(86400, 4), isReleasable(range(1, 2), T0, 3)]).toEqual([
      false,
      true,
      false,
      false,
    ])
  })
})

describe('a command that may be archived', () => {
  const entry = { sequence: 4, commit: 4, at: T0, fromVersion: 3, toVersion: 4, command: '' as Sha256 }
  const later = addSeconds(T0, 1)

  it('precedes the cutoff and the backup snapshot; without one there is none', () => {
    expect(isArchivable(entry, { version: 5, sequence: 5 }, later)).toBe(true)
    expect(isArchivable(entry, { version: 5, sequence: 5 }, T0)).toBe(false)
    expect(isArchivable(entry, { version: 4, sequence: 4 }, later)).toBe(false)
    expect(isArchivable(entry, null, later)).toBe(false)
    expect(isArchivable(entry, { version: 5, sequence: 5 }, undefined)).toBe(false)
  })

  it('is not within the newest day of history, however long ago that was', () => {
    const now = '2027-06-01T00:00:00Z' as Instant
    expect(cutoffOf(now, now, 10 * 86400)).toBe('2027-05-22T00:00:00Z')
    expect(cutoffOf(now, '2027-01-02T00:00:00Z' as Instant, 10 * 86400)).toBe('2027-01-01T00:00:00Z')
  })
})
