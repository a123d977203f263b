/** Staged objects: the commit links them, and writes those that are missing, exist already or could not be staged. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { epochOf } from '../../../../src/core/base/time.js'
import { ObjectStaging } from '../../../../src/core/store/commit/object-staging.js'
import { type FileOperation, onFileOperation } from '../../../../src/core/store/disk/io-error.js'
import { type Layout, layoutOf } from '../../../../src/core/store/disk/paths.js'
import { add, metaAt, objectsFor, type Scratch, scratch, stage, T0 } from '../../../support/store/store.js'

const objects = objectsFor(['one', 'two', 'three'])
const hashes = [...objects.keys()]
const dates = new Map(hashes.map((sha256) => [sha256, T0]))
let place: Scratch
let layout: Layout
let ahead: ObjectStaging
beforeEach(async () => {
  place = scratch()
  layout = layoutOf(place.dir)
  await place.open().write(async (writer) => add(writer, { alice: ['zero'] }))
  ahead = new ObjectStaging(layout)
})
afterEach(() => {
  onFileOperation(undefined)
  place.remove()
})

const waiting = (): readonly string[] => readdirSync(layout.temp)

function writeAll(): void {
  ahead.open()
  for (const [sha256, bytes] of objects) ahead.put(sha256, bytes, T0)
}

/** Commits the three objects and returns the kinds of file operations on them. */
async function commit(): Promise<readonly FileOperation[]> {
  const seen: FileOperation[] = []
  onFileOperation((operation, path) => {
    if (hashes.some((sha256) => path.includes(sha256))) seen.push(operation)
  })
  await place.open().write(
    async (writer) => {
      writer.commit({ meta: metaAt(1), aggregates: [stage(writer, 'alice', ['one', 'two', 'three'])], objects, dates })
    },
    undefined,
    ahead,
  )
  onFileOperation(undefined)
  for (const [sha256, bytes] of objects) {
    const path = layout.object(sha256)
    expect(readFileSync(path)).toEqual(Buffer.from(bytes))
    const { mode, mtimeMs, nlink } = statSync(path)
    expect([mode & 0o777, mtimeMs / 1000, nlink]).toEqual([0o644, epochOf(T0), 1])
  }
  expect(waiting()).toEqual([])
  return seen.filter((operation) => ['create', 'sync', 'link'].includes(operation))
}

it('a commit links them and writes nothing again', async () => {
  writeAll()
  expect(waiting()).toHaveLength(3)
  expect(hashes.map((sha256) => readdirSync(join(layout.objects)).includes(sha256.slice(0, 2)))).not.toContain(true)
  expect(await commit()).toEqual(['link', 'link', 'link'])
})

it('none is written before staging starts', async () => {
  for (const [sha256, bytes] of objects) ahead.put(sha256, bytes, T0)
  expect(waiting()).toEqual([])
  expect(await commit()).toEqual(hashes.flatMap(() => ['create', 'sync', 'link']))
})

it('one that another lock holder removed is written by the commit', async () => {
  writeAll()
  await place.open().write(async (writer) => add(writer, { bob: ['zero'] }))
  expect(waiting()).toEqual([])
  expect(await commit()).toEqual(hashes.flatMap(() => ['link', 'create', 'sync', 'link']))
})

it('one whose sync failed is not used: the commit writes it', async () => {
  let syncs = 0
  onFileOperation((operation) => {
    if (operation === 'sync' && ++syncs === 2) throw Object.assign(new Error('EIO'), { code: 'EIO' })
  })
  writeAll()
  expect(waiting()).toHaveLength(1)
  expect(await commit()).toEqual(['link', 'create', 'sync', 'link', 'create', 'sync', 'link'])
})

it('one whose name is taken replaces the existing file, which may not be durable', async () => {
  writeAll()
  const [first = hashes[0]] = hashes
  if (first === undefined) throw new Error('no object')
  const folder = join(layout.object(first), '..')
  onFileOperation((operation, path) => {
    if (operation === 'link' && path === layout.object(first)) {
      onFileOperation(undefined)
      writeFileSync(join(folder, first), 'half')
    }
  })
  await place.open().write(
    async (writer) => {
      writer.commit({ meta: metaAt(1), aggregates: [stage(writer, 'alice', ['one'])], objects, dates })
    },
    undefined,
    ahead,
  )
  expect(readFileSync(layout.object(first))).toEqual(Buffer.from(objects.get(first) ?? []))
})

it('one that no commit used is removed', () => {
  writeAll()
  ahead.drop()
  expect(waiting()).toEqual([])
})
