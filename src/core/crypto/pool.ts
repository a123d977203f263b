/** Fills the key pool with one-time keys made in advance. Each is durable in the pool and dropped here, so that only `takePool` can hand it out. */
import pLimit from 'p-limit'
import { exportPkcs8, type FreshKey, inFlightFor, type MakeOptions, makeKey } from './key-maker.js'
import type { KeyStore } from './ports.js'

/**
 * Makes keys until the pool holds `target` and returns how many were made. The size is read again before every key: two processes at
 * once overshoot by no more than what they have in flight. The first failure (of `putPool`, say) stops it; it is thrown when all that
 * was in flight has ended, and the keys already put stay. Call it without the write lock.
 */
export async function fillPool(keyStore: KeyStore, target: number, options: MakeOptions): Promise<number> {
  const make = options.make ?? makeKey
  const total = Math.max(0, target - keyStore.poolSize())
  const failures: unknown[] = []
  let inFlight = 0
  let made = 0
  const makeOne = async (): Promise<void> => {
    if (failures.length > 0 || keyStore.poolSize() + inFlight >= target) return
    options.signal?.throwIfAborted()
    inFlight++
    try {
      put(keyStore, await make())
    } finally {
      inFlight--
    }
    made++
    options.onProgress?.(made, total)
  }
  const limit = pLimit(inFlightFor(options.concurrency))
  const jobs = Array.from({ length: total }, () => limit(() => makeOne().catch((error) => failures.push(error))))
  await Promise.all(jobs)
  if (failures.length > 0) throw failures[0]
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
