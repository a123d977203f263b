import { describe, expect, it } from 'vitest'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import { chooseTree, DEFAULT_TREES, surplusTrees } from '../../../src/core/publication/tree-choice.js'
import type { Tree } from '../../../src/core/publication/writer-records.js'

const now = '2026-01-01T12:00:00Z' as Instant
/** A tree out of use for so many seconds; null: never in use, or current. */
const tree = (name: string, serial: number, idle: number | null, session = 's'): Tree => ({
  name,
  session,
  serial,
  retiredAt: idle === null ? null : addSeconds(now, -idle),
})
const choose = (trees: readonly Tree[], current: string | undefined): string =>
  chooseTree(trees, current, 's', now, DEFAULT_TREES).name

describe('chooseTree', () => {
  it.each<[string, readonly Tree[], string | undefined, string]>([
    ['makes the first', [], undefined, 'a'],
    ['makes a second beside the first', [tree('a', 1, null)], 'a', 'b'],
    ['takes the idle one after two hours', [tree('a', 1, 7200), tree('b', 2, null)], 'b', 'a'],
    ['takes a third when the idle one was in use within two hours', [tree('a', 1, 7199), tree('b', 2, null)], 'b', 'c'],
    ['takes the one that never was current', [tree('a', 3, null), tree('b', 2, null)], 'b', 'a'],
    [
      'takes, of those two hours idle, the one with least to do',
      [tree('a', 1, 9000), tree('b', 5, 8000), tree('c', 6, null)],
      'c',
      'b',
    ],
    [
      'makes a fourth when three were in use within two hours',
      [tree('a', 1, 7199), tree('b', 2, 300), tree('c', 3, null)],
      'c',
      'd',
    ],
    ['makes a fourth within minutes', [tree('a', 1, 299), tree('b', 2, 100), tree('c', 3, null)], 'c', 'd'],
    ['fills a gap in the names', [tree('a', 1, 10), tree('c', 2, 5), tree('d', 3, null)], 'd', 'b'],
    ['does not count on a clock that went back', [tree('a', 1, -9000), tree('b', 2, null)], 'b', 'c'],
    ['never takes the current one, whatever the record says', [tree('a', 1, 9000)], 'a', 'b'],
  ])('%s', (_, trees, current, wanted) => {
    expect(choose(trees, current)).toBe(wanted)
  })

  it('takes the longest idle when there are as many as allowed', () => {
    const trees = Array.from({ length: 16 }, (_, i) => tree(String.fromCharCode(97 + i), i, i === 15 ? null : 20 - i))
    expect(choose(trees, 'p')).toBe('a')
    expect(choose(trees.slice(1), 'p')).toBe('a')
    expect(chooseTree(trees, 'p', 's', now, { ...DEFAULT_TREES, max: 99 }).name).toBe('q')
  })
})

describe('surplusTrees', () => {
  const DAY = 86_400

  it('are those beyond three that no publication used for a day', () => {
    const trees = [
      ...[tree('a', 1, DAY + 2), tree('b', 2, DAY + 1), tree('c', 3, DAY), tree('d', 4, 10), tree('e', 5, null)],
    ]
    expect(surplusTrees(trees, 'e', now, DEFAULT_TREES).map((t) => t.name)).toEqual(['a', 'b'])
    expect(surplusTrees(trees.slice(2), 'e', now, DEFAULT_TREES)).toEqual([])
    expect(
      surplusTrees([...trees, tree('f', 6, 20), tree('g', 7, 30)], 'e', now, DEFAULT_TREES).map((t) => t.name),
    ).toEqual(['a', 'b', 'c'])
  })

  it('leave the trees of a busy hour for the next one of the day', () => {
    const trees = Array.from({ length: 15 }, (_, i) => tree(String.fromCharCode(97 + i), i, DAY - 1 - i))
    expect(surplusTrees([...trees, tree('p', 16, null)], 'p', now, DEFAULT_TREES)).toEqual([])
  })

  it('never have readers, however short the time is', () => {
    const trees = ['a', 'b', 'c', 'd'].map((name, i) => tree(name, i, 7199))
    expect(surplusTrees(trees, 'd', now, { ...DEFAULT_TREES, keepSeconds: 0 })).toEqual([])
  })
})
