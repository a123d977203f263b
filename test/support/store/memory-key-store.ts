/** In-memory key store that fails and crashes where a test requests it: the durable steps are those of the adapter on disk. */
import { AppError } from '../../../src/core/base/errors.js'
import type { KeyId, KeyStore } from '../../../src/core/crypto/ports.js'
import { fixedKey, fixedPkcs8 } from '../rpki/fixed-keys.js'

/** Every point at which a process can die around something durable. */
export type KeyStoreStep = 'put' | 'unlink' | 'sync' | 'put-pool'

export interface MemoryKeyStore extends KeyStore {
  /** Files readable by others: `get` refuses them. */
  readonly exposed: Set<KeyId>
  /** Called before each step; throw to fail it. A death between `unlink` and `sync` may or may not bring the files back. */
  onStep: (step: KeyStoreStep) => void
  /** True if unlinks that were not synced survive a crash. */
  unlinksSurvive: boolean
  /** Returns a store with the same files, like a copy of the directory at this instant. */
  copy(): MemoryKeyStore
  /** Adds a file to the pool unchanged. */
  plantPool(name: string, bytes: Uint8Array): void
}

export function createMemoryKeyStore(
  keys: ReadonlyMap<KeyId, Uint8Array> = new Map(),
  pool: ReadonlyMap<string, Uint8Array> = new Map(),
): MemoryKeyStore {
  const lasting = cloneFiles(keys)
  const pooled = cloneFiles(pool)
  const store: MemoryKeyStore = {
    exposed: new Set(),
    onStep: () => undefined,
    unlinksSurvive: true,
    put(id, pkcs8) {
      store.onStep('put')
      lasting.set(id, new Uint8Array(pkcs8))
    },
    get(id) {
      const found = lasting.get(id)
      if (found === undefined) throw new AppError('corrupt', 'key-missing', `keys/${id}: no such key`)
      if (store.exposed.has(id)) throw new AppError('credentials', 'key-exposed', `keys/${id}: others can read it`)
      return found.slice()
    },
    remove: (id) => void lasting.delete(id),
    list: () => [...lasting.keys()].sort(),
    takePool: (count) => takePool(store, pooled, count),
    putPool(id, pkcs8) {
      store.onStep('put-pool')
      pooled.set(id, new Uint8Array(pkcs8))
    },
    poolSize: () => pooled.size,
    wipePool: () => pooled.clear(),
    copy: () => createMemoryKeyStore(lasting, pooled),
    plantPool: (name, bytes) => void pooled.set(name, new Uint8Array(bytes)),
  }
  return store
}

function takePool(store: MemoryKeyStore, pooled: Map<string, Uint8Array>, count: number): readonly Uint8Array[] {
  const names = [...pooled.keys()].slice(0, count)
  const taken = names.map((name) => pooled.get(name)?.slice() ?? new Uint8Array())
  const unlinked: string[] = []
  try {
    for (const name of names) {
      store.onStep('unlink')
      unlinked.push(name)
    }
    store.onStep('sync')
  } catch (death) {
    if (store.unlinksSurvive) for (const name of unlinked) pooled.delete(name)
    throw death
  }
  for (const name of names) pooled.delete(name)
  return taken
}

function cloneFiles<K>(files: ReadonlyMap<K, Uint8Array>): Map<K, Uint8Array> {
  return new Map([...files].map(([name, bytes]) => [name, new Uint8Array(bytes)]))
}

/** Returns a store with these fixed keys in its pool. */
export function fixedPool(...indexes: readonly number[]): MemoryKeyStore {
  return createMemoryKeyStore(
    new Map(),
    new Map(indexes.map((index) => [fixedKey(index).id as string, fixedPkcs8(index)])),
  )
}
