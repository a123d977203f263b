/** The division of a delta: its order, its limits, and that no manifest names what is not there after any part. */
import { describe, expect, test } from 'vitest'
import { deltaPdus } from '../../../../../src/core/app/exchange/client/publication-delta.js'
import { splitDelta } from '../../../../../src/core/app/exchange/client/split-delta.js'
import type { Pdu } from '../../../../../src/core/protocols/publication/types.js'

const BASE = 'rsync://rpki.example/repo/acme/'
const put = (name: string, hash?: string): Pdu => ({
  ...{ kind: 'publish', uri: BASE + name, bytes: new Uint8Array() },
  ...(hash === undefined ? {} : { hash }),
})
const drop = (name: string): Pdu => ({ kind: 'withdraw', uri: BASE + name, hash: 'old' })
const shown = ({ kind, uri, hash }: Pdu): string => {
  const sign = kind === 'withdraw' ? '-' : hash === undefined ? '+' : '~'
  return sign + uri.slice(BASE.length)
}
const split = (pdus: readonly Pdu[], maxBytes: number): readonly string[] =>
  splitDelta(pdus, maxBytes, () => 10).map(({ pdus: some }) => some.map(shown).join(' '))

const ONE = [drop('0/a.roa'), put('0/b.roa'), put('0/c.crl', 'x'), put('0/d.roa', 'x'), put('0/m.mft', 'x')]
const TWO = [...ONE, put('1/c.crl'), put('1/m.mft'), put('1/n.roa'), drop('1/o.roa')]

describe.each([
  { of: 'nothing', pdus: [], max: 10, parts: [] },
  { of: 'one that fits', pdus: ONE, max: 50, parts: ['-0/a.roa +0/b.roa ~0/c.crl ~0/d.roa ~0/m.mft'] },
  { of: 'one octet less', pdus: ONE, max: 49, parts: ['+0/b.roa ~0/c.crl ~0/d.roa ~0/m.mft', '-0/a.roa'] },
  { of: 'the switch alone', pdus: ONE, max: 30, parts: ['+0/b.roa', '~0/c.crl ~0/d.roa ~0/m.mft', '-0/a.roa'] },
  { of: 'a folder over the limit', pdus: ONE, max: 9, parts: ['+0/b.roa', '~0/c.crl ~0/d.roa ~0/m.mft', '-0/a.roa'] },
  {
    of: 'two folders in one message',
    ...{ pdus: TWO, max: 50 },
    parts: ['+0/b.roa +1/n.roa', '~0/c.crl ~0/d.roa ~0/m.mft +1/c.crl +1/m.mft', '-0/a.roa -1/o.roa'],
  },
  {
    of: 'two folders in two messages',
    ...{ pdus: TWO, max: 40 },
    parts: ['+0/b.roa +1/n.roa', '~0/c.crl ~0/d.roa ~0/m.mft', '+1/c.crl +1/m.mft -0/a.roa -1/o.roa'],
  },
  {
    of: 'a manifest that is withdrawn',
    ...{ pdus: [drop('0/c.crl'), put('0/d.roa', 'x'), drop('0/m.mft'), drop('0/z.roa')], max: 30 },
    parts: ['-0/c.crl ~0/d.roa -0/m.mft', '-0/z.roa'],
  },
] as const)('a delta of $of', ({ pdus, max, parts }) => {
  test(`is divided at ${max} octets`, () => expect(split(pdus, max)).toEqual(parts))
})

test('the size of a part is that of its PDUs', () => {
  expect(splitDelta(ONE, 30, () => 10).map(({ size }) => size)).toEqual([10, 30, 10])
})

/** Objects by name. A manifest is its list, as text: `name=hash,...`. */
type Tree = ReadonlyMap<string, string>

/** A generator of Lehmer, so that a failure is the same in each run. */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
}

/** Returns what a CA may publish in two folders with two keys each, as in a key roll: each object is of one key or absent. */
function treeOf(random: (below: number) => number): Tree {
  const tree = new Map<string, string>()
  for (const folder of ['0', '1']) {
    const keys = [0, 1].filter(() => random(3) > 0)
    const lists = new Map(keys.map((key) => [key, [`${key}.crl=${random(3)}`]]))
    for (const name of ['a.roa', 'b.roa', 'c.roa', 'd.roa']) lists.get(random(3))?.push(`${name}=${random(3)}`)
    for (const [key, list] of lists) {
      for (const entry of list) tree.set(`${folder}/${entry.slice(0, -2)}`, entry.slice(-1))
      tree.set(`${folder}/${key}.mft`, list.join(','))
    }
  }
  return tree
}

/** Returns what manifests name and the tree does not have. */
const missing = (tree: Tree): readonly string[] =>
  [...tree].flatMap(([name, list]) =>
    name.endsWith('.mft')
      ? list.split(',').filter((entry) => tree.get(`${name.slice(0, 2)}${entry.slice(0, -2)}`) !== entry.slice(-1))
      : [],
  )

const applied = (tree: Tree, pdus: readonly Pdu[]): Tree => {
  const next = new Map(tree)
  for (const pdu of pdus) {
    const name = pdu.uri.slice(BASE.length)
    expect(next.get(name)).toBe(pdu.hash)
    if (pdu.kind === 'withdraw') next.delete(name)
    else next.set(name, Buffer.from(pdu.bytes).toString())
  }
  return next
}

test('after each part of any delta, at any limit, every manifest names only what is there', () => {
  let divided = 0
  for (let seed = 1; seed <= 60; seed++) {
    const random = randomOf(seed * 7919)
    const [before, after] = [treeOf(random), treeOf(random)]
    expect([...missing(before), ...missing(after)]).toEqual([])
    const listed = [...before].map(([name, hash]) => ({ uri: BASE + name, hash }))
    const wanted = [...after].map(([name, sha256]) => ({ name, sha256 }))
    const pdus = deltaPdus(BASE, listed, wanted, ({ sha256 }) => Buffer.from(sha256))
    for (let max = 0; max <= pdus.length; max++) {
      const parts = splitDelta(pdus, max, () => 1)
      divided += parts.length > 1 ? 1 : 0
      const sent = parts.flatMap((part) => part.pdus)
      expect(new Set(sent)).toEqual(new Set(pdus))
      expect(sent).toHaveLength(pdus.length)
      let tree = before
      for (const part of parts) {
        tree = applied(tree, part.pdus)
        expect(missing(tree), `seed ${seed}, limit ${max}`).toEqual([])
      }
      expect(new Map([...tree].sort())).toEqual(new Map([...after].sort()))
    }
  }
  expect(divided).toBeGreaterThan(200)
})
