/** Places in JSON values, and what differs between two. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../../src/core/base/json.js'
import { differences, firstDifference, jsonPath } from '../../../src/core/base/json-path.js'

it('writes paths as RFC 9535 does', () => {
  expect(jsonPath('$', 'roas')).toBe('$.roas')
  expect(jsonPath('$.roas', '192.0.2.0/24 => 64496')).toBe("$.roas['192.0.2.0/24 => 64496']")
  expect(jsonPath('$', `it's "\\" \n`)).toBe(`$['it\\'s "\\\\" \\n']`)
  expect(jsonPath('$.a', 3)).toBe('$.a[3]')
})

it('names the place where two values part', () => {
  expect(firstDifference({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }, '$')).toBe('$.a[1].b')
  expect(firstDifference({ a: 1 }, { a: 1, c: 2 }, '$')).toBe('$.c')
  expect(firstDifference({ a: [] }, { a: {} }, '$')).toBe('$.a')
  const lists: [Json, Json] = [[...Array(12).keys()], [...Array(12).keys()].map((n) => (n === 10 ? -1 : n))]
  expect(firstDifference(...lists, '$')).toBe('$[10]')
})

describe('differences', () => {
  it('names what came, went and changed', () => {
    expect(differences({ a: 1, b: { c: null } }, { b: { c: 'x' }, d: [] })).toEqual([
      { path: '$.a', before: 1, after: undefined },
      { path: '$.b.c', before: null, after: 'x' },
      { path: '$.d', before: undefined, after: [] },
    ])
  })

  it('matches the items of lists: a new first and a lost last one are two differences', () => {
    const [x, y, z] = [{ n: 1 }, { n: 2 }, { n: 3 }]
    expect(differences([x, y], [z, x])).toEqual([
      { path: '$[0]', before: undefined, after: z },
      { path: '$[1]', before: y, after: undefined },
    ])
    expect(differences({ keys: [x, y] }, { keys: [x, { n: 9 }] })).toEqual([
      { path: '$.keys[1].n', before: 2, after: 9 },
    ])
  })

  it('knows an item by its name, and takes the place of nobody where more came than went', () => {
    expect(
      differences(
        [{ ski: 'A', n: 1 }],
        [
          { ski: 'B', n: 1 },
          { ski: 'A', n: 2 },
        ],
      ),
    ).toEqual([
      { path: '$[0]', before: undefined, after: { ski: 'B', n: 1 } },
      { path: '$[1].n', before: 1, after: 2 },
    ])
    expect(differences([{ n: 1 }], [{ n: 2 }, { n: 3 }])).toHaveLength(3)
  })

  it('are none between a value and its copy, and some between two that differ', () => {
    const json = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>
    fc.assert(
      fc.property(json, json, (a, b) => {
        const [left, right] = [JSON.parse(JSON.stringify(a)) as Json, JSON.parse(JSON.stringify(b)) as Json]
        expect(differences(left, JSON.parse(JSON.stringify(left)) as Json)).toEqual([])
        const equal = JSON.stringify(sorted(left)) === JSON.stringify(sorted(right))
        expect(differences(left, right).length === 0).toBe(equal)
      }),
    )
  })
})

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value as Record<string, Json>).sort(([a], [b]) => (a < b ? -1 : 1))
  return { entries: entries.map(([key, member]) => [key, sorted(member)]) } as unknown as Json
}
