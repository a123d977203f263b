/** The lock of a whole tree: one holder at a time, nothing left beside it, and commands on a tree that was replaced under them. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../../../../src/core/store/commit/file-store.js'
import { checkDataDir } from '../../../../src/core/store/directory/data-dir.js'
import { initDataDir } from '../../../../src/core/store/directory/init-data-dir.js'
import { acquireLock } from '../../../../src/core/store/directory/lock.js'
import { newLockOwner } from '../../../../src/core/store/directory/lock-owner.js'
import { withTreeLock } from '../../../../src/core/store/directory/tree-lock.js'
import { layoutOf } from '../../../../src/core/store/disk/paths.js'
import { add, T0 } from '../../../support/store/store.js'

const REQUEST = { timeout: 30, command: 'brine restore', long: true, warn: () => undefined }

let place: string
let dir: string
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'brine-tree-lock-'))
  dir = join(place, 'data')
})
afterEach(() => rmSync(place, { recursive: true, force: true }))

describe('the lock of a tree', () => {
  it('has one holder at a time, also where each removes the lock file', async () => {
    let inside = 0
    const overlaps: number[] = []
    const work = async (): Promise<void> => {
      inside += 1
      overlaps.push(inside)
      await setTimeout(5)
      inside -= 1
    }
    await Promise.all(Array.from({ length: 8 }, () => withTreeLock(dir, REQUEST, work)))
    expect(overlaps).toEqual(Array.from({ length: 8 }, () => 1))
    expect(readdirSync(place)).toEqual([])
  })

  it('names its holder to one that waited too long', async () => {
    await withTreeLock(dir, REQUEST, async () => {
      expect(readdirSync(place).sort()).toEqual(['.data.brine-lock', '.data.brine-lock-owner', '.data.brine-lock.d'])
      await expect(withTreeLock(dir, { ...REQUEST, timeout: 0.1 }, async () => 1)).rejects.toMatchObject({
        code: 'locked',
        message: expect.stringContaining(`the lock of ${dir} is held by pid ${process.pid} (brine restore`),
      })
    })
  })

  it('removes the folders that it made if the command made nothing in them', async () => {
    const deep = join(place, 'a/b/data')
    await expect(withTreeLock(deep, REQUEST, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(readdirSync(place)).toEqual([])
    await withTreeLock(deep, REQUEST, async () => mkdirSync(deep))
    expect(readdirSync(join(place, 'a/b'))).toEqual(['data'])
  })

  it('is the same for a link to the directory', async () => {
    const real = join(place, 'real')
    mkdirSync(real)
    symlinkSync(real, dir)
    await withTreeLock(dir, REQUEST, async () => {
      await expect(withTreeLock(real, { ...REQUEST, timeout: 0 }, async () => 1)).rejects.toMatchObject({
        code: 'locked',
      })
    })
  })
})

describe('a directory that is replaced', () => {
  const replace = (): void => {
    renameSync(dir, join(place, 'kept'))
    initDataDir(dir, { id: 'a1', createdAt: T0, test: true })
  }

  it('is not written by a command that opened the one before', async () => {
    initDataDir(dir, { id: 'a1', createdAt: T0, test: true })
    const store = openStore(dir)
    const lock = await acquireLock(layoutOf(dir), REQUEST)
    const waiting = store.write(async (w) => add(w, { x: ['1'] }))
    replace()
    lock.moved(layoutOf(join(place, 'kept')))
    await lock.release()
    await expect(waiting).rejects.toMatchObject({ kind: 'locked', code: 'data-dir-replaced', retry: true })
    expect(existsSync(join(place, 'kept/.lock.d'))).toBe(false)
    await openStore(dir).write(async (w) => add(w, { x: ['1'] }))
  })

  it('keeps the lock of the next command when the replaced one is released', async () => {
    initDataDir(dir, { id: 'a1', createdAt: T0, test: true })
    const before = await acquireLock(layoutOf(dir), REQUEST)
    replace()
    before.moved(layoutOf(join(place, 'kept')))
    const next = await acquireLock(layoutOf(dir), REQUEST)
    await before.release()
    expect(() => next.check()).not.toThrow()
    expect(existsSync(join(dir, '.lock.d'))).toBe(true)
    await next.release()
  })

  it('that is missing since a restore died is not to be made anew', () => {
    for (const name of ['data.replaced-20261121T120000Z', 'data.replaced-20261122T120000Z'])
      mkdirSync(join(place, name))
    const hint = `a restore was interrupted: run it again, or put the old directory back: mv ${dir}.replaced-20261122T120000Z ${dir}`
    expect(() => checkDataDir(dir)).toThrow(expect.objectContaining({ kind: 'no-data-dir', hint }))
    mkdirSync(dir)
    expect(() => openStore(dir)).toThrow(expect.objectContaining({ hint: `brine init --data-dir ${dir}` }))
  })

  it('is locked and not missing while another process creates or replaces it', () => {
    const stat = readFileSync(`/proc/${process.ppid}/stat`, 'utf8')
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
    const owner = { ...newLockOwner('t', 'brine restore', true), pid: process.ppid, start }
    writeFileSync(join(place, '.data.brine-lock-owner'), JSON.stringify(owner))
    expect(() => checkDataDir(dir)).toThrow(
      expect.objectContaining({ kind: 'locked', message: expect.stringContaining('is being created or replaced by') }),
    )
    writeFileSync(join(place, '.data.brine-lock-owner'), JSON.stringify({ ...owner, start: '1' }))
    expect(() => checkDataDir(dir)).toThrow(expect.objectContaining({ kind: 'no-data-dir' }))
  })
})
