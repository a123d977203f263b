/** `brine.json` is bound to history: an edit is detected, and a lost commit that binds it is rebuilt. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readCommitChain } from '../../../../src/core/audit/commits.js'
import { directorySource } from '../../../../src/core/audit/source.js'
import { sha256Hex } from '../../../../src/core/crypto/digest.js'
import type { StoredCommit } from '../../../../src/core/eventsourcing/types.js'
import { openStore } from '../../../../src/core/store/commit/file-store.js'
import { type AnyMarker, readMarker } from '../../../../src/core/store/directory/data-dir.js'
import { bindingCommit, markerDigest } from '../../../../src/core/store/directory/marker-binding.js'
import { encodeRecord } from '../../../../src/core/store/disk/records.js'
import { planOf, recoverWords } from '../../../support/store/recovery.js'
import { add, type Scratch, scratch, T0, wordsOf } from '../../../support/store/store.js'

let place: Scratch
const at = (path: string): string => join(place.dir, path)
const marker = (): AnyMarker => JSON.parse(readFileSync(at('brine.json'), 'utf8')) as AnyMarker
const writeMarker = (change: object): void => writeFileSync(at('brine.json'), encodeRecord({ ...marker(), ...change }))
const commitAt = (n: number): StoredCommit => JSON.parse(readFileSync(at(`commits/${n}.json`), 'utf8')) as StoredCommit
const problems = () =>
  place
    .open()
    .read(async (r) => readCommitChain(directorySource(place.open().layout, r)).problems.map((p) => p.problem))

beforeEach(async () => {
  place = scratch()
  await place.open().write(async (w) => add(w, { x: ['a'] }))
})
afterEach(() => place.remove())

/** Rewrites the history as format 1 has it: no commit holds the hash of the marker. */
function asFormatOne(upTo: number): void {
  let previous: StoredCommit['previous'] = null
  for (let n = 1; n <= upTo; n++) {
    const { marker: _, ...commit } = commitAt(n)
    const bytes = encodeRecord({ ...commit, format: 1, previous })
    writeFileSync(at(`commits/${n}.json`), bytes)
    previous = sha256Hex(bytes)
  }
  rmSync(at('status/head.json'), { force: true })
}

/** Appends the commit that a migration makes. */
function bind(n: number): void {
  const bytes = readFileSync(at(`commits/${n}.json`))
  const record = bindingCommit({ record: commitAt(n), sha256: sha256Hex(bytes) }, markerDigest(marker()), 1)
  writeFileSync(at(`commits/${n + 1}.json`), encodeRecord(record))
}

describe('a marker that was edited', () => {
  it.each([
    ['another id', { id: 'b2c3' }],
    ['another date', { createdAt: '2026-11-21T23:20:01Z' }],
    ['a "test" that was added', { test: true }],
  ])('%s: is not read, not written to and not recovered', async (_, change) => {
    const before = marker()
    writeMarker(change)
    const changed = expect.objectContaining({ kind: 'corrupt', code: 'marker-changed', changed: 'no' })
    await expect(place.open().read(async (r) => wordsOf(r, 'x'))).rejects.toEqual(changed)
    await expect(place.open().write(async (w) => add(w, { x: ['b'] }))).rejects.toEqual(changed)
    expect(() => planOf(place.dir)).toThrow(changed)
    writeFileSync(at('brine.json'), encodeRecord(before))
    expect(await place.open().read(async (r) => wordsOf(r, 'x'))).toEqual(['a'])
  })

  it('may have another generation, which commits hold themselves', async () => {
    await place.open().demote(T0, 'moves')
    await place.open().promote(T0)
    expect(readMarker(place.dir).generation).toBe(2)
    await place.open().write(async (w) => add(w, { x: ['b'] }))
    expect(commitAt(2).marker).toBe(commitAt(1).marker)
    expect(await problems()).toEqual([])
  })

  it('is detected in a copy too, but not before the first commit', async () => {
    writeMarker({ id: 'b2c3' })
    const copy = openStore(place.dir, { asCopy: true })
    await expect(copy.read(async () => 'read')).rejects.toMatchObject({ code: 'marker-changed' })
    const fresh = scratch()
    writeFileSync(join(fresh.dir, 'brine.json'), encodeRecord({ ...readMarker(fresh.dir), id: 'b2c3' }))
    expect(await fresh.open().write(async (w) => add(w, { x: ['a'] }))).toMatchObject({ commit: 1 })
    fresh.remove()
  })

  it('is refused when history was made before markers were bound', async () => {
    asFormatOne(1)
    await expect(place.open().read(async () => 'read')).rejects.toMatchObject({ code: 'marker-changed' })
  })
})

describe('the commit that binds a marker to an older history', () => {
  beforeEach(async () => {
    await place.open().write(async (w) => add(w, { x: ['b'], y: ['c'] }))
    asFormatOne(2)
    bind(2)
    await place.open().write(async (w) => add(w, { x: ['d'] }))
  })

  it('lists no aggregate, and readers skip it', async () => {
    expect(commitAt(3)).toMatchObject({ format: 2, aggregates: [], at: commitAt(2).at })
    expect(commitAt(4)).toMatchObject({ format: 2, marker: commitAt(3).marker })
    expect(await place.open().read(async (r) => [wordsOf(r, 'x'), wordsOf(r, 'y')])).toEqual([['a', 'b', 'd'], ['c']])
    expect(await problems()).toEqual([])
    expect(planOf(place.dir).isEmpty).toBe(true)
  })

  it.each([[[3]], [[2]], [[2, 3]], [[3, 4]], [[1, 2, 3, 4]]])(
    'lost commits %j are rebuilt byte for byte',
    async (lost) => {
      const before = lost.map((n) => readFileSync(at(`commits/${n}.json`), 'utf8'))
      for (const n of lost) rmSync(at(`commits/${n}.json`))
      expect((await recoverWords(place.dir)).plan.loses).toBe(false)
      expect(lost.map((n) => readFileSync(at(`commits/${n}.json`), 'utf8'))).toEqual(before)
      expect(await problems()).toEqual([])
    },
  )

  it('is appended again by a recovery that loses it', async () => {
    rmSync(at('commits/3.json'))
    rmSync(at('commits/4.json'))
    for (const name of ['event-2.json', 'command-3.json']) rmSync(at(`cas/x/${name}`))
    rmSync(at('status/head.json'))
    const { plan, commit } = await recoverWords(place.dir)
    expect([plan.loses, commit?.commit]).toEqual([true, 3])
    expect(await place.open().read(async (r) => wordsOf(r, 'x'))).toEqual(['a', 'b'])
    expect(commitAt(3).marker).toBe(markerDigest(marker()))
    expect(await problems()).toEqual([])
  })

  it('occurs once, and no commit of format 1 follows it', async () => {
    bind(4)
    rmSync(at('status/head.json'))
    expect(await problems()).toEqual(['lists no aggregate'])
    const { marker: _, ...older } = commitAt(5)
    writeFileSync(at('commits/5.json'), encodeRecord({ ...older, format: 1 }))
    const store = place.open()
    await expect(store.read(async () => 'read')).rejects.toMatchObject({ code: 'marker-changed' })
  })
})
