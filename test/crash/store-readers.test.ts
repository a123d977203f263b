/** A lock-free reader, and a writer that commits at each instant of the read: the result is the state of some commit, and never damage. */
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findHead } from '../../src/core/store/commit/commit-log.js'
import { openStore } from '../../src/core/store/commit/file-store.js'
import { FileWriter } from '../../src/core/store/commit/writer.js'
import { readMarker } from '../../src/core/store/directory/data-dir.js'
import { onFileOperation } from '../../src/core/store/disk/io-error.js'
import { layoutOf } from '../../src/core/store/disk/paths.js'
import { sampled } from '../support/processes/sample.js'
import { add, type Scratch, scratch, wordsOf } from '../support/store/store.js'

/** Beyond the third snapshot, when the first one has been removed. */
const LENGTHS = [0, 1, 2, 4, 5, 6, 9, 10, 11, 16]
const WRITES = [
  { commits: 1, turns: 1 },
  { commits: 2, turns: 1 },
  { commits: 6, turns: 1 },
  { commits: 1, turns: 12 },
]
type Writes = (typeof WRITES)[number]
const word = (n: number) => `word-${n}`
const wordsUpTo = (n: number) => Array.from({ length: n }, (_, at) => word(at))
let place: Scratch

beforeAll(() => {
  place = scratch({ test: true })
})
afterAll(() => place.remove())

/** Work of another process that holds the lock, all of it at one instant. */
function commitAt(dir: string, n: number): void {
  const layout = layoutOf(dir)
  const ground = { marker: readMarker(dir), strict: true, behind: 0, interval: 5 }
  const ports = { warn: () => undefined, fence: () => undefined }
  mkdirSync(layout.temp, { recursive: true })
  mkdirSync(layout.status, { recursive: true })
  add(new FileWriter(layout, { ...ground, ...ports, head: findHead(layout) }), { alice: [word(n)] })
}

/**
 * Reads while so many commits happen at file operation `at` and at each of the `turns` after it; undefined if the read has fewer
 * operations.
 */
async function readWhile(dir: string, length: number, at: number, { commits, turns }: Writes) {
  let count = 0
  let next = length
  let isWriter = false
  onFileOperation(() => {
    if (isWriter) return
    count += 1
    if (count < at || count >= at + turns) return
    isWriter = true
    for (let n = 0; n < commits; n++) commitAt(dir, next++)
    isWriter = false
  })
  try {
    const seen = await openStore(dir).read(async (reader) => wordsOf(reader, 'alice'))
    return count < at ? undefined : { seen, last: next }
  } finally {
    onFileOperation(undefined)
  }
}

/** Numbers of the file operations of a read that nothing disturbs. */
async function operationsOfRead(dir: string): Promise<readonly number[]> {
  const numbers: number[] = []
  onFileOperation(() => numbers.push(numbers.length + 1))
  await openStore(dir).read(async (reader) => wordsOf(reader, 'alice'))
  onFileOperation(undefined)
  return numbers
}

describe.each(WRITES)('$commits commits at each of $turns file operations of a read in a row', (writes) => {
  it.each(LENGTHS)('after %i commits', async (length) => {
    const ground = join(place.dir, `../ground-${writes.commits}-${writes.turns}-${length}`)
    cpSync(place.dir, ground, { recursive: true })
    for (let n = 0; n < length; n++) commitAt(ground, n)
    const dir = `${ground}-read`
    for (const at of sampled(await operationsOfRead(ground), 12)) {
      cpSync(ground, dir, { recursive: true })
      const read = await readWhile(dir, length, at, writes)
      rmSync(dir, { recursive: true })
      if (read === undefined) continue
      const { seen, last } = read
      expect(seen, `at operation ${at}`).toEqual(wordsUpTo(seen.length))
      expect(seen.length, `at operation ${at}`).toBeGreaterThanOrEqual(length)
      expect(seen.length, `at operation ${at}`).toBeLessThanOrEqual(last)
    }
  })
})
