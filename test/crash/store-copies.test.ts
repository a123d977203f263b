/** `cp` and `tar` at any instant are a backup: the copy opens as a stand-by at a commit made while it was taken. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../../src/core/store/commit/file-store.js'
import { initDataDir } from '../../src/core/store/directory/init-data-dir.js'
import { layoutOf } from '../../src/core/store/disk/paths.js'
import { add, ca, T0, wordsOf } from '../support/store/store.js'
import { strangers, wholeHistory } from '../support/store/store-audit.js'
import { start, type Workshop, workshop } from '../support/store/store-process.js'

let shop: Workshop
beforeAll(async () => {
  shop = await workshop()
})
afterAll(() => shop.remove())

function copyWith(tool: string, from: string, to: string): void {
  rmSync(to, { recursive: true, force: true })
  // these tools warn of a file that disappeared while it was being copied
  if (tool === 'cp') spawnSync('cp', ['-r', from, to], { stdio: 'ignore' })
  else
    spawnSync('sh', ['-c', 'mkdir "$2" && tar -C "$1" -cf - . 2>/dev/null | tar -C "$2" -xf -', 'sh', from, to], {
      stdio: 'ignore',
    })
}

async function headOf(dir: string): Promise<number> {
  return openStore(dir).read(async (r) => r.head)
}

describe('a copy taken while commands run', () => {
  // after minutes of growth a copy takes a minute, so the writer starts again with a new directory
  const [rounds, times] = process.env['SLOW'] === '1' ? [10, 40] : [1, 36]
  it(`opens at a commit of its window, and continues when promoted (${rounds * times} copies)`, async () => {
    let wentBack = 0
    for (let round = 0; round < rounds; round++) wentBack += await copiesWhileItWrites(`live-${round}`, times)
    console.log(`${wentBack} of ${rounds * times} copies went back`)
  }, 3_600_000)
})

/** Number of copies that fell back to an older commit. */
async function copiesWhileItWrites(name: string, times: number): Promise<number> {
  const dir = join(shop.dir, name)
  initDataDir(dir, { id: 'a1', createdAt: T0 })
  await openStore(dir).write(async (w) => add(w, { x: ['first'], y: ['first'] }))
  const writer = start(shop, 'many', dir, { prefix: 'w', count: 100_000, locked: true })
  let wentBack = 0
  try {
    await writer.printed('ok w0')
    for (let n = 0; n < times; n++) {
      const before = await headOf(dir)
      const copy = join(shop.dir, 'copy')
      copyWith(n % 2 === 0 ? 'cp' : 'tar', dir, copy)
      const after = await headOf(dir)
      const store = openStore(copy)
      expect(store.role()).toMatchObject({ role: 'standby', reason: 'copy' })
      const seen = await store.read(async (r) => ({ head: r.head, behind: r.behind, words: wordsOf(r, 'x') }))
      expect(seen.head).toBeGreaterThanOrEqual(before)
      expect(seen.head).toBeLessThanOrEqual(after)
      expect(seen.words).toHaveLength(seen.head)
      if (seen.behind > 0) wentBack += 1
      await expect(store.write(async (w) => add(w, { x: ['no'] }))).rejects.toMatchObject({ kind: 'standby' })
      if (n % 3 === 0) {
        await store.promote(T0)
        await store.write(async (w) => add(w, { x: ['after'], y: ['after'] }))
        const history = await wholeHistory(openStore(copy))
        expect(history['x']).toEqual([...seen.words, 'after'])
        expect(await strangers(store)).toEqual([])
      }
    }
  } finally {
    writer.process.kill('SIGKILL')
    await writer.ended
  }
  rmSync(dir, { recursive: true, force: true })
  return wentBack
}

describe('an incomplete copy', () => {
  async function original(commits: number): Promise<string> {
    const dir = join(shop.dir, 'original')
    rmSync(dir, { recursive: true, force: true })
    initDataDir(dir, { id: 'a1', createdAt: T0 })
    for (let n = 0; n < commits; n++)
      await openStore(dir).write(async (w) => add(w, n % 2 === 0 ? { x: [`${n}`] } : { x: [`${n}`], y: [`${n}`] }))
    return dir
  }

  const holes: readonly (readonly [string, number])[] = [
    ['commits/12.json', 11],
    ['commits/9.json', 8],
    ['cas/x/event-11.json', 11],
    ['cas/x/event-8.json', 8],
    ['cas/x/command-12.json', 11],
    ['cas/y/event-5.json', 11],
    ['cas/y/command-5.json', 9],
    ['cas/x/snapshot-10.json', 12],
    ['cas/x/info.json', 12],
    ['status/head.json', 12],
    ['cas/y/info.json', 12],
    ['cas/y/snapshot-5.json', 12],
  ]
  for (const [file, head] of holes) {
    it(`without ${file}: opens at commit ${head}, and is complete after promote`, async () => {
      const dir = await original(12)
      const copy = shop.copyOf(dir, 'holed')
      unlinkSync(join(copy, file))
      const store = openStore(copy)
      const words = await store.read(async (r) => {
        expect([r.head, r.behind]).toEqual([head, 12 - head])
        return wordsOf(r, 'x')
      })
      expect(words).toHaveLength(head)
      const promotion = await store.promote(T0)
      expect(promotion).toMatchObject({
        commit: head,
        generation: 2,
        dropped: Array.from({ length: 12 - head }, (_, n) => head + 1 + n).filter((n) => file !== `commits/${n}.json`),
      })
      expect(store.role()).toEqual({ role: 'primary' })
      const again = openStore(copy)
      expect(again.marker.generation).toBe(2)
      await again.write(async (w) => add(w, { x: ['after'], y: ['after'], z: ['after'] }))
      expect((await wholeHistory(openStore(copy)))['x']).toEqual([...words, 'after'])
      expect(await strangers(again)).toEqual([])
    })
  }

  it('checks that objects and keys exist too, and falls back if not', async () => {
    const dir = await original(6)
    const copy = shop.copyOf(dir, 'holed')
    const store = openStore(copy, { complete: (r) => r.head <= 4 })
    expect(await store.read(async (r) => r.head)).toBe(4)
    await expect(openStore(copy, { complete: () => false }).read(async (r) => r.head)).rejects.toMatchObject({
      code: 'copy-incomplete',
    })
  })

  it('the original does not fall back: there a missing file is corruption', async () => {
    const dir = await original(6)
    unlinkSync(join(dir, 'cas/x/command-6.json'))
    await expect(openStore(dir).read(async (r) => r.load(ca('x')))).rejects.toMatchObject({
      kind: 'corrupt',
      code: 'file-missing',
    })
  })

  it('moves what it cannot use to surplus/', async () => {
    const dir = await original(6)
    const copy = shop.copyOf(dir, 'holed')
    unlinkSync(join(copy, 'cas/y/command-3.json'))
    await openStore(copy).promote(T0)
    expect(readdirSync(join(copy, 'commits/surplus')).map((n) => n.split('.')[0])).toEqual(['6'])
    expect(readdirSync(join(copy, 'cas/x/surplus')).some((n) => n.startsWith('event-5.json.'))).toBe(true)
    expect(existsSync(layoutOf(copy).origin)).toBe(true)
  })
})

describe('the role of a directory', () => {
  it('a move keeps it primary, a copy does not, and a copy of a test directory stays primary', async () => {
    const dir = join(shop.dir, 'role')
    initDataDir(dir, { id: 'a1', createdAt: T0 })
    expect(openStore(dir).role()).toEqual({ role: 'primary' })
    execFileSync('mv', [dir, `${dir}2`])
    expect(openStore(`${dir}2`).role()).toEqual({ role: 'primary' })
    execFileSync('cp', ['-a', `${dir}2`, dir])
    expect(openStore(dir).role()).toMatchObject({ role: 'standby', reason: 'copy' })
    const test = join(shop.dir, 'test')
    initDataDir(test, { id: 'a1', createdAt: T0, test: true })
    execFileSync('cp', ['-a', test, `${test}2`])
    expect(openStore(`${test}2`).role()).toEqual({ role: 'primary' })
  })

  it('demote makes a stand-by that loses nothing, promote reverses it', async () => {
    const dir = join(shop.dir, 'demote')
    initDataDir(dir, { id: 'a1', createdAt: T0 })
    const store = openStore(dir)
    await store.write(async (w) => add(w, { x: ['1'] }))
    await store.demote(T0, 'moving house')
    await expect(store.write(async (w) => add(w, { x: ['2'] }))).rejects.toMatchObject({
      kind: 'standby',
      code: 'standby',
    })
    expect(() => store.keys.takePool(1)).toThrow(expect.objectContaining({ kind: 'standby' }))
    expect(await store.read(async (r) => wordsOf(r, 'x'))).toEqual(['1'])
    expect(await store.promote(T0)).toEqual({ commit: 1, generation: 2, dropped: [], moved: [] })
    await store.write(async (w) => add(w, { x: ['2'] }))
    expect(await store.read(async (r) => [r.generation, ...wordsOf(r, 'x')])).toEqual([2, '1', '2'])
    await expect(store.promote(T0)).rejects.toMatchObject({ code: 'promote-primary' })
  })
})
