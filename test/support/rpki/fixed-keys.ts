/** Eight RSA-2048 keys of the test suite, public in the repository: a test that needs a key does not spend 180 ms to make one. */
import { readFileSync } from 'node:fs'
import { type FreshKey, importPkcs8 } from '../../../src/core/crypto/key-maker.js'
import { type KeySource, keysInHand } from '../../../src/core/crypto/key-supply.js'

const ENCODED: readonly string[] = JSON.parse(readFileSync(new URL('fixed-keys.json', import.meta.url), 'utf8'))
const loaded = new Map<number, FreshKey>()

export const FIXED_KEYS = ENCODED.length

/** Returns the PKCS#8 DER of fixed key `index` (0 to 7), a new copy on each call. */
export function fixedPkcs8(index: number): Uint8Array {
  const text = ENCODED[index]
  if (text === undefined) throw new RangeError(`there are ${FIXED_KEYS} fixed keys, no number ${index}`)
  return new Uint8Array(Buffer.from(text, 'base64'))
}

export function fixedKey(index: number): FreshKey {
  const key = loaded.get(index) ?? importPkcs8(fixedPkcs8(index))
  loaded.set(index, key)
  return key
}

/**
 * Returns a source of prepared keys: the fixed ones as lasting keys (`first` to 7, each once), and in rotation as one-time keys.
 * What a test signs with them is valid, except that the keys are not one-time.
 */
export function fixedKeys(first = 0): KeySource {
  let lasting = first
  let oneTime = 0
  return {
    ...keysInHand(),
    takeLasting: () => (lasting < FIXED_KEYS ? fixedKey(lasting++) : undefined),
    takeOneTime: () => fixedKey(oneTime++ % FIXED_KEYS),
  }
}

/** Returns a key maker that makes the fixed keys from `first` on and counts them. */
export function fixedKeyMaker(first = 0): { readonly make: () => Promise<FreshKey>; made: number } {
  const source = { made: 0, make: async () => fixedKey(first + source.made++) }
  return source
}
