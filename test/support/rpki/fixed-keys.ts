/** RSA-2048 keys of the test suite, public in the repository: a test that needs a key does not spend 180 ms to make one. */
import crypto, { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { type FreshKey, importPkcs8 } from '../../../src/core/crypto/key-maker.js'
import { type KeySource, keysInHand } from '../../../src/core/crypto/key-supply.js'

const ENCODED: readonly string[] = JSON.parse(readFileSync(new URL('fixed-keys.json', import.meta.url), 'utf8'))
const loaded = new Map<number, FreshKey>()

export const FIXED_KEYS = ENCODED.length

/** Returns the PKCS#8 DER of fixed key `index` (0 to FIXED_KEYS - 1), a new copy on each call. */
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
 * Returns a source of prepared keys: the fixed ones as lasting keys (from `first` on, each once), and in rotation as one-time keys.
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

const { generateKeyPair } = crypto
let drawn = 0
let inUse = new Set<string>()

/** Returns the next fixed key, in rotation, that is not in use. */
function draw(): FreshKey | undefined {
  for (let n = 0; n < FIXED_KEYS; n++) {
    const key = fixedKey(drawn++ % FIXED_KEYS)
    if (!inUse.has(key.id)) return key
  }
  return undefined
}

function drawOrThrow(): FreshKey {
  const key = draw()
  if (key === undefined) throw new Error(`all ${FIXED_KEYS} fixed keys are in use`)
  return key
}

function replaceKeys(next: () => FreshKey | undefined): void {
  const fake = (type: string, options: { modulusLength?: number }, done: (...results: readonly unknown[]) => void) => {
    const key = type === 'rsa' && options.modulusLength === 2048 ? next() : undefined
    if (key === undefined) return generateKeyPair(type as 'rsa', options as never, done)
    setImmediate(done, null, createPublicKey(key.privateKey), key.privateKey)
  }
  Object.assign(crypto, { generateKeyPair: fake })
  syncBuiltinESMExports()
}

/**
 * Replaces the generation of RSA-2048 keys in this process: each is a fixed key other than `ids`, at once. Pass the lasting keys of the data
 * directory, since a second CA with the same key would share its file. `makeRealKeys` ends it.
 */
export function makeFixedKeys(ids: Iterable<string>): void {
  inUse = new Set(ids)
  replaceKeys(drawOrThrow)
}

/**
 * Replaces it until the fixed keys other than `ids` have been used, each of them once; then real keys are made. Pass all keys of the data
 * directory, those in its pool too.
 */
export function makeFixedKeysOnce(ids: Iterable<string>): void {
  inUse = new Set(ids)
  replaceKeys(() => {
    const key = draw()
    if (key !== undefined) inUse.add(key.id)
    return key
  })
}

/** Skips so many fixed keys of the rotation, so that processes begin with different ones. */
export function skipFixedKeys(count: number): void {
  drawn += count
}

/** Ends what `makeFixedKeys` began. */
export function makeRealKeys(): void {
  Object.assign(crypto, { generateKeyPair })
  syncBuiltinESMExports()
}
