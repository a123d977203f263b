/** Recovery of a small store: each kind of file, each kind of damage; never further back than it must, and never twice. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readCommitChain } from '../../../src/core/audit/commits.js'
import { type Rules, replayAggregate } from '../../../src/core/audit/replay.js'
import { directorySource } from '../../../src/core/audit/source.js'
import { formatAggregateId } from '../../../src/core/eventsourcing/types.js'
import { openStore } from '../../../src/core/store/file-store.js'
import { planOf, recoverWords } from '../../support/recovery.js'
import { add, ca, metaAt, type Scratch, scratch, stageRejected, type Words, wordsOf } from '../../support/store.js'

const rules: Rules = {
  kind: 'ca',
  events: { added: true },
  initial: () => ({ words: [] }),
  evolve: (state, event) => ({ words: [...(state as Words).words, (event as unknown as { word: string }).word] }),
}

let sound: Scratch
let dir: string
const at = (path: string): string => join(dir, path)
/** Twelve events: snapshots at 5 and 10; command 4 is shared with y; 13 is rejected; the last two commits. */
const words = Array.from({ length: 12 }, (_, n) => `${n}`)

beforeAll(async () => {
  sound = scratch({ test: true })
  await sound.open().write(async (w) => {
    for (let n = 0; n < 12; n++) add(w, n === 3 ? { x: [`${n}`], y: ['y'] } : { x: [`${n}`] })
    w.commit({ meta: metaAt(12), aggregates: [stageRejected(w, 'x')], objects: new Map() })
    add(w, { other: ['o'] })
  })
})
afterAll(() => sound.remove())

let copies = 0
beforeEach(() => {
  copies += 1
  dir = join(sound.dir, `../copy-${copies}`)
  cpSync(sound.dir, dir, { recursive: true })
})
afterEach(() => rmSync(dir, { recursive: true }))

type Damage = 'flip' | 'truncate' | 'delete' | 'folder'

function damage(path: string, how: Damage): void {
  const file = at(path)
  const bytes = readFileSync(file)
  unlinkSync(file)
  if (how === 'folder') mkdirSync(file)
  if (how === 'delete' || how === 'folder') return
  const changed = Buffer.from(bytes)
  changed[Math.floor(bytes.length / 2)] = (changed[Math.floor(bytes.length / 2)] ?? 0) ^ 1
  writeFileSync(file, how === 'flip' ? changed : bytes.subarray(0, bytes.length / 2), { mode: 0o600 })
}

async function audit(): Promise<readonly unknown[]> {
  const store = openStore(dir)
  return store.read(async (reader) => {
    const source = directorySource(store.layout, reader)
    const chain = readCommitChain(source)
    const found = chain.roster.map((id) => {
      const replayed = replayAggregate({
        source,
        id,
        rules,
        named: chain.named.get(formatAggregateId(id)) ?? [],
        full: false,
      })
      expect(replayed.state?.value).toEqual({ words: wordsOf(reader, id.handle) })
      return replayed
    })
    return [...chain.problems, ...found.flatMap((f) => f.problems)]
  })
}

/** What x is after a recovery; the second recovery finds nothing, and life goes on. */
async function recovered(
  options = {},
): Promise<{ words: readonly string[]; lost: readonly number[]; sequence: number }> {
  const { plan } = await recoverWords(dir, options)
  expect(planOf(dir).isEmpty).toBe(true)
  expect(await audit()).toEqual([])
  const store = openStore(dir)
  const now = await store.read(async (r) => [wordsOf(r, 'x'), r.load(ca('x'))?.sequence] as const)
  await store.write(async (w) => add(w, { x: ['after'], other: ['p'] }))
  expect(await openStore(dir).read(async (r) => wordsOf(r, 'x'))).toEqual([...now[0], 'after'])
  expect(await audit()).toEqual([])
  const lost = plan.aggregates.flatMap(({ plan: a }) => a.lost.map((l) => l.sequence))
  return { words: now[0], lost, sequence: now[1] ?? 0 }
}

const EVERY: readonly Damage[] = ['flip', 'truncate', 'delete', 'folder']

describe('a sound directory', () => {
  it('is left as it is', async () => {
    expect(planOf(dir)).toMatchObject({ isEmpty: true, loses: false, failed: [] })
  })
})

describe.each(EVERY)('%s', (how) => {
  it.each([
    ['event-0.json', 12, []],
    ['event-9.json', 12, []],
    ['event-10.json', 10, [11, 12, 13]],
    ['event-11.json', 11, [12, 13]],
    ['command-1.json', 12, []],
    ['command-9.json', 12, []],
    // it is what proves the newest snapshot
    ['command-10.json', 9, [10, 11, 12, 13]],
    ['command-11.json', 10, [11, 12, 13]],
    ['command-12.json', 11, [12, 13]],
    // rejected: its version says that nothing came of it
    ['command-13.json', 12, []],
    ['snapshot-5.json', 12, []],
    ['snapshot-10.json', 12, []],
    ['info.json', 12, []],
  ])('%s of x: %i words stay', async (name, kept, lost) => {
    damage(`cas/x/${name}`, how)
    const got = await recovered()
    expect(got.words).toEqual(words.slice(0, kept))
    expect(got.lost).toEqual(lost)
    if (how !== 'delete' && name !== 'info.json') expect(readdirSync(at('cas/x/corrupt'))).toHaveLength(1)
  })

  it.each([1, 2, 7, 13, 14])('commit %i is built from its records: nothing is lost', async (n) => {
    const before = readFileSync(at(`commits/${n}.json`))
    damage(`commits/${n}.json`, how)
    const got = await recovered()
    expect(got).toMatchObject({ words, lost: [], sequence: 13 })
    expect(readFileSync(at(`commits/${n}.json`))).toEqual(before)
  })

  it.each(['status/head.json'])('%s', async (path) => {
    damage(path, how)
    expect(await recovered()).toMatchObject({ words, lost: [], sequence: 13 })
  })
})
