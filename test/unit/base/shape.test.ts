/** Shapes of stored JSON: strict in both directions, and the first mismatch is found by its path. */
import { describe, expect, expectTypeOf, it } from 'vitest'
import type { Json } from '../../../src/core/base/json.js'
import {
  type Check,
  isCount,
  isFlag,
  isHash,
  isInteger,
  isKeyId,
  isName,
  isOneOf,
  isPositive,
  isText,
  isTime,
  listOf,
  mismatch,
  type ObjectOf,
  objectOf,
  orNull,
  type ShapeOf,
  tableOf,
} from '../../../src/core/base/shape.js'
import type { Instant } from '../../../src/core/base/time.js'

describe('plain values', () => {
  it.each<[string, Check, readonly Json[], readonly Json[]]>([
    ['text', isText, ['', 'a'], [1, null, true, [], {}]],
    ['flag', isFlag, [true, false], [0, 'true', null]],
    ['integer', isInteger, [-1, 0, 1], [0.5, '1', 2 ** 53]],
    ['count', isCount, [0, 1, 2 ** 53 - 1], [-1, 0.5, '1', null, 2 ** 53]],
    ['positive', isPositive, [1], [0, -1]],
    ['hash', isHash, ['0'.repeat(64)], ['0'.repeat(63), 'A'.repeat(64), 0]],
    ['key id', isKeyId, ['A'.repeat(40)], ['a'.repeat(40), 'A'.repeat(39), 0]],
    ['time', isTime, ['2026-01-01T00:00:00Z'], ['2026-01-01', '2026-02-30T00:00:00Z', '2026-01-01T00:00:00.5Z', 0]],
    ['name', isName, ['a', 'a/b'], ['', 'a//b', ' ', null]],
    ['one of', isOneOf('a', 'b'), ['a', 'b'], ['c', null, 0]],
    ['or null', orNull(isCount), [null, 1], ['1']],
    ['list', listOf(isCount), [[], [1, 2]], [['1'], {}, null]],
    ['table', tableOf(isCount), [{}, { a: 1 }], [{ a: '1' }, [], null]],
  ])('%s', (_, check, good, bad) => {
    expect(good.filter((value) => !check(value))).toEqual([])
    expect(bad.filter((value) => check(value))).toEqual([])
  })
})

describe('an object', () => {
  const shape = {
    name: isText,
    'note?': isText,
    parts: listOf(objectOf({ size: isCount })),
    byName: tableOf(orNull(objectOf({ at: isTime }))),
  }
  const good = { name: 'a', parts: [{ size: 1 }], byName: { b: null, 'c d': { at: '2026-01-01T00:00:00Z' } } }

  it('that has its members, the optional one or not, fits', () => {
    expect(mismatch(good, shape)).toBeUndefined()
    expect(mismatch({ ...good, note: '' }, shape)).toBeUndefined()
  })

  it.each<[string, { readonly [key: string]: Json }, string, string]>([
    ['an unknown member', { ...good, other: 1 }, '$.other', 'unknown member'],
    ['an inherited name', { ...good, constructor: 1 }, '$.constructor', 'unknown member'],
    ['an optional member of another type', { ...good, note: null }, '$.note', 'wrong value'],
    ['a member of an item', { ...good, parts: [{ size: 1 }, { size: -1 }] }, '$.parts[1].size', 'wrong value'],
    ['a member that an item lacks', { ...good, parts: [{}] }, '$.parts[0].size', 'missing member'],
    ['a list that is not one', { ...good, parts: {} }, '$.parts', 'wrong value'],
    ['an item that is not an object', { ...good, parts: [1] }, '$.parts[0]', 'wrong value'],
    ['a member of an entry', { ...good, byName: { 'c d': { at: '' } } }, "$.byName['c d'].at", 'wrong value'],
    ['a table that is not one', { ...good, byName: [] }, '$.byName', 'wrong value'],
  ])('%s is a mismatch', (_, value, path, problem) => {
    expect(mismatch(value, shape)).toMatchObject({ path, problem })
  })

  it('without a member is a mismatch', () => {
    const { name: _, ...rest } = good
    expect(mismatch(rest, shape)).toEqual({ path: '$.name', member: 'name', problem: 'missing member' })
  })
})

it('shapes and types follow from each other', () => {
  interface Part {
    readonly at: Instant
    readonly size?: number
  }
  const shape = { at: isTime, 'size?': isCount } satisfies ShapeOf<Part>
  expectTypeOf<ObjectOf<typeof shape>>().toEqualTypeOf<Part>()
  // @ts-expect-error a member of the type is not in the shape
  objectOf<Part>({ at: isTime })
  // @ts-expect-error a member of the shape is not in the type
  objectOf<Part>({ at: isTime, 'size?': isCount, other: isText })
  // @ts-expect-error a text is not an instant
  objectOf<Part>({ at: isText, 'size?': isCount })
})
