/** When a snapshot is written: what a change writes and what a load reads follow the size of the change, whatever the size of the state. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { eventName, snapshotName } from '../../../../src/core/store/disk/paths.js'
import { add, ca, type Scratch, scratch, wordsOf } from '../../../support/store/store.js'

const INTERVAL = 5
const LONGEST = 5 * INTERVAL
const X = ca('x')

let s: Scratch
beforeEach(() => {
  s = scratch()
})
afterEach(() => s.remove())

const word = (length: number, n: number): string => `${n}-`.padEnd(length, 'x')

interface Written {
  /** Versions at which snapshots were written. */
  readonly snapshots: readonly number[]
  readonly version: number
  size(name: string): number
}

/** Commits each list of words, and compares what is read with what was written after each. */
async function write(commits: readonly (readonly string[])[]): Promise<Written> {
  const store = s.open({ snapshotInterval: INTERVAL })
  const all: string[] = []
  for (const words of commits) {
    await store.write(async (w) => add(w, { x: words }))
    all.push(...words)
    expect(await store.read(async (r) => wordsOf(r, 'x').length)).toBe(all.length)
  }
  expect(await store.read(async (r) => wordsOf(r, 'x'))).toEqual(all)
  const snapshots = await store.read(async (r) =>
    commits.flatMap((_, at) => {
      const { effect } = r.command(X, at + 1)
      return effect.result === 'rejected' || effect.snapshot === null ? [] : [effect.snapshot.version]
    }),
  )
  const size = (name: string): number => statSync(join(s.dir, 'cas', 'x', name)).size
  return { snapshots, version: all.length, size }
}

it('a small state has one at each interval', async () => {
  const { snapshots } = await write(Array.from({ length: 17 }, (_, n) => [word(40, n)]))
  expect(snapshots).toEqual([5, 10, 15])
})

it('a large state is not written again for small changes, until five intervals have passed', async () => {
  const commits = Array.from({ length: 105 }, (_, n) => [word(n === 3 ? 200_000 : 10, n)])
  const { snapshots } = await write(commits)
  expect(snapshots).toEqual([5, 25, 50, 75, 100])
})

it('a large state is written again once half of it has changed', async () => {
  const commits = Array.from({ length: 24 }, (_, n) => [word(n === 3 || n === 17 ? 100_000 : 10, n)])
  const { snapshots } = await write(commits)
  expect(snapshots).toEqual([5, 20])
})

it('in random histories snapshots have at most about three times the bytes of events, and the tail is bounded', async () => {
  let seed = 7
  const next = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return (seed >> 8) % below
  }
  const commits = Array.from({ length: 140 }, (_, n) =>
    Array.from({ length: 1 + next(3) }, (_, k) => word(next(8) === 0 ? next(60_000) : next(300) + 10, n * 10 + k)),
  )
  const { snapshots, version, size } = await write(commits)
  const events = (from: number, to: number): number =>
    Array.from({ length: to - from }, (_, at) => size(eventName(from + at))).reduce((a, b) => a + b, 0)
  const passes = (every: number, from: number, to: number): boolean => Math.floor(to / every) > Math.floor(from / every)
  let [last, end, early] = [0, 0, 0]
  for (const { length } of commits) {
    const before = end
    end += length
    // the longest commit may pass the limit
    expect(end - last).toBeLessThan(LONGEST + 3)
    if (snapshots.includes(end)) {
      if (!passes(LONGEST, before, end)) early += size(snapshotName(end))
      last = end
    } else if (last > 0 && passes(INTERVAL, before, end)) {
      // what is read beside the snapshot
      expect(2 * events(last, end)).toBeLessThan(size(snapshotName(last)))
    }
  }
  expect(snapshots.length).toBeGreaterThan(4)
  expect(early).toBeLessThan(3.1 * events(0, version))
})
