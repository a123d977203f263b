/** No one-time key is ever used twice, whatever crashes, runs at the same time or is copied when. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { FreshKey } from '../../src/core/crypto/key-maker.js'
import { createKeySupply } from '../../src/core/crypto/key-supply.js'
import { fillPool } from '../../src/core/crypto/pool.js'
import { createSoftSigner } from '../../src/core/crypto/soft-signer.js'
import { hollowKey } from '../support/rpki/hollow-keys.js'
import { createMemoryKeyStore, type MemoryKeyStore } from '../support/store/memory-key-store.js'

type Step =
  | { readonly do: 'fill'; readonly target: number; readonly dieAt: number }
  | { readonly do: 'use'; readonly sessions: readonly Session[] }
  | { readonly do: 'copy'; readonly during: boolean }

/** One process: what it prepares, at which durable step it dies (0: never), how many objects it signs before it ends. */
interface Session {
  readonly lasting: number
  readonly oneTime: number
  readonly dieAt: number
  readonly unlinksSurvive: boolean
  /** Did a rehearsal say how many keys it takes? */
  readonly foreseen: boolean
  readonly signs: number
}

const session: fc.Arbitrary<Session> = fc.record({
  lasting: fc.integer({ min: 0, max: 1 }),
  oneTime: fc.integer({ min: 0, max: 4 }),
  dieAt: fc.integer({ min: 0, max: 5 }),
  unlinksSurvive: fc.boolean(),
  foreseen: fc.boolean(),
  signs: fc.integer({ min: 0, max: 5 }),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('fill' as const),
    target: fc.integer({ min: 0, max: 5 }),
    dieAt: fc.integer({ min: 0, max: 4 }),
  }),
  fc.record({ do: fc.constant('use' as const), sessions: fc.array(session, { minLength: 1, maxLength: 3 }) }),
  fc.record({ do: fc.constant('copy' as const), during: fc.boolean() }),
)

const made: FreshKey[] = []

/** Hollow key `index`, made once for all runs. */
function hollow(index: number): FreshKey {
  const key = made[index] ?? hollowKey(index)
  made[index] = key
  return key
}

it('property: no one-time key is used twice', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), run), { numRuns: 400 })
})

async function run(steps: readonly Step[]): Promise<void> {
  let next = 0
  const make = async (): Promise<FreshKey> => hollow(next++)
  const used = new Set<string>()
  const stores = [createMemoryKeyStore()]
  let copyDuring = false
  for (const one of steps) {
    if (one.do === 'copy') {
      copyDuring = one.during
      if (!one.during) for (const store of stores.splice(0)) stores.push(store, promoted(store.copy()))
    } else if (one.do === 'fill') {
      await Promise.all(
        stores.map((store) =>
          unlessDead(store, one.dieAt, () => fillPool(store, one.target, { concurrency: 1, make })),
        ),
      )
    } else {
      const copies: MemoryKeyStore[] = []
      for (const store of stores)
        await Promise.all(one.sessions.map((s) => use(store, s, make, used, copyDuring ? copies : undefined)))
      // Two directories are enough to meet a key twice, and more only take time.
      if (stores.length === 1) stores.push(...copies.slice(0, 1))
    }
    if (stores.length > 2) stores.length = 2
  }
}

async function use(
  store: MemoryKeyStore,
  s: Session,
  make: () => Promise<FreshKey>,
  used: Set<string>,
  copies: MemoryKeyStore[] | undefined,
): Promise<void> {
  store.unlinksSurvive = s.unlinksSurvive
  await unlessDead(store, s.dieAt, async () => {
    const source = createKeySupply(store, { concurrency: 2, make })
    if (s.foreseen) source.expect(s)
    await source.ready()
    // The worst instant for a copy: keys are in hand and none is used yet.
    copies?.push(promoted(store.copy()))
    const signer = createSoftSigner({ keyStore: store, source })
    if (s.lasting > 0) expect(used.has((await signer.createKey()).id)).toBe(false)
    for (let i = 0; i < Math.min(s.signs, s.oneTime); i++)
      await signer.signOneOff(async (key) => {
        expect(used.has(key.id), `key ${key.id} a second time`).toBe(false)
        used.add(key.id)
      })
  })
}

/** A copy becomes a primary by `promote`, and that wipes its pool. */
function promoted(store: MemoryKeyStore): MemoryKeyStore {
  store.wipePool()
  return store
}

class Death extends Error {}

/** Runs a process that dies at its `dieAt`th durable step, 0 for never. */
async function unlessDead(store: MemoryKeyStore, dieAt: number, work: () => Promise<unknown>): Promise<void> {
  let steps = 0
  store.onStep = () => {
    if (++steps === dieAt) throw new Death()
  }
  try {
    await work()
  } catch (error) {
    if (!(error instanceof Death)) throw error
  }
}
