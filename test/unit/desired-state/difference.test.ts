/** The difference of two states, its digest, and the text of a state. */
import { describe, expect, it } from 'vitest'
import { type Handle, parseHandle } from '../../../src/core/base/handle.js'
import { differenceOf } from '../../../src/core/desired-state/difference.js'
import { planDigest } from '../../../src/core/desired-state/digest.js'
import { readState } from '../../../src/core/desired-state/read.js'
import type { DesiredCa, DesiredState } from '../../../src/core/desired-state/state.js'
import { formatStateToml, stateDocument } from '../../../src/core/desired-state/write.js'

const [ACME, BRANCH] = [parseHandle('acme'), parseHandle('branch')]

type Lists = {
  readonly parents?: Readonly<Record<string, string>>
  readonly children?: Readonly<Record<string, string>>
  readonly roas?: Readonly<Record<string, string | null>>
  readonly aspas?: Readonly<Record<string, string>>
}

const mapped = <T>(table: Readonly<Record<string, T>>) => new Map(Object.entries(table))

function state(cas: Readonly<Record<string, Lists>>): DesiredState {
  const made = Object.entries(cas).map(([name, { parents, children, roas, aspas }]): [Handle, DesiredCa] => {
    const lists = {
      ...(parents === undefined ? {} : { parents: mapped(parents) }),
      ...(children === undefined ? {} : { children: mapped(children) }),
      ...(roas === undefined ? {} : { roas: mapped(roas) }),
      ...(aspas === undefined ? {} : { aspas: mapped(aspas) }),
    }
    return [parseHandle(name), { handle: parseHandle(name), ...lists }]
  })
  return { cas: new Map(made) }
}

const rows = (current: DesiredState, wanted: DesiredState, prune = false): readonly string[] =>
  differenceOf(current, wanted, prune).flatMap(({ ca, rows: all }) =>
    all.map(({ change, item, name, before, after }) => `${ca} ${change} ${item} ${name}: ${before} -> ${after}`),
  )

describe('difference', () => {
  const current = state({
    acme: {
      parents: { ta: 'AS1' },
      children: { customer: 'AS2' },
      roas: { '10.0.0.0/8-8 => 1': null, '10.0.0.0/9-9 => 1': 'x' },
    },
    other: { roas: { '::/0-0 => 0': null } },
  })

  it('keeps what the file does not have, and removes it to prune, in the named CAs alone', () => {
    const wanted = state({ acme: { parents: { ta: 'AS1-AS2' }, children: {}, roas: { '10.0.0.0/9-9 => 1': 'y' } } })
    const changed = ['acme update parent ta: AS1 -> AS1-AS2', 'acme update roa 10.0.0.0/9-9 => 1: x -> y']
    const [parent, roa] = changed
    const kept = ['acme keep child customer: AS2 -> null', 'acme keep roa 10.0.0.0/8-8 => 1: null -> null']
    expect(rows(current, wanted)).toEqual([parent, kept[0], kept[1], roa])
    const gone = kept.map((row) => row.replace('keep', 'remove'))
    expect(rows(current, wanted, true)).toEqual([parent, gone[0], gone[1], roa])
  })

  it('leaves a list alone that the file does not have', () => {
    expect(rows(current, state({ acme: {} }), true)).toEqual([])
    expect(rows(current, state({ acme: { roas: {} } }), true).length).toBe(2)
  })

  it('adds a CA with all that it has', () => {
    expect(rows(current, state({ branch: { parents: { acme: 'AS1' }, roas: { '10.0.0.0/8-8 => 1': 'n' } } }))).toEqual([
      'branch add ca branch: null -> null',
      'branch add parent acme: null -> AS1',
      'branch add roa 10.0.0.0/8-8 => 1: null -> n',
    ])
  })

  it('does not remove a child that the file has as a CA', () => {
    const wanted = state({ acme: { children: {} }, customer: { parents: { acme: 'AS2' } } })
    expect(rows(current, wanted, true)).toEqual([
      'customer add ca customer: null -> null',
      'customer add parent acme: null -> AS2',
    ])
  })

  it('has no member of its own for names of Object.prototype', () => {
    expect(rows(current, state({ constructor: { parents: { __proto__x: 'none' } } })).length).toBe(2)
  })
})

describe('digest', () => {
  const digest = (current: DesiredState, wanted: DesiredState, prune = false) =>
    planDigest(current, wanted, differenceOf(current, wanted, prune), prune)
  const [a, b] = ['10.0.0.0/8-8 => 1', '10.0.0.0/9-9 => 1']
  const wanted = state({ acme: { roas: { [a]: null } } })

  it('is the same in any order of the entries, and with other CAs beside the named ones', () => {
    const one = digest(state({ acme: { roas: { [a]: null, [b]: null } } }), wanted)
    expect(digest(state({ acme: { roas: { [b]: null, [a]: null } }, other: {} }), wanted)).toBe(one)
  })

  it('is another one for another state, file or prune', () => {
    const states = [{}, { [a]: null }, { [a]: 'x' }, { [b]: null }].map((roas) => state({ acme: { roas } }))
    const all = [...states, state({})].flatMap((current) => [digest(current, wanted), digest(current, wanted, true)])
    expect(new Set(all).size).toBe(all.length)
  })
})

describe('text', () => {
  const full = state({
    branch: { parents: { acme: 'AS64496, 192.0.2.0/25' }, children: {}, roas: { '10.0.0.0/9-9 => 2': null } },
    acme: {
      parents: { ta: 'all' },
      children: { b: 'none', 'a/b': '10.0.0.0-10.0.0.2' },
      roas: {
        '::/0-0 => 0': null,
        '10.0.0.0/8-8 => 1': 'a "quoted" \\ # Größe 東京',
        '9.0.0.0/8-24 => 4294967295': null,
      },
    },
  })

  it('is sorted, commented and one entry a line', () => {
    const text = formatStateToml(full)
    expect(
      text
        .split('\n')
        .filter((line) => !line.startsWith('#'))
        .join('\n'),
    ).toBe(`
format = 1

[[ca]]
handle = "acme"
parents = [
  { handle = "ta", resources = "all" },
]
children = [
  { handle = "a/b", resources = "10.0.0.0-10.0.0.2" },
  { handle = "b", resources = "none" },
]
roas = [
  "9.0.0.0/8-24 => 4294967295",
  "10.0.0.0/8-8 => 1 # a \\"quoted\\" \\\\ # Größe 東京",
  "::/0-0 => 0",
]

[[ca]]
handle = "branch"
parents = [
  { handle = "acme", resources = "AS64496, 192.0.2.0/25" },
]
children = []
roas = [
  "10.0.0.0/9-9 => 2",
]
`)
    expect(text.startsWith('# ')).toBe(true)
  })

  it('reads back to the state it was written from, as TOML and as JSON', async () => {
    for (const text of [formatStateToml(full), JSON.stringify(stateDocument(full))]) {
      const read = await readState(text, 'f')
      expect(differenceOf(full, read, true)).toEqual([])
      expect(differenceOf(read, full, true)).toEqual([])
      expect([...(read.cas.get(ACME)?.roas?.keys() ?? [])][0]).toBe('9.0.0.0/8-24 => 4294967295')
      expect(read.cas.get(BRANCH)?.children?.size).toBe(0)
    }
  })
})

describe('ASPAs', () => {
  const [was, is] = [
    state({ acme: { aspas: { AS9: 'AS1, AS2 # old', AS100: 'AS3', AS20: 'AS0' } } }),
    state({ acme: { aspas: { AS100: 'AS3', AS9: 'AS1 # old', AS8: 'AS7' } } }),
  ]

  it('differ by customer, in the order of their numbers', () => {
    expect(rows(was, is, true)).toEqual([
      'acme add aspa AS8: null -> AS7',
      'acme update aspa AS9: AS1, AS2 # old -> AS1 # old',
      'acme remove aspa AS20: AS0 -> null',
    ])
  })

  it('are left alone where the list is absent, and count for the digest', () => {
    expect(rows(was, state({ acme: {} }), true)).toEqual([])
    const digest = (current: DesiredState) => planDigest(current, state({ acme: {} }), [], false)
    expect(digest(was)).not.toBe(digest(is))
  })

  it('are written in TOML and JSON as they are read', async () => {
    const [toml, json] = [formatStateToml(was), JSON.stringify(stateDocument(was))]
    expect(toml).toContain('aspas = [\n  "AS9 => AS1, AS2 # old",\n  "AS20 => AS0",\n  "AS100 => AS3",\n]')
    for (const text of [toml, json]) expect(rows((await readState(text, 'f')) as DesiredState, was, true)).toEqual([])
    expect(stateDocument(was).cas[0]?.aspas?.[0]).toEqual({ customer: 9, providers: [1, 2], comment: 'old' })
  })
})
