import { describe, expect, it } from 'vitest'
import { utf8 } from '../../../src/core/base/bytes.js'
import type { FreshKey } from '../../../src/core/crypto/key-maker.js'
import { createKeySupply } from '../../../src/core/crypto/key-supply.js'
import { fixedKey, fixedKeyMaker, fixedPkcs8 } from '../../support/rpki/fixed-keys.js'
import { fixedPool } from '../../support/store/memory-key-store.js'

const ids = (...indexes: readonly number[]) => indexes.map((index) => fixedKey(index).id)

async function oneTimes(supply: ReturnType<typeof createKeySupply>, count: number): Promise<readonly string[]> {
  return (await Promise.all(Array.from({ length: count }, () => supply.takeOneTime()))).map((key) => key.id)
}

describe('a key supply', () => {
  it('takes one-time keys from the pool first and makes the rest', async () => {
    const store = fixedPool(4, 5, 6)
    const source = fixedKeyMaker()
    const progress: number[] = []
    const onProgress = (made: number, total: number) => void progress.push(made, total)
    const supply = createKeySupply(store, { concurrency: 1, make: source.make, onProgress })
    expect(await oneTimes(supply, 2)).toEqual(ids(4, 5))
    expect([source.made, store.poolSize()]).toEqual([0, 1])
    expect(await oneTimes(supply, 3)).toEqual(ids(6, 0, 1))
    expect(progress).toEqual([1, 2, 2, 2])
    expect([store.poolSize(), supply.taken()]).toEqual([0, { lasting: 0, oneTime: 5 }])
  })
  it('looks into the pool once for all who ask in one go', async () => {
    const store = fixedPool(0, 1, 2, 3, 4, 5)
    let syncs = 0
    store.onStep = (step) => {
      if (step === 'sync') syncs += 1
    }
    await oneTimes(createKeySupply(store, { concurrency: 1, make: fixedKeyMaker().make }), 6)
    expect(syncs).toBe(1)
  })
  it('makes lasting keys afresh, whatever the pool holds', async () => {
    const store = fixedPool(4, 5, 6)
    const supply = createKeySupply(store, { concurrency: 1, make: fixedKeyMaker().make })
    expect([(await supply.takeLasting()).id, (await supply.takeLasting()).id]).toEqual(ids(0, 1))
    expect(store.poolSize()).toBe(3)
  })
  it('makes what is expected before it is asked for, and no more', async () => {
    const source = fixedKeyMaker()
    const supply = createKeySupply(fixedPool(7), { concurrency: 2, make: source.make })
    supply.expect({ lasting: 1, oneTime: 3 })
    await supply.ready()
    expect(source.made).toBe(3)
    const lasting = supply.takeLasting()
    const [one, two] = [supply.takeOneTime(), supply.takeOneTime()]
    const keys = await Promise.all([lasting, one, two, supply.takeOneTime()])
    expect(new Set(keys.map((key) => key.id)).size).toBe(4)
    expect(source.made).toBe(3)
  })
  it('hands out the first key while the second is being made', async () => {
    let release: (() => void) | undefined
    let made = 0
    const make = async (): Promise<FreshKey> => {
      if (++made === 2)
        await new Promise<void>((resolve) => {
          release = resolve
        })
      return fixedKey(made - 1)
    }
    const supply = createKeySupply(fixedPool(), { concurrency: 1, make })
    supply.expect({ lasting: 0, oneTime: 2 })
    expect((await supply.takeOneTime()).id).toBe(fixedKey(0).id)
    release?.()
    expect((await supply.takeOneTime()).id).toBe(fixedKey(1).id)
  })
  it('begins with what is known so far, no more than are made at once, and all that is expected comes to the same', async () => {
    const source = fixedKeyMaker()
    const store = fixedPool(7)
    const supply = createKeySupply(store, { concurrency: 1, make: source.make })
    for (let known = 1; known <= 6; known++) {
      supply.begin({ lasting: 1, oneTime: known - 1 })
      expect(source.made).toBe(Math.min(known, 5))
    }
    expect(store.poolSize()).toBe(1)
    supply.expect({ lasting: 1, oneTime: 6 })
    await supply.ready()
    expect([source.made, store.poolSize()]).toEqual([6, 0])
    expect(new Set([(await supply.takeLasting()).id, ...(await oneTimes(supply, 6))]).size).toBe(7)
    expect(source.made).toBe(6)
  })
  it('hands out eight at a time while many are to be made, and each at once towards the end', async () => {
    const releases: (() => void)[] = []
    const make = async (): Promise<FreshKey> => {
      await new Promise<void>((resolve) => void releases.push(resolve))
      return fixedKey(0)
    }
    const supply = createKeySupply(fixedPool(), { concurrency: 1, make })
    supply.expect({ lasting: 0, oneTime: 80 })
    let served = 0
    const ask = (): void => void supply.takeOneTime().then(() => served++)
    for (let i = 0; i < 70; i++) ask()
    const finish = async (count: number): Promise<number> => {
      for (let i = 0; i < count; i++) {
        releases.shift()?.()
        await new Promise((resolve) => setImmediate(resolve))
      }
      return served
    }
    expect([await finish(7), await finish(1), await finish(3)]).toEqual([0, 8, 8])
    ask()
    expect([await finish(59), await finish(2)]).toEqual([70, 71])
    expect(await finish(8)).toBe(71)
  })
  it('makes one for each who asks, though some lie ready for those who asked before', async () => {
    const source = fixedKeyMaker()
    let turn = 0
    const make = async (): Promise<FreshKey> => {
      await new Promise((resolve) => setTimeout(resolve, turn++))
      source.made += 1
      return fixedKey(0)
    }
    const supply = createKeySupply(fixedPool(), { concurrency: 1, make })
    const asked = Array.from({ length: 20 }, () => supply.takeOneTime())
    while (source.made < 2) await new Promise((resolve) => setImmediate(resolve))
    asked.push(supply.takeOneTime())
    expect(await Promise.all(asked)).toHaveLength(21)
    expect(source.made).toBe(21)
  })
  it('keeps every core busy and no more than four keys beyond', async () => {
    let inFlight = 0
    let most = 0
    const make = async (): Promise<FreshKey> => {
      most = Math.max(most, ++inFlight)
      await new Promise((resolve) => setImmediate(resolve))
      inFlight--
      return fixedKey(0)
    }
    expect(await oneTimes(createKeySupply(fixedPool(), { concurrency: 4, make }), 50)).toHaveLength(50)
    expect(most).toBe(8)
  })
  it('tells everybody who waits when keys cannot be made, and makes no more', async () => {
    let started = 0
    const make = async (): Promise<FreshKey> => {
      if (++started === 2) throw new Error('no entropy')
      return fixedKey(0)
    }
    const supply = createKeySupply(fixedPool(), { concurrency: 1, make })
    supply.expect({ lasting: 0, oneTime: 50 })
    const asked = Array.from({ length: 50 }, () => supply.takeOneTime())
    const settled = await Promise.allSettled([...asked, supply.ready()])
    expect(settled.filter((s) => s.status === 'rejected').length).toBeGreaterThan(45)
    expect(settled.at(-1)).toMatchObject({ reason: new Error('no entropy') })
    expect(started).toBeLessThan(7)
    await expect(supply.takeOneTime()).rejects.toThrow('no entropy')
  })
  it('makes no more keys once it is closed, and refuses who still waits', async () => {
    const source = fixedKeyMaker()
    const supply = createKeySupply(fixedPool(), { concurrency: 1, make: source.make })
    supply.expect({ lasting: 0, oneTime: 50 })
    const waiting = supply.takeOneTime()
    supply.close()
    await expect(waiting).rejects.toThrow('the command has ended')
    await new Promise((resolve) => setImmediate(resolve))
    expect(source.made).toBe(5)
  })
  it.each([
    ['a file that is no key', utf8('half a write'), 'not a PKCS#8 private key'],
    ['a second copy of a key', fixedPkcs8(4), `second copy of key ${fixedKey(4).id}`],
    ['a damaged key', damaged(fixedPkcs8(5)), 'private numbers'],
  ])('drops %s from the pool with a notice and makes another', async (_, bytes, notice) => {
    const store = fixedPool(4)
    store.plantPool('planted', bytes)
    const notices: string[] = []
    const onNotice = (text: string) => void notices.push(text)
    const supply = createKeySupply(store, { concurrency: 1, make: fixedKeyMaker().make, onNotice })
    expect(await oneTimes(supply, 2)).toEqual(ids(4, 0))
    expect(notices).toEqual([expect.stringContaining(notice)])
    expect(store.poolSize()).toBe(0)
  })
  it('gives no key at all when the pool cannot forget one', async () => {
    const store = fixedPool(4, 5)
    store.onStep = (step) => {
      if (step === 'sync') throw new Error('EIO')
    }
    const supply = createKeySupply(store, { concurrency: 1, make: fixedKeyMaker().make })
    await expect(oneTimes(supply, 2)).rejects.toThrow('EIO')
    expect(() => supply.expect({ lasting: 0, oneTime: 2 })).not.toThrow()
    await expect(supply.ready()).rejects.toThrow('EIO')
  })
})

/** One bit of the private exponent flipped: OpenSSL reads it without a word. */
function damaged(pkcs8: Uint8Array): Uint8Array {
  pkcs8[400] = (pkcs8[400] ?? 0) ^ 1
  return pkcs8
}
