/** Several writers, with the lock and with a lock that fails: acknowledged commits exist, and a writer that lost the race gets an error. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../../src/core/store/commit/file-store.js'
import { initDataDir } from '../../src/core/store/directory/init-data-dir.js'
import { add, T0, wordsOf } from '../support/store/store.js'
import { strangers, wholeHistory } from '../support/store/store-audit.js'
import { run, type Workshop, workshop } from '../support/store/store-process.js'

let shop: Workshop
beforeAll(async () => {
  shop = await workshop()
})
afterAll(() => shop.remove())

function acknowledged(out: string): readonly string[] {
  return [...out.matchAll(/^ok (\S+)$/gm)].map((m) => m[1] ?? '')
}

describe('writers that race', () => {
  const rounds = process.env['SLOW'] === '1' ? 10 : 2
  for (let round = 0; round < rounds; round++) {
    it(`without any lock: no acknowledged commit is lost (round ${round})`, async () => {
      const dir = join(shop.dir, `race${round}`)
      initDataDir(dir, { id: 'a1', createdAt: T0, test: true })
      const count = 40
      const all = await Promise.all(
        ['a', 'b', 'c', 'd'].map((prefix) => run(shop, 'many', dir, { prefix, count, locked: false })),
      )
      const acks = all.flatMap(({ out }) => acknowledged(out))
      const lost = all.flatMap(({ out }) => [...out.matchAll(/^no \S+ (\S+) (\S+) (.*)$/gm)])
      expect(acks.length + lost.length).toBe(4 * count)
      expect(acks.length).toBeGreaterThan(10)
      expect(lost.length).toBeGreaterThan(0)
      const others = lost.filter((m) => m[2] !== 'commit-lost').map((m) => `${m[1]} ${m[2]} ${m[3]}`)
      expect(others).toEqual([])
      const store = openStore(dir)
      const history = await wholeHistory(store)
      expect([...(history['x'] ?? [])].sort()).toEqual([...acks].sort())
      await store.write(async (w) => add(w, { x: ['after'], y: ['after'] }))
      expect((await wholeHistory(openStore(dir)))['x']).toEqual([...(history['x'] ?? []), 'after'])
      expect(await strangers(store)).toEqual([])
    }, 120_000)
  }

  it('with the lock: all succeed, one after the other', async () => {
    const dir = join(shop.dir, 'storm')
    initDataDir(dir, { id: 'a1', createdAt: T0, test: true })
    const all = await Promise.all(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((prefix) => run(shop, 'many', dir, { prefix, count: 4, locked: true })),
    )
    const acks = all.flatMap(({ out }) => acknowledged(out))
    expect(acks).toHaveLength(24)
    const store = openStore(dir)
    expect(await store.read(async (r) => [...wordsOf(r, 'x')].sort())).toEqual([...acks].sort())
    expect((await wholeHistory(store))['x']).toHaveLength(24)
  }, 120_000)
})
