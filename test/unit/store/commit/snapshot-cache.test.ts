/** Snapshots that a worker keeps between requests: read once, and again as soon as their file is another one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { sha256Hex } from '../../../../src/core/crypto/digest.js'
import { keepSnapshots, snapshotState } from '../../../../src/core/store/commit/snapshot-cache.js'

const dir = mkdtempSync(join(tmpdir(), 'snapshot-cache-'))
afterAll(() => rmSync(dir, { recursive: true }))
afterEach(() => keepSnapshots(0))
let reads = 0
beforeEach(() => {
  reads = 0
})

const sha256 = (name: string) => sha256Hex(Buffer.from(name))
function read(name: string, bytes = 10, place?: string): unknown {
  const path = join(dir, name)
  return snapshotState(path, sha256(name), () => {
    reads += 1
    return { path: place ?? path, bytes, state: { name } }
  })
}
const file = (name: string, text: string) => writeFileSync(join(dir, name), text)

test('nothing is kept unless a process asks for it', () => {
  file('a', '1')
  for (const _ of [1, 2]) expect(read('a')).toEqual({ name: 'a' })
  expect(reads).toBe(2)
})

test('a snapshot is read once, and again after its file was changed, removed or replaced by a copy', () => {
  keepSnapshots(100)
  file('b', '1')
  for (const _ of [1, 2, 3]) expect(read('b')).toEqual({ name: 'b' })
  expect(reads).toBe(1)
  file('b', '22')
  read('b')
  expect(reads).toBe(2)
  rmSync(join(dir, 'b'))
  for (const _ of [1, 2]) read('b')
  expect(reads).toBe(4)
  file('b', '22')
  for (const _ of [1, 2]) read('b')
  expect(reads).toBe(5)
})

test('a snapshot that was found elsewhere is not kept', () => {
  keepSnapshots(100)
  file('c', 'damaged')
  for (const _ of [1, 2]) read('c', 10, join(dir, 'archived'))
  expect(reads).toBe(2)
})

test('those that were used longest ago are dropped above the limit', () => {
  keepSnapshots(25)
  for (const name of ['d', 'e', 'f', 'g']) file(name, name)
  for (const name of ['d', 'e', 'd', 'f']) read(name)
  expect(reads).toBe(3)
  read('d')
  expect(reads).toBe(3)
  read('e')
  expect(reads).toBe(4)
  for (const _ of [1, 2]) read('g', 26)
  expect(reads).toBe(6)
})
