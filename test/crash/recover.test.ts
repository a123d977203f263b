/**
 * A recovery that is interrupted at any of its file operations is completed by the next one: the same state, no avoidable loss, no number
 * reused, and a later generation wherever something was lost.
 */
import { cpSync, existsSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { readCommitChain } from '../../src/core/audit/commits.js'
import { replayAggregate } from '../../src/core/audit/replay.js'
import { directorySource } from '../../src/core/audit/source.js'
import { formatAggregateId } from '../../src/core/eventsourcing/types.js'
import { openStore } from '../../src/core/store/commit/file-store.js'
import { readMarker } from '../../src/core/store/directory/data-dir.js'
import { readInstallationId } from '../../src/core/store/directory/installation-id.js'
import { onFileOperation } from '../../src/core/store/disk/io-error.js'
import { packedEntry } from '../../src/core/store/disk/packed-files.js'
import { packNow } from '../support/store/packed.js'
import { planOf, recoverWords } from '../support/store/recovery.js'
import { add, ca, type Scratch, scratch, wordRules, wordsOf } from '../support/store/store.js'

const slow = process.env['SLOW'] === '1'
const words = Array.from({ length: 12 }, (_, n) => `${n}`)
let base: Scratch
/** The same history with all that is old in segments. */
let packed = ''
let dir = ''

beforeAll(async () => {
  base = scratch({ test: true })
  await base.open().write(async (w) => {
    for (let n = 0; n < 12; n++) add(w, n % 4 === 0 ? { x: [`${n}`], y: [`y${n}`] } : { x: [`${n}`] })
    add(w, { other: ['o'] })
  })
  packed = join(base.dir, '../packed')
  cpSync(base.dir, packed, { recursive: true, preserveTimestamps: true })
  expect(await packNow(packed)).toBeGreaterThan(20)
})
afterAll(() => base.remove())
afterEach(() => {
  onFileOperation(undefined)
  rmSync(dir, { recursive: true, force: true })
})

/** Changes a byte of a file, or of its entry where it is packed. */
function flip(path: string): void {
  if (!existsSync(join(dir, path))) {
    flipPacked(path)
    return
  }
  const bytes = readFileSync(join(dir, path))
  const at = bytes.length >> 1
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(join(dir, path), bytes)
}

function flipPacked(path: string): void {
  const entry = packedEntry(join(dir, path))
  if (entry === undefined) throw new Error(`${path} is neither single nor packed`)
  const bytes = readFileSync(entry.segment)
  const at = entry.offset + (entry.length >> 1)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(entry.segment, bytes)
}

const remove = (path: string): void => (existsSync(join(dir, path)) ? unlinkSync(join(dir, path)) : flipPacked(path))

const CASES: readonly (readonly [string, () => void, readonly string[], boolean])[] = [
  ['commands are lost', () => flip('cas/x/event-10.json'), words.slice(0, 10), true],
  [
    'a commit is built, a file of history is gone, caches are wrong',
    () => {
      remove('commits/7.json')
      flip('cas/x/event-1.json')
      flip('cas/y/info.json')
      flip('status/head.json')
    },
    words,
    false,
  ],
  [
    'the end of the commits is lost',
    () => {
      for (const path of ['commits/12.json', 'commits/13.json', 'status/head.json']) remove(path)
      // the one that begins format 4
      if (existsSync(join(dir, 'commits/14.json'))) remove('commits/14.json')
    },
    words.slice(0, 11),
    true,
  ],
]

/** Runs a recovery that is killed at the `at`-th operation: nothing happens from there on. */
async function killedAt(at: number): Promise<number> {
  let seen = 0
  onFileOperation((operation) => {
    if (['read', 'stat', 'list'].includes(operation)) return
    seen += 1
    if (seen >= at) throw Object.assign(new Error('killed'), { code: 'EIO' })
  })
  await recoverWords(dir).catch(() => undefined)
  onFileOperation(undefined)
  return seen
}

async function faults(): Promise<readonly unknown[]> {
  const store = openStore(dir)
  return store.read(async (reader) => {
    const source = directorySource(store.layout, reader)
    const chain = readCommitChain(source)
    const found = chain.roster.flatMap(
      (id) =>
        replayAggregate({
          source,
          id,
          rules: wordRules,
          commands: chain.commands.get(formatAggregateId(id)) ?? [],
          archive: chain.archive,
          full: false,
        }).problems,
    )
    return [...chain.problems, ...found]
  })
}

describe.each(CASES)('%s', (name, break_, kept, loses) => {
  it.each(['single files', 'segments'])(
    'killed at any operation on %s: the next one completes it',
    async (form) => {
      const step = slow ? 1 : 5
      let at = 1
      for (let last = Number.POSITIVE_INFINITY; at <= last; at += step) {
        dir = join(base.dir, `../case-${at}`)
        cpSync(form === 'segments' ? packed : base.dir, dir, { recursive: true })
        break_()
        const seen = await killedAt(at)
        if (seen < at) last = 0
        await recoverWords(dir)
        expect(planOf(dir).isEmpty, `killed at ${at}`).toBe(true)
        const store = openStore(dir)
        expect(await store.read(async (r) => wordsOf(r, 'x')), `killed at ${at}`).toEqual(kept)
        const sequence = await store.read(async (r) => r.load(ca('x'))?.sequence ?? 0)
        // the record of a first attempt may have used one
        if (loses) expect([13, 14], `killed at ${at}`).toContain(sequence)
        const { generation } = readMarker(dir)
        expect(generation > 1, `killed at ${at}`).toBe(loses)
        if (loses) expect(readInstallationId(dir)?.generation).toBe(generation)
        expect(await faults(), `killed at ${at}`).toEqual([])
        await store.write(async (w) => add(w, { x: ['after'] }))
        expect(await faults()).toEqual([])
        rmSync(dir, { recursive: true })
      }
      if (slow) process.stderr.write(`recover, ${name}, ${form}: ${at - 2} operations, ${at - 1} cases\n`)
      expect(at).toBeGreaterThan(20)
    },
    300_000,
  )
})
