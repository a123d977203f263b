import { describe, expect, it } from 'vitest'
import { type FreshKey, inFlightFor } from '../../../src/core/crypto/key-maker.js'
import { fillPool } from '../../../src/core/crypto/pool.js'
import { fixedKeyMaker, fixedPkcs8 } from '../../support/rpki/fixed-keys.js'
import { hollowKey } from '../../support/rpki/hollow-keys.js'
import { fixedPool } from '../../support/store/memory-key-store.js'

describe('fillPool', () => {
  it('makes what is missing, and nothing when the pool is full or off', async () => {
    const store = fixedPool(4)
    const source = fixedKeyMaker()
    const options = { concurrency: 2, make: source.make }
    expect(await fillPool(store, 3, options)).toBe(2)
    expect(await fillPool(store, 3, options)).toBe(0)
    expect(await fillPool(store, 0, options)).toBe(0)
    expect([store.poolSize(), source.made]).toEqual([3, 2])
    expect(store.takePool(3)).toEqual([fixedPkcs8(4), fixedPkcs8(0), fixedPkcs8(1)])
  })
  it('stops where the store fails, keeping the keys already put', async () => {
    const store = fixedPool()
    let puts = 0
    store.onStep = () => {
      if (++puts === 3) throw new Error('ENOSPC')
    }
    await expect(fillPool(store, 30, { concurrency: 1, make: hollowKeys() })).rejects.toThrow('ENOSPC')
    expect(store.poolSize()).toBeGreaterThanOrEqual(2)
    expect(store.poolSize()).toBeLessThan(3 + inFlightFor(1))
  })
  it('overshoots by what is in flight at most when another process fills too', async () => {
    const store = fixedPool()
    const options = { concurrency: 1, make: hollowKeys() }
    await Promise.all([fillPool(store, 30, options), fillPool(store, 30, options)])
    expect(store.poolSize()).toBeGreaterThanOrEqual(30)
    expect(store.poolSize()).toBeLessThanOrEqual(30 + inFlightFor(1))
  })
})

/** As many as are wanted, one after the other. */
function hollowKeys(): () => Promise<FreshKey> {
  let next = 0
  return async () => hollowKey(next++)
}
