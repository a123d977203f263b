/** Who touched a place last, also where lists shift under it. */
import { expect, it } from 'vitest'
import { Authors } from '../../../../src/core/app/proof/authors.js'
import type { Json } from '../../../../src/core/base/json.js'
import { differences } from '../../../../src/core/base/json-path.js'

/** Author of each place that differs between the first and the last of these states, made by commands 1, 2, … */
function authorsOf(...states: readonly Json[]): Readonly<Record<string, number>> {
  const authors = new Authors()
  for (const [i, state] of states.slice(1).entries()) authors.note(i + 1, differences(states[i] ?? null, state))
  const net = differences(states[0] ?? null, states.at(-1) ?? null)
  return Object.fromEntries(net.map((d) => [d.path, authors.of(d)]))
}

it('is the last command at that place, below it or above it', () => {
  expect(authorsOf({ a: 1, b: 1 }, { a: 2, b: 1 }, { a: 3, b: 1 }, { a: 3, b: 2 })).toEqual({ '$.a': 2, '$.b': 3 })
  expect(authorsOf({}, { t: { x: 1 } }, { t: { x: 1, y: 2 } })).toEqual({ '$.t': 2 })
  expect(authorsOf({ t: { x: 1 } }, {}, { t: { x: 2 } })).toEqual({ '$.t.x': 2 })
})

it('follows what moves inside a list', () => {
  const [a, b, c, d] = [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }]
  const gone = { path: '$[0]', before: a, after: undefined }
  const authors = new Authors()
  const states: readonly Json[] = [[a], [b, a], [c, b, a], [d, c, b]]
  for (const [i, state] of states.slice(1).entries()) authors.note(i + 1, differences(states[i] ?? null, state))
  const net = differences([a], [d, c, b])
  expect(net[0]).toEqual(gone)
  expect(net.map((change) => authors.of(change))).toEqual([3, 3, 2, 1])
})

it('of what stayed is nobody', () => expect(authorsOf({ a: 1 }, { a: 2 }, { a: 1 })).toEqual({}))
