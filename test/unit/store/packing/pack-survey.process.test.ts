/** Which files may be packed: old, with a hash in a commit, and not read by a load from the newest snapshot. */
import { readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { epochOf, type Instant } from '../../../../src/core/base/time.js'
import { sha256Hex } from '../../../../src/core/crypto/digest.js'
import { layoutOf } from '../../../../src/core/store/disk/paths.js'
import { type PackingRules, surveyPacking } from '../../../../src/core/store/packing/pack-survey.js'
import { packNow } from '../../../support/store/packed.js'
import { add, metaAt, type Scratch, scratch, wordsOf } from '../../../support/store/store.js'

const LATER = '2027-03-01T00:00:00Z' as Instant
const COMMITS = 16

let one: Scratch
beforeEach(async () => {
  one = scratch()
  await one.open().write(async (w) => {
    for (let n = 0; n < COMMITS; n++) add(w, { x: [`${n}`], y: [`y${n}`] })
  })
})
afterEach(() => one.remove())

const at = (path: string): string => join(one.dir, path)

/** Returns the names that may be packed, by folder. */
async function survey(rules: Partial<PackingRules> = {}): Promise<Readonly<Record<string, readonly string[]>>> {
  const all = { cutoff: LATER, fewest: 1, liveObjects: 0, ...rules }
  const { homes } = await one.open().read(async (reader) => surveyPacking(layoutOf(one.dir), reader, all))
  return Object.fromEntries(
    homes.map(({ folder, due }) => [folder.slice(one.dir.length + 1), due.map(({ name }) => name)]),
  )
}

const newestSnapshot = (folder: string): number =>
  Math.max(...readdirSync(at(folder)).map((name) => Number(/^snapshot-(\d+)\.json$/.exec(name)?.[1] ?? 0)))
const files = (from: number, to: number, prefix = ''): readonly string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${prefix}${from + i}.json`)

describe('commits', () => {
  it('all but the newest and the one with the list of all aggregates', async () => {
    expect((await survey())['commits']).toEqual(files(2, COMMITS - 1))
  })

  it('only those before the cutoff', async () => {
    expect((await survey({ cutoff: metaAt(5).at }))['commits']).toEqual(files(2, 5))
  })

  it('not one that the next commit contradicts', async () => {
    writeFileSync(at('commits/4.json'), readFileSync(at('commits/4.json'), 'utf8').replace('"at":"2026', '"at":"2025'))
    rmSync(at('commits/9.json'))
    const { commits } = await survey()
    // 8 is verified by the commit that is missing
    expect(commits).toEqual(files(2, COMMITS - 1).filter((name) => !['4.json', '8.json', '9.json'].includes(name)))
  })
})

describe('commands and events', () => {
  it('those before the newest snapshot', async () => {
    const snapshot = newestSnapshot('cas/x')
    expect(snapshot).toBeGreaterThan(4)
    const { 'cas/x': found = [] } = await survey()
    expect([...found].sort()).toEqual(
      [...files(0, snapshot - 2, 'event-'), ...files(1, snapshot - 1, 'command-')].sort(),
    )
  })

  it('only those before the cutoff', async () => {
    const { 'cas/x': found = [] } = await survey({ cutoff: metaAt(3).at })
    expect([...found].sort()).toEqual([...files(1, 3, 'command-'), ...files(0, 2, 'event-')].sort())
  })

  it('no record whose hash no commit holds, and so none of its events', async () => {
    writeFileSync(
      at('cas/x/command-3.json'),
      readFileSync(at('cas/x/command-3.json'), 'utf8').replace('tester', 'nobody'),
    )
    const { 'cas/x': found = [] } = await survey()
    expect(found).toContain('event-1.json')
    expect(found.filter((name) => ['command-3.json', 'event-2.json'].includes(name))).toEqual([])
  })

  it('nothing below the least number of files', async () => {
    const count = (await survey())['cas/x']?.length ?? 0
    expect((await survey({ fewest: count }))['cas/x']?.length).toBe(count)
    expect(Object.keys(await survey({ fewest: count + 1 }))).not.toContain('cas/x')
  })
})

describe('objects', () => {
  const name = (word: string): string => sha256Hex(`object of ${word}`)
  const age = (word: string): void =>
    utimesSync(at(`objects/${name(word).slice(0, 2)}/${name(word)}`), epochOf(metaAt(0).at), epochOf(metaAt(0).at))

  it('those that are old, by their modification time', async () => {
    for (const n of [1, 2, 3]) age(`${n}`)
    const { objects = [] } = await survey({ cutoff: metaAt(1).at })
    expect([...objects].sort()).toEqual([name('1'), name('2'), name('3')].sort())
    const released = new Set([name('2')])
    expect((await survey({ cutoff: metaAt(1).at, released }))['objects']?.includes(name('2'))).toBe(false)
  })

  it('none that a snapshot or an event on disk references', async () => {
    for (const n of [1, 2, 3]) age(`${n}`)
    await one.open().write(async (w) => void add(w, { x: [name('2')] }))
    const { objects = [] } = await survey({ cutoff: metaAt(1).at })
    expect([...objects].sort()).toEqual([name('1'), name('3')].sort())
  })

  it('none where too few came since the survey before', async () => {
    for (const n of [1, 2, 3]) age(`${n}`)
    expect((await survey({ cutoff: metaAt(1).at, liveObjects: 3 }))['objects']).toBeUndefined()
    expect((await survey({ cutoff: metaAt(1).at, liveObjects: 2 }))['objects']?.length).toBe(3)
  })

  it('none where an aggregate cannot be loaded: what it references is unknown', async () => {
    for (const n of [1, 2, 3]) age(`${n}`)
    for (const file of readdirSync(at('cas/y'))) if (/^(event|snapshot)/.test(file)) rmSync(at(`cas/y/${file}`))
    expect((await survey({ cutoff: metaAt(1).at }))['objects']).toBeUndefined()
  })
})

it('what is packed is not found again, and history is the same to its readers', async () => {
  const words = await one.open().read(async (r) => [wordsOf(r, 'x'), wordsOf(r, 'y')])
  expect(await packNow(one.dir)).toBeGreaterThan(30)
  expect(await survey()).toEqual({})
  expect(await one.open().read(async (r) => [wordsOf(r, 'x'), wordsOf(r, 'y')])).toEqual(words)
  await one.open().write(async (w) => void add(w, { x: ['after'] }))
  expect(await one.open().read(async (r) => wordsOf(r, 'x'))).toEqual([...(words[0] ?? []), 'after'])
})
