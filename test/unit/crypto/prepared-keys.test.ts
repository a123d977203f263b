import { describe, expect, it } from 'vitest'
import { utf8 } from '../../../src/core/base/bytes.js'
import type { FreshKey } from '../../../src/core/crypto/key-maker.js'
import { fillPool } from '../../../src/core/crypto/pool.js'
import { prepareKeys } from '../../../src/core/crypto/prepared-keys.js'
import { fixedKey, fixedPkcs8 } from '../../support/fixed-keys.js'
import { createMemoryKeyStore, type MemoryKeyStore } from '../../support/memory-key-store.js'

/** Makes fixed keys from `first` on. */
function maker(first = 0): { readonly make: () => Promise<FreshKey>; made: number } {
  const source = { made: 0, make: async () => fixedKey(first + source.made++) }
  return source
}

function poolOf(...indexes: readonly number[]): MemoryKeyStore {
  return createMemoryKeyStore(
    new Map(),
    new Map(indexes.map((index) => [fixedKey(index).id as string, fixedPkcs8(index)])),
  )
}

const ids = (...indexes: readonly number[]) => indexes.map((index) => fixedKey(index).id)

describe('prepareKeys', () => {
  it('takes one-time keys from the pool first and makes the rest', async () => {
    const store = poolOf(4, 5, 6)
    const source = maker()
    const prepared = await prepareKeys({ lasting: 0, oneTime: 2 }, store, { concurrency: 2, make: source.make })
    expect([prepared.takeOneTime()?.id, prepared.takeOneTime()?.id, prepared.takeOneTime()]).toEqual([
      ...ids(4, 5),
      undefined,
    ])
    expect([source.made, store.poolSize()]).toEqual([0, 1])
    const progress: number[] = []
    const onProgress = (made: number, total: number) => void progress.push(made, total)
    const more = await prepareKeys({ lasting: 0, oneTime: 3 }, store, { concurrency: 1, make: source.make, onProgress })
    expect([more.takeOneTime()?.id, more.takeOneTime()?.id, more.takeOneTime()?.id]).toEqual(ids(6, 0, 1))
    expect(progress).toEqual([1, 2, 2, 2])
    expect(store.poolSize()).toBe(0)
  })
  it('makes lasting keys afresh, whatever the pool holds', async () => {
    const store = poolOf(4, 5, 6)
    const prepared = await prepareKeys({ lasting: 2, oneTime: 0 }, store, { concurrency: 1, make: maker().make })
    expect(prepared.left()).toEqual({ lasting: 2, oneTime: 0 })
    expect([prepared.takeLasting()?.id, prepared.takeLasting()?.id, prepared.takeLasting()]).toEqual([
      ...ids(0, 1),
      undefined,
    ])
    expect(store.poolSize()).toBe(3)
  })
  it.each([
    ['a file that is no key', utf8('half a write'), 'not a PKCS#8 private key'],
    ['a second copy of a key', fixedPkcs8(4), `second copy of key ${fixedKey(4).id}`],
    ['a damaged key', damaged(fixedPkcs8(5)), 'private numbers'],
  ])('drops %s from the pool with a notice and makes another', async (_, bytes, notice) => {
    const store = poolOf(4)
    store.plantPool('planted', bytes)
    const prepared = await prepareKeys({ lasting: 0, oneTime: 2 }, store, { concurrency: 1, make: maker().make })
    expect([prepared.takeOneTime()?.id, prepared.takeOneTime()?.id]).toEqual(ids(4, 0))
    expect(prepared.notices).toEqual([expect.stringContaining(notice)])
    expect(store.poolSize()).toBe(0)
  })
  it('gives no key at all when the pool cannot forget one', async () => {
    const store = poolOf(4, 5)
    store.onStep = (step) => {
      if (step === 'sync') throw new Error('EIO')
    }
    const asked = prepareKeys({ lasting: 0, oneTime: 2 }, store, { concurrency: 1, make: maker().make })
    await expect(asked).rejects.toThrow('EIO')
  })
})

describe('fillPool', () => {
  it('makes what is missing, and nothing when the pool is full or off', async () => {
    const store = poolOf(4)
    const source = maker()
    const options = { concurrency: 2, make: source.make }
    expect(await fillPool(store, 3, options)).toBe(2)
    expect(await fillPool(store, 3, options)).toBe(0)
    expect(await fillPool(store, 0, options)).toBe(0)
    expect([store.poolSize(), source.made]).toEqual([3, 2])
    expect(store.takePool(3)).toEqual([fixedPkcs8(4), fixedPkcs8(0), fixedPkcs8(1)])
  })
  it('stops where the store fails, keeping the keys already put', async () => {
    const store = poolOf()
    let puts = 0
    store.onStep = () => {
      if (++puts === 3) throw new Error('ENOSPC')
    }
    await expect(fillPool(store, 8, { concurrency: 1, make: maker().make })).rejects.toThrow('ENOSPC')
    expect(store.poolSize()).toBeGreaterThanOrEqual(2)
    expect(store.poolSize()).toBeLessThan(5)
  })
  it('overshoots by what is in flight at most when another process fills too', async () => {
    const store = poolOf()
    const options = { concurrency: 1, make: maker().make }
    await Promise.all([fillPool(store, 4, options), fillPool(store, 4, options)])
    expect(store.poolSize()).toBeGreaterThanOrEqual(4)
    expect(store.poolSize()).toBeLessThanOrEqual(6)
  })
})

/** One bit of the private exponent flipped: OpenSSL reads it without a word. */
function damaged(pkcs8: Uint8Array): Uint8Array {
  pkcs8[400] = (pkcs8[400] ?? 0) ^ 1
  return pkcs8
}
