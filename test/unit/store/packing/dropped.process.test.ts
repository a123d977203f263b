/** Which packed files are left out: those that the archive released, whose commands a commit has named for a day. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'
import { sha256Hex } from '../../../../src/core/crypto/digest.js'
import { addReleased, forgetReleased } from '../../../../src/core/store/archive/packed-objects.js'
import type { ArchivedRange } from '../../../../src/core/store/commit/archived-ranges.js'
import { encodeRecord } from '../../../../src/core/store/disk/records.js'
import { droppedFiles, type IsDropped } from '../../../../src/core/store/packing/dropped.js'
import { add, metaAt, nameArchived, type Scratch, scratch } from '../../../support/store/store.js'

let one: Scratch
let folder: string
let archived: string
beforeEach(async () => {
  one = scratch()
  folder = join(one.dir, 'cas/x')
  archived = join(folder, 'archived')
  await one.open().write(async (w) => {
    for (let n = 0; n < 12; n++) add(w, { x: [`${n}`] })
  })
})
afterEach(() => one.remove())

const NAMED = metaAt(12).at
const range: ArchivedRange = { from: 1, to: 4, fromVersion: 0, toVersion: 4, type: 'add', actor: 'tester', dir: null }
const list = (...ranges: readonly ArchivedRange[]): void =>
  writeFileSync(join(folder, 'archived.json'), encodeRecord({ format: 1, ranges: ranges as never }))
const rule = (now: Instant): Promise<IsDropped> => {
  const store = one.open()
  return store.read(async (reader) => droppedFiles(store.layout, store.status, reader, now))
}
const NAMES = ['event-3.json', 'event-4.json', 'command-4.json', 'command-5.json']
const dropped = async (hours = 25, at = folder): Promise<readonly string[]> => {
  const isDropped = await rule(addSeconds(NAMED, hours * 3600))
  return NAMES.filter((name) => isDropped(at, name))
}
const FIRST_FOUR = ['event-3.json', 'command-4.json']

it('the files of commands that were named a day ago and whose originals are released', async () => {
  list(range)
  await nameArchived(one.open(), 'x', [1, 4])
  expect(await dropped()).toEqual(FIRST_FOUR)
  expect(await dropped(23)).toEqual([])
  expect(await dropped(25, join(one.dir, 'cas/y'))).toEqual([])
})

it('none that no commit names, whatever the index says', async () => {
  list(range)
  expect(await dropped()).toEqual([])
  await nameArchived(one.open(), 'x', [1, 3])
  expect(await dropped()).toEqual([])
})

it('none whose originals wait for their day', async () => {
  list({ ...range, since: NAMED, generation: 1 })
  await nameArchived(one.open(), 'x', [1, 4])
  expect(await dropped()).toEqual([])
})

it('from `archived/` only what was archived to another folder', async () => {
  await nameArchived(one.open(), 'x', [1, 4])
  list(range)
  expect(await dropped(25, archived)).toEqual([])
  list({ ...range, dir: '/mnt/archive' })
  expect(await dropped(25, archived)).toEqual(FIRST_FOUR)
})

it('objects that the archive released, until they are in no segment', async () => {
  const { status, layout } = one.open()
  const [a, b] = [sha256Hex('a'), sha256Hex('b')]
  addReleased(status, [a])
  addReleased(status, [b])
  const isDropped = await rule(NAMED)
  expect([a, b, sha256Hex('c')].map((name) => isDropped(layout.objects, name))).toEqual([true, true, false])
  forgetReleased(status, (name) => name === b)
  expect((await rule(NAMED))(layout.objects, a)).toBe(false)
  forgetReleased(status, () => false)
  expect(status.read('archived-packed-objects')).toBeUndefined()
})
