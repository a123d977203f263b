/**
 * Keys as a command asks for them: one-time keys from the pool first, the rest made on all cores while others already sign.
 * Invariant: a key is handed out once, and the pool forgot it before it came here. No lock is held while keys are made.
 */
import { type FreshKey, importPkcs8, inFlightFor, type MakeOptions, makeKey } from './key-maker.js'
import type { KeyDemand, KeyStore } from './ports.js'

/** Where a signer takes its keys. */
export interface KeySource {
  /** A key to be kept. Undefined when there is none and none will come. */
  takeLasting(): FreshKey | Promise<FreshKey> | undefined
  /** A key for one object. Undefined when there is none and none will come. */
  takeOneTime(): FreshKey | Promise<FreshKey> | undefined
}

export interface SupplyOptions extends Pick<MakeOptions, 'concurrency' | 'onProgress' | 'make'> {
  /** One sentence for every pool key that was dropped. */
  readonly onNotice?: (text: string) => void
}

export interface KeySupply extends KeySource {
  takeLasting(): Promise<FreshKey>
  takeOneTime(): Promise<FreshKey>
  /** Begins with the first of so many keys, no more than are made at once: all of them are not known yet. The pool is not asked. */
  begin(demand: KeyDemand): void
  /** Begins to make all that will be asked for, so that a command which asks for one key after the other waits for none. */
  expect(demand: KeyDemand): void
  /** Resolves when all that was expected is at hand. Rejects where keys cannot be made. */
  ready(): Promise<void>
  /** What was asked for so far. */
  taken(): KeyDemand
  /** Makes no more keys: the command ends, and must not wait for keys that nobody will take. Whoever still waits is refused. */
  close(): void
}

/**
 * Fresh keys that are handed out together while so many are still to be made. Making keys uses up the caches of every core: what signs with
 * several at once finds its own code there from the second on (a fifth of its time). Towards the end each goes at once.
 */
function handfulOf(left: number): number {
  return Math.min(8, Math.ceil(left / 8))
}

interface Waiter {
  readonly resolve: (key: FreshKey) => void
  readonly reject: (error: unknown) => void
}

/**
 * A supply over the pool of `keyStore`. A lasting key is always made afresh: a pool file may have been copied, and a lasting key must never
 * have lain where it was not reported. `onProgress` counts the keys that are made.
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
    // what lies ready while others wait is theirs
    const key = pooled ?? (this.#waitingCount() === 0 ? this.#fresh.shift() : undefined)
    if (key !== undefined) return Promise.resolve(key)
    return new Promise((resolve, reject) => {
      this.#waiting[kind].push({ resolve, reject })
      this.#gather()
    })
  }

  /** All who ask in one go are served by one look into the pool: taking a key out of it costs a sync of its folder. */
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
        // Somebody copied a file inside the pool: the second copy would be a second use.
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

/** Keys in hand, as a source. */
export function keysInHand(lasting: readonly FreshKey[] = [], oneTime: readonly FreshKey[] = []): KeySource {
  const left = { lasting: [...lasting], oneTime: [...oneTime] }
  return { takeLasting: () => left.lasting.shift(), takeOneTime: () => left.oneTime.shift() }
}
