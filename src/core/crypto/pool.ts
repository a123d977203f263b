/** Filling the key pool: one-time keys made ahead, each durable in the pool and forgotten here, so that only `takePool` can hand it out. */

import { exportPkcs8, type FreshKey, inFlightFor, type MakeOptions, makeKey } from './key-maker.js'
import { inLanes } from './lanes.js'
import type { KeyStore } from './ports.js'

/**
 * Makes keys until the pool holds `target`; returns how many it made. The size is read again before every key: two runs at once
 * overshoot by no more than what they have in flight. A failing `putPool` stops it; the keys already put stay. Run it without the lock.
 */
export async function fillPool(keyStore: KeyStore, target: number, options: MakeOptions): Promise<number> {
  const make = options.make ?? makeKey
  const total = Math.max(0, target - keyStore.poolSize())
  let inFlight = 0
  let made = 0
  const next = async (): Promise<void> => {
    inFlight++
    try {
      put(keyStore, await make())
    } finally {
      inFlight--
    }
    made++
    options.onProgress?.(made, total)
  }
  await inLanes(Math.min(inFlightFor(options.concurrency), total), () => {
    if (made + inFlight >= total || keyStore.poolSize() + inFlight >= target) return undefined
    options.signal?.throwIfAborted()
    return next()
  })
  return made
}

function put(keyStore: KeyStore, key: FreshKey): void {
  const pkcs8 = exportPkcs8(key.privateKey)
  try {
    keyStore.putPool(key.id, pkcs8)
  } finally {
    pkcs8.fill(0)
  }
}
