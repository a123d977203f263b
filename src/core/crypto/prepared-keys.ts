/**
 * The keys a command will use, made before it takes the lock.
 * Invariant: a key is handed out once: each `take` removes it here, and the pool forgot it before it came here.
 */
import { type FreshKey, importPkcs8, type MakeOptions, makeKeys } from './key-maker.js'
import type { KeyDemand, KeyStore } from './ports.js'

export interface PreparedKeys {
  /** A key for `createKey`; undefined when none is left. */
  takeLasting(): FreshKey | undefined
  /** A key for one object; undefined when none is left. */
  takeOneTime(): FreshKey | undefined
  /** What was prepared and not taken. */
  left(): KeyDemand
  /** One sentence for every pool key that was dropped. */
  readonly notices: readonly string[]
}

/**
 * One-time keys come from the pool first; the rest, and every lasting key, is made now: a pool file may have been copied, and a
 * lasting key must never have lain where it was not reported. `onProgress` counts the keys that are made. Run it without the lock.
 */
export async function prepareKeys(demand: KeyDemand, keyStore: KeyStore, options: MakeOptions): Promise<PreparedKeys> {
  const pooled = demand.oneTime > 0 ? takeFromPool(keyStore, demand.oneTime) : { keys: [], notices: [] }
  const missing = demand.oneTime - pooled.keys.length
  const made = await makeKeys(demand.lasting + missing, options)
  return preparedKeys(made.slice(0, demand.lasting), [...pooled.keys, ...made.slice(demand.lasting)], pooled.notices)
}

/** Keys in hand, as `PreparedKeys`. */
export function preparedKeys(
  lasting: readonly FreshKey[] = [],
  oneTime: readonly FreshKey[] = [],
  notices: readonly string[] = [],
): PreparedKeys {
  const lastingLeft = [...lasting]
  const oneTimeLeft = [...oneTime]
  return {
    takeLasting: () => lastingLeft.shift(),
    takeOneTime: () => oneTimeLeft.shift(),
    left: () => ({ lasting: lastingLeft.length, oneTime: oneTimeLeft.length }),
    notices,
  }
}

function takeFromPool(keyStore: KeyStore, count: number): { keys: readonly FreshKey[]; notices: readonly string[] } {
  const keys = new Map<string, FreshKey>()
  const notices: string[] = []
  for (const pkcs8 of keyStore.takePool(count)) {
    try {
      const key = importPkcs8(pkcs8)
      // Somebody copied a file inside the pool: the second copy would be a second use.
      if (keys.has(key.id)) notices.push(`key pool: dropped a second copy of key ${key.id}`)
      else keys.set(key.id, key)
    } catch (error) {
      notices.push(`key pool: dropped a file: ${error instanceof Error ? error.message : 'unreadable'}`)
    } finally {
      pkcs8.fill(0)
    }
  }
  return { keys: [...keys.values()], notices }
}
