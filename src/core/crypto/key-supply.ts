/**
 * Supplies keys to a command: one-time keys from the pool first, the rest generated on all cores while others already sign.
 * Invariant: a key is handed out once, and removed from the pool before it gets here. No lock is held while keys are generated.
 */
import { type FreshKey, importPkcs8, inFlightFor, type MakeOptions, makeKey } from './key-maker.js'
import type { KeyDemand, KeyStore } from './ports.js'

/** The source of keys of a signer. */
export interface KeySource {
  /** Returns a key to be stored; undefined if the source has no more. */
  takeLasting(): FreshKey | Promise<FreshKey> | undefined
  /** Returns a key for one object; undefined if the source has no more. */
  takeOneTime(): FreshKey | Promise<FreshKey> | undefined
}

export interface SupplyOptions extends Pick<MakeOptions, 'concurrency' | 'onProgress' | 'make'> {
  /** Called with one sentence for every pool key that was discarded. */
  readonly onNotice?: (text: string) => void
}

export interface KeySupply extends KeySource {
  takeLasting(): Promise<FreshKey>
  takeOneTime(): Promise<FreshKey>
  /** Starts generating the first of that many keys, as many as run in parallel, while the final number is unknown. Does not use the pool. */
  begin(demand: KeyDemand): void
  /** Starts generating all keys that will be requested, so that a command which requests them one by one does not wait. */
  expect(demand: KeyDemand): void
  /** Resolves when all expected keys are available. Rejects if keys cannot be generated. */
  ready(): Promise<void>
  /** Returns the demand so far. */
  taken(): KeyDemand
  /** Stops generating keys, since the command ends and must not wait for keys that are not used. Pending requests are rejected. */
  close(): void
}

/**
 * Number of new keys that are handed out together while many remain. Generating keys evicts the CPU caches: a caller that signs with several
 * keys finds its code in the cache from the second one on (a fifth of its time). Towards the end each key is handed out immediately.
 */
function handfulOf(left: number): number {
  return Math.min(8, Math.ceil(left / 8))
}

interface Waiter {
  readonly resolve: (key: FreshKey) => void
  readonly reject: (error: unknown) => void
}

/**
 * Creates a supply over the pool of `keyStore`. A stored key is always generated anew, never taken from the pool, since pool files may have
 * been copied. `onProgress` counts the generated keys.
 */
export function createKeySupply(keyStore: KeyStore, options: SupplyOptions): KeySupply {
  return new Supply(keyStore, options)
}

class Supply implements KeySupply {
  readonly #store: KeyStore
  readonly #options: SupplyOptions
  readonly #pooled: FreshKey[] = []
  readonly #fresh: FreshKey[] = []
  readonly #waiting = { lasting: [] as Waiter[], oneTime: [] as Waiter[] }
  readonly #ready: Waiter[] = []
  readonly #asked = { lasting: 0, oneTime: 0 }
  readonly #seen = new Set<string>()
  #ordered = 0
  #started = 0
  #made = 0
  #failed: { readonly error: unknown } | undefined
  #gathering = false

  constructor(store: KeyStore, options: SupplyOptions) {
    this.#store = store
    this.#options = options
  }

  takeLasting(): Promise<FreshKey> {
    return this.#take('lasting')
  }

  takeOneTime(): Promise<FreshKey> {
    return this.#take('oneTime')
  }

  taken(): KeyDemand {
    return { ...this.#asked }
  }

  close(): void {
    this.#fail(new Error('no more keys: the command has ended'))
  }

  begin({ lasting, oneTime }: KeyDemand): void {
    const width = inFlightFor(this.#options.concurrency)
    if (this.#ordered < width) this.#orderUpTo(Math.min(lasting + oneTime, width))
  }

  expect({ lasting, oneTime }: KeyDemand): void {
    if (this.#failed !== undefined) return
    this.#fromPool(oneTime)
    this.#orderUpTo(lasting + Math.max(0, oneTime - this.#pooled.length))
  }

  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#ready.push({ resolve: () => resolve(), reject })
      this.#settle()
    })
  }

  #take(kind: keyof KeyDemand): Promise<FreshKey> {
    this.#asked[kind] += 1
    if (this.#failed !== undefined) return Promise.reject(this.#failed.error)
    const pooled = kind === 'oneTime' ? this.#pooled.shift() : undefined
    // keys that are ready belong to requests that wait already
    const key = pooled ?? (this.#waitingCount() === 0 ? this.#fresh.shift() : undefined)
    if (key !== undefined) return Promise.resolve(key)
    return new Promise((resolve, reject) => {
      this.#waiting[kind].push({ resolve, reject })
      this.#gather()
    })
  }

  /** Serves all requests of one tick with one read of the pool, since taking a key costs a sync of its folder. */
  #gather(): void {
    if (this.#gathering) return
    this.#gathering = true
    queueMicrotask(() => {
      this.#gathering = false
      const { oneTime } = this.#waiting
      const missing = this.#waitingCount() - this.#fresh.length - (this.#ordered - this.#made)
      if (missing > 0) {
        const wanted = Math.min(missing, oneTime.length)
        try {
          this.#fromPool(wanted)
        } catch (error) {
          this.#fail(error)
        }
        const served = this.#pooled.splice(0, wanted)
        for (const key of served) oneTime.shift()?.resolve(key)
        this.#order(missing - served.length)
      }
      this.#settle()
    })
  }

  #orderUpTo(total: number): void {
    this.#order(Math.max(0, total - this.#ordered))
  }

  #order(count: number): void {
    this.#ordered += count
    const width = inFlightFor(this.#options.concurrency)
    while (this.#failed === undefined && this.#started < this.#ordered && this.#started - this.#made < width)
      this.#make()
  }

  #make(): void {
    this.#started += 1
    const make = this.#options.make ?? makeKey
    make().then(
      (key) => {
        this.#made += 1
        this.#options.onProgress?.(this.#made, this.#ordered)
        this.#fresh.push(key)
        this.#order(0)
        if (this.#fresh.length >= handfulOf(this.#ordered - this.#made)) this.#handOut()
        this.#settle()
      },
      (error: unknown) => this.#fail(error),
    )
  }

  #waitingCount(): number {
    return this.#waiting.lasting.length + this.#waiting.oneTime.length
  }

  #handOut(): void {
    const { lasting, oneTime } = this.#waiting
    const served = this.#fresh.splice(0, this.#waitingCount())
    for (const key of served) (lasting.shift() ?? oneTime.shift())?.resolve(key)
  }

  #fail(error: unknown): void {
    this.#failed ??= { error }
    this.#settle()
  }

  #settle(): void {
    const { lasting, oneTime } = this.#waiting
    if (this.#failed !== undefined)
      for (const { reject } of [...lasting.splice(0), ...oneTime.splice(0), ...this.#ready.splice(0)])
        reject(this.#failed.error)
    if (this.#made === this.#ordered) for (const { resolve } of this.#ready.splice(0)) resolve(undefined as never)
  }

  #fromPool(count: number): void {
    if (count === 0) return
    for (const pkcs8 of this.#store.takePool(count)) {
      try {
        const key = importPkcs8(pkcs8)
        // a file was copied inside the pool: the second copy would be a second use
        if (this.#seen.has(key.id)) this.#options.onNotice?.(`key pool: dropped a second copy of key ${key.id}`)
        else this.#pooled.push(key)
        this.#seen.add(key.id)
      } catch (error) {
        this.#options.onNotice?.(`key pool: dropped a file: ${error instanceof Error ? error.message : 'unreadable'}`)
      } finally {
        pkcs8.fill(0)
      }
    }
  }
}

/** Returns a source of the given keys. */
export function keysInHand(lasting: readonly FreshKey[] = [], oneTime: readonly FreshKey[] = []): KeySource {
  const left = { lasting: [...lasting], oneTime: [...oneTime] }
  return { takeLasting: () => left.lasting.shift(), takeOneTime: () => left.oneTime.shift() }
}
