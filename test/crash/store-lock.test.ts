/** The write lock: released when its owner dies, kept while it lives, however slow; links in its place are never followed. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../../src/core/store/commit/file-store.js'
import { initDataDir } from '../../src/core/store/directory/init-data-dir.js'
import { add, T0, wordsOf } from '../support/store/store.js'
import { type Started, start, type Workshop, workshop } from '../support/store/store-process.js'

let shop: Workshop
let dir: string
let held: Started | undefined

beforeAll(async () => {
  shop = await workshop()
})
afterAll(() => shop.remove())
beforeEach(() => {
  dir = join(shop.dir, 'data')
  initDataDir(dir, { id: 'a1', createdAt: T0 })
})
afterEach(async () => {
  held?.process.kill('SIGKILL')
  await held?.ended
  held = undefined
  rmSync(dir, { recursive: true, force: true })
})

async function hold(): Promise<Started> {
  held = start(shop, 'hold', dir)
  await held.printed('held')
  return held
}

const write = (lockTimeout: number): Promise<unknown> =>
  openStore(dir, { lockTimeout }).write(async (w) => add(w, { x: ['1'] }))

describe('a held lock', () => {
  it('refuses after the timeout, and reports its owner', async () => {
    const holder = await hold()
    await expect(write(0.2)).rejects.toMatchObject({
      kind: 'locked',
      code: 'locked',
      changed: 'no',
      retry: true,
      details: { pid: holder.process.pid, command: 'brine roa add' },
    })
    await expect(write(0)).rejects.toMatchObject({
      kind: 'locked',
      message: expect.stringMatching(/held by pid \d+ \(brine roa add\) on \S+ since 2\d{3}-/),
    })
  })

  it('does not block readers', async () => {
    await hold()
    expect(await openStore(dir).read(async (r) => wordsOf(r, 'x'))).toEqual([])
  })

  it('is free at once when its owner is killed', async () => {
    const holder = await hold()
    holder.process.kill('SIGKILL')
    await holder.ended
    const store = openStore(dir, { lockTimeout: 0 })
    await store.write(async (w) => add(w, { x: ['1'] }))
    expect(store.warnings).toEqual([])
  })

  it('goes to a waiting command when its owner is killed', async () => {
    const holder = await hold()
    const waiting = write(30)
    holder.process.kill('SIGKILL')
    await waiting
  })

  it('of a stopped owner is never taken over, even if it looks stale', async () => {
    const holder = await hold()
    holder.process.kill('SIGSTOP')
    const old = new Date(Date.now() - 3_600_000)
    utimesSync(join(dir, '.lock.d'), old, old)
    await expect(write(0.3)).rejects.toMatchObject({ kind: 'locked' })
    holder.process.kill('SIGCONT')
    await expect(write(0.1)).rejects.toMatchObject({ kind: 'locked' })
  })
})

describe('a lock of another host', () => {
  it('is waited for while it is fresh, and is taken over when stale', async () => {
    mkdirSync(join(dir, '.lock.d'))
    const owner = {
      token: 'x',
      host: 'elsewhere',
      machine: 'f'.repeat(32),
      boot: 'b',
      pid: 1,
      start: '1',
      command: 'brine tick',
      since: T0,
    }
    writeFileSync(join(dir, '.lock-owner'), JSON.stringify(owner))
    if (readFileSync('/etc/machine-id', 'utf8').trim() === '') return
    await expect(write(0.3)).rejects.toMatchObject({
      kind: 'locked',
      message: expect.stringContaining('brine tick) on elsewhere'),
    })
    const old = new Date(Date.now() - 3_600_000)
    utimesSync(join(dir, '.lock.d'), old, old)
    await write(1)
  })
})

describe('a lock that was lost', () => {
  it('stops the commit before it is made', async () => {
    const store = openStore(dir)
    for (const [path, text] of [
      ['.lock-owner', '{}'],
      ['.lock', ''],
    ] as const) {
      const lost = store.write(async (w) => {
        rmSync(join(dir, path))
        writeFileSync(join(dir, path), text)
        return add(w, { x: ['lost'] })
      })
      await expect(lost).rejects.toMatchObject({ kind: 'locked', code: 'lock-lost', changed: 'no' })
    }
    expect(await store.read(async (r) => [r.head, wordsOf(r, 'x')])).toEqual([0, []])
    await write(1)
    expect(await store.read(async (r) => wordsOf(r, 'x'))).toEqual(['1'])
  })
})

describe('the path of the lock', () => {
  const traps: readonly (readonly [string, () => void])[] = [
    ['a FIFO', () => execFileSync('mkfifo', [join(dir, '.lock')])],
    ['a link', () => symlinkSync(join(shop.dir, 'target'), join(dir, '.lock'))],
    ['a folder', () => mkdirSync(join(dir, '.lock'))],
    ['a FIFO for the folder', () => execFileSync('mkfifo', [join(dir, '.lock.d')])],
    ['a link for the folder', () => symlinkSync(shop.dir, join(dir, '.lock.d'))],
  ]
  for (const [name, set] of traps) {
    it(`being ${name} is refused at once and not followed`, async () => {
      set()
      await expect(write(5)).rejects.toMatchObject({ kind: 'io', changed: 'no' })
      expect(spawnSync('test', ['-e', join(shop.dir, 'target')]).status).toBe(1)
    })
  }

  it('of the owner file may be a FIFO without blocking', async () => {
    execFileSync('mkfifo', [join(dir, '.lock-owner')])
    await write(5)
  })

  it('with an empty folder without an owner is taken over', async () => {
    mkdirSync(join(dir, '.lock.d'))
    await write(0)
  })
})

describe('without flock(1)', () => {
  it('the lock folder alone decides, a dead owner causes no delay, and a warning is printed', async () => {
    const holder = await hold()
    holder.process.kill('SIGKILL')
    await holder.ended
    const path = process.env['PATH']
    process.env['PATH'] = '/nonexistent'
    try {
      const store = openStore(dir, { lockTimeout: 2 })
      await store.write(async (w) => {
        await expect(write(0.2)).rejects.toMatchObject({ kind: 'locked' })
        return add(w, { x: ['1'] })
      })
      expect(store.warnings).toEqual([expect.stringContaining('flock(1) is not installed')])
    } finally {
      process.env['PATH'] = path
    }
  })
})
