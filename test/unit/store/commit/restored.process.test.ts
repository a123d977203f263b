/** A copy restored over its original directory: the directory keeps its identity, its history is older, and it must not write. */
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addSeconds } from '../../../../src/core/base/time.js'
import { readHeadCache, writeHeadCache } from '../../../../src/core/store/disk/caches.js'
import { onFileOperation } from '../../../../src/core/store/disk/io-error.js'
import { add, type Scratch, scratch, T0, wordsOf } from '../../../support/store/store.js'

const hasRsync = spawnSync('rsync', ['--version']).status === 0
let place: Scratch
let backup = ''

const write = (word: string) => place.open().write(async (writer) => add(writer, { alice: [word] }))
const words = () => place.open().read(async (reader) => wordsOf(reader, 'alice'))
const copy = (from: string, to: string) => cpSync(from, to, { recursive: true, preserveTimestamps: true })

beforeEach(async () => {
  place = scratch()
  await write('one')
  backup = `${place.dir}-backup`
  copy(place.dir, backup)
  // rsync compares size and whole seconds: files one day apart differ
  utimesSync(join(backup, 'status/head.json'), 1, 1)
  await write('two')
})
afterEach(() => place.remove())

function emptyAndCopy(): void {
  for (const name of readdirSync(place.dir)) rmSync(join(place.dir, name), { recursive: true })
  copy(backup, place.dir)
}

describe('a directory that was overwritten by a copy', () => {
  it.each([
    ['emptied and copied into', emptyAndCopy],
    [
      'by tar',
      () => execFileSync('sh', ['-c', 'rm -rf "$0"/* && tar cf - -C "$1" . | tar xf - -C "$0"', place.dir, backup]),
    ],
    ['by rsync --delete', () => hasRsync && execFileSync('rsync', ['-a', '--delete', `${backup}/`, `${place.dir}/`])],
    [
      'by rsync --inplace',
      () => hasRsync && execFileSync('rsync', ['-a', '--inplace', '--delete', `${backup}/`, `${place.dir}/`]),
    ],
  ])('%s is a stand-by, is read, and does not write', async (how, restore) => {
    if (how.includes('rsync') && !hasRsync) return
    restore()
    expect(place.open().role()).toMatchObject({ role: 'standby', reason: 'restored' })
    expect(await words()).toEqual(['one'])
    await expect(write('three')).rejects.toMatchObject({
      kind: 'standby',
      message: expect.stringContaining('was overwritten by a copy'),
    })
  })
  it('is promoted in a new generation, and then it is the primary', async () => {
    emptyAndCopy()
    const { generation } = await place.open().promote(addSeconds(T0, 100))
    expect(generation).toBe(2)
    await write('three')
    expect(await words()).toEqual(['one', 'three'])
  })
  it('is not the primary if the promote is interrupted before the new generation', async () => {
    emptyAndCopy()
    const head = join(place.dir, 'status/head.json')
    // state after a promote that died between the marker and origin.json
    const marker = join(place.dir, 'brine.json')
    writeFileSync(marker, readFileSync(marker, 'utf8').replace('"generation":1', '"generation":2'))
    rmSync(head)
    expect(place.open().role()).toMatchObject({ role: 'standby', reason: 'unfinished' })
  })
})

describe('the original', () => {
  it('stays the primary if the cache is lost or unreadable, or if the directory is renamed', async () => {
    const head = join(place.dir, 'status/head.json')
    writeFileSync(head, 'torn')
    expect(place.open().role()).toEqual({ role: 'primary' })
    rmSync(head)
    expect(place.open().role()).toEqual({ role: 'primary' })
    await write('three')
    const other = `${place.dir}-moved`
    renameSync(place.dir, other)
    renameSync(other, place.dir)
    expect(place.open().role()).toEqual({ role: 'primary' })
  })
  it('is in doubt a copy: also if only its cache was restored', async () => {
    const head = join(place.dir, 'status/head.json')
    copyFileSync(join(backup, 'status/head.json'), head)
    expect(place.open().role()).toMatchObject({ role: 'standby' })
  })
})

it('a directory whose cache another command replaces at that instant is not a copy', async () => {
  const path = join(place.dir, 'status/head.json')
  const hint = readHeadCache(path)
  if (hint === undefined) throw new Error('no hint')
  let left = 3
  onFileOperation((operation, of) => {
    if (operation !== 'stat' || of !== path || left === 0) return
    left -= 1
    writeHeadCache(path, hint, join(place.dir, 'tmp'))
  })
  try {
    expect(place.open().role()).toEqual({ role: 'primary' })
    expect(left).toBe(0)
  } finally {
    onFileOperation(undefined)
  }
  await write('three')
})
