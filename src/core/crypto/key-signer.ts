/**
 * The `Signer` port over a key store and a signature engine; decides when keys become durable and which are used once.
 * Invariant: no key id leaves `createKey` before its private half is durable; a one-time key signs once.
 */
import { AppError } from '../base/errors.js'
import { exportPkcs8, type FreshKey, importPkcs8 } from './key-maker.js'
import type { KeySource } from './key-supply.js'
import type { KeyId, KeyStore, OneTimeKey, PublicKey, Signer } from './ports.js'

/** Number of loaded keys kept per process: a command works on a few CAs at a time, each with one or two keys. */
const CACHED_KEYS = 64

export interface SignerInit {
  readonly keyStore: KeyStore
  readonly source: KeySource
}

/** A signature engine; `K` is its form of a private key. */
export interface SignatureEngine<K> {
  make(): Promise<FreshKey>
  adopt(key: FreshKey): Promise<K>
  sign(key: K, tbs: Uint8Array): Promise<Uint8Array>
}

interface Loaded<K> {
  readonly key: K
  readonly publicKey: PublicKey
}

export function createSigner<K>(engine: SignatureEngine<K>, { keyStore, source }: SignerInit): Signer {
  const cache = new Map<KeyId, Promise<Loaded<K>>>()
  const load = (id: KeyId): Promise<Loaded<K>> => {
    const found = cache.get(id) ?? loadKey(engine, keyStore, id)
    cache.delete(id)
    cache.set(id, found)
    for (const oldest of cache.keys()) if (cache.size > CACHED_KEYS) cache.delete(oldest)
    // a key that cannot be read now may be readable after a repair
    found.catch(() => cache.delete(id))
    return found
  }
  return {
    async createKey() {
      const fresh = (await source.takeLasting()) ?? (await engine.make())
      const pkcs8 = exportPkcs8(fresh.privateKey)
      try {
        keyStore.put(fresh.id, pkcs8)
      } finally {
        pkcs8.fill(0)
      }
      return publicHalf(fresh)
    },
    publicKey: async (id) => (await load(id)).publicKey,
    sign: async (id, tbs) => engine.sign((await load(id)).key, tbs),
    async signOneOff(build) {
      return useOnce(engine, (await source.takeOneTime()) ?? (await engine.make()), build)
    },
    async destroyKey(id) {
      cache.delete(id)
      keyStore.remove(id)
    },
  }
}

/**
 * Returns the public half of a stored key. Throws the errors of the store, and `key-corrupt` (corrupt) if the file is not an RSA-2048 key
 * or belongs to another identifier.
 */
export function readPublicKey(keyStore: KeyStore, id: KeyId): PublicKey {
  return publicHalf(readKey(keyStore, id))
}

async function loadKey<K>(engine: SignatureEngine<K>, keyStore: KeyStore, id: KeyId): Promise<Loaded<K>> {
  const fresh = readKey(keyStore, id)
  return { key: await engine.adopt(fresh), publicKey: publicHalf(fresh) }
}

function readKey(keyStore: KeyStore, id: KeyId): FreshKey {
  const pkcs8 = keyStore.get(id)
  let key: FreshKey
  try {
    key = importPkcs8(pkcs8)
  } catch (error) {
    throw corrupt(id, error instanceof Error ? error.message : 'unreadable')
  }
  if (key.id !== id) throw corrupt(id, `the key in it is ${key.id}`)
  return key
}

function corrupt(id: KeyId, what: string): AppError {
  return new AppError('corrupt', 'key-corrupt', `keys/${id}: ${what}`, {
    hint: 'restore this file from a backup',
    details: { key: id },
  })
}

async function useOnce<K, T>(
  engine: SignatureEngine<K>,
  fresh: FreshKey,
  build: (key: OneTimeKey) => Promise<T>,
): Promise<T> {
  let unused: FreshKey | undefined = fresh
  let signature: Promise<Uint8Array> | undefined
  const sign = async (tbs: Uint8Array): Promise<Uint8Array> => {
    if (unused === undefined) throw new TypeError(`one-time key ${fresh.id} signs once`)
    const key = unused
    unused = undefined
    signature = engine.adopt(key).then((adopted) => engine.sign(adopted, tbs))
    return signature
  }
  try {
    return await build({ ...publicHalf(fresh), sign })
  } finally {
    unused = undefined
    // the builder did not wait for its signature: the key is in use until that ends
    await signature?.catch(() => undefined)
  }
}

function publicHalf({ id, spki }: FreshKey): PublicKey {
  return { id, spki }
}
