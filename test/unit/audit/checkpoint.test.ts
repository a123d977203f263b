/** Checkpoints over a store's commits: what grew is told from what was rolled back or written anew. */
import { createHash } from 'node:crypto'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  checkpointProblem,
  checkpointText,
  type LogIdentity,
  originOf,
  parseCheckpoint,
  rootRecorder,
} from '../../../src/core/audit/checkpoint.js'
import { readCommitChain } from '../../../src/core/audit/commits.js'
import { directorySource } from '../../../src/core/audit/source.js'
import { ed25519PublicOf, makeEd25519 } from '../../../src/core/crypto/ed25519.js'
import { signNote } from '../../../src/core/crypto/signed-note.js'
import { type FileStore, openStore } from '../../../src/core/store/commit/file-store.js'
import { add, type Scratch, scratch } from '../../support/store/store.js'

const pkcs8 = makeEd25519()
const keys = [{ publicKey: ed25519PublicOf(pkcs8) ?? new Uint8Array() }]
const log: LogIdentity = { instance: '00ff', generation: 2 }

let place: Scratch
let store: FileStore

beforeEach(async () => {
  place = scratch()
  store = place.open()
  await grow(store, 'a', 5)
})
afterEach(() => place.remove())

const grow = (to: FileStore, word: string, times: number) =>
  to.write(async (writer) => {
    for (let i = 0; i < times; i++) add(writer, { alice: [`${word}${i}`] })
  })

async function rootsOf(of: FileStore, sizes: readonly number[]) {
  return of.read(async (reader) => {
    const roots = rootRecorder(sizes)
    readCommitChain(directorySource(of.layout, reader), { leaf: roots.add })
    return { commits: reader.head, at: roots.at }
  })
}

async function checkpoint(by = pkcs8, identity = log): Promise<string> {
  const { commits, at } = await rootsOf(store, [(await rootsOf(store, [])).commits])
  const text = checkpointText(identity, commits, at(commits) ?? new Uint8Array())
  return signNote(text, originOf(identity), by)
}

async function judge(note: string, here = store, identity = log): Promise<string | undefined> {
  const parsed = parseCheckpoint(note)
  if (parsed === undefined) return 'no checkpoint'
  const { commits, at } = await rootsOf(here, [parsed.size])
  return checkpointProblem(parsed, { log: identity, commits, root: at(parsed.size), keys })
}

describe('a checkpoint', () => {
  it('has the tree of RFC 6962 over the bytes of the commits', async () => {
    const hash = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest()
    const leaf = (n: number) => hash(Buffer.from([0]), readFileSync(join(place.dir, `commits/${n}.json`)))
    const node = (left: Uint8Array, right: Uint8Array) => hash(Buffer.from([1]), left, right)
    const root = node(node(node(leaf(1), leaf(2)), node(leaf(3), leaf(4))), leaf(5))
    const lines = (await checkpoint()).split('\n')
    expect(lines.slice(0, 4)).toEqual(['brine/00ff/2', '5', root.toString('base64'), ''])
  })

  it('agrees with a history that grew, of a later generation too, and with the one it saw', async () => {
    const note = await checkpoint()
    expect(await judge(note)).toBeUndefined()
    await grow(store, 'b', 4)
    expect(await judge(note)).toBeUndefined()
    expect(await judge(note, store, { ...log, generation: 3 })).toBeUndefined()
  })

  it('over no commit at all agrees with everything', async () => {
    const empty = signNote(checkpointText(log, 0, createHash('sha256').digest()), originOf(log), pkcs8)
    expect(await judge(empty)).toBeUndefined()
  })
})

describe('what it catches', () => {
  it('yesterday in the place of today, with both sizes', async () => {
    const yesterday = `${place.dir}-yesterday`
    cpSync(place.dir, yesterday, { recursive: true })
    await grow(store, 'b', 3)
    const note = await checkpoint()
    const older = openStore(yesterday)
    expect(await judge(note, older)).toBe('covers 8 commits, but there are 5: history was rolled back')
  })

  it('yesterday that went another way', async () => {
    const other = scratch()
    try {
      const away = other.open()
      await grow(away, 'a', 5)
      await grow(away, 'x', 9)
      await grow(store, 'b', 3)
      expect(await judge(await checkpoint(), away)).toBe(
        'covers 8 commits, but the first 8 of the 14 here differ: history was replaced',
      )
    } finally {
      other.remove()
    }
  })

  it('an older generation of the same commits', async () => {
    const note = await checkpoint()
    expect(await judge(note, store, { ...log, generation: 1 })).toContain('history was rolled back')
  })

  it('another directory, another key, a changed note', async () => {
    const note = await checkpoint()
    expect(await judge(note, store, { ...log, instance: 'aa' })).toContain('is of data directory 00ff')
    expect(await judge(await checkpoint(makeEd25519()))).toBe('it is signed by another key')
    expect(await judge(note.replace('\n5\n', '\n4\n'))).toBe('its signature does not verify')
  })
})

describe('what is no checkpoint', () => {
  it.each([
    ['a size with a zero before it', '05', undefined],
    ['a size that is none', '-1', undefined],
    ['a root of another length', '5', 'AAAA'],
    ['an empty line inside', '5\n', undefined],
  ])('%s', (_, size, root) => {
    const text = `brine/00ff/2\n${size}\n${root ?? Buffer.alloc(32).toString('base64')}\n`
    expect(parseCheckpoint(signNote(text, originOf(log), pkcs8))).toBeUndefined()
  })

  it('a note of somebody else', () => {
    const text = `example.com/log\n5\n${Buffer.alloc(32).toString('base64')}\n`
    expect(parseCheckpoint(signNote(text, 'example.com/log', pkcs8))).toBeUndefined()
  })
})
