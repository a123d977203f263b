/** Whoever asks a key supply gets a key of his own, whatever was said ahead, in which order keys are made, and who asks in between. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type FreshKey, inFlightFor } from '../../src/core/crypto/key-maker.js'
import { createKeySupply } from '../../src/core/crypto/key-supply.js'
import type { KeyDemand } from '../../src/core/crypto/ports.js'
import { fixedKey } from '../support/rpki/fixed-keys.js'
import { fixedPool } from '../support/store/memory-key-store.js'

type Step =
  | { readonly do: 'begin' | 'expect'; readonly demand: KeyDemand }
  | { readonly do: 'ask'; readonly lasting: number; readonly oneTime: number }
  | { readonly do: 'make'; readonly count: number }

const upTo = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max })
const demand: fc.Arbitrary<KeyDemand> = fc.record({ lasting: upTo(3), oneTime: upTo(90) })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('begin' as const, 'expect' as const), demand }),
  fc.record({ do: fc.constant('ask' as const), lasting: upTo(2), oneTime: fc.oneof(upTo(3), upTo(30)) }),
  fc.record({ do: fc.constant('make' as const), count: upTo(40) }),
)

interface Case {
  readonly cores: number
  readonly pooled: number
  readonly steps: readonly Step[]
}

const oneCase: fc.Arbitrary<Case> = fc.record({
  cores: fc.integer({ min: 1, max: 6 }),
  pooled: upTo(4),
  steps: fc.array(step, { minLength: 1, maxLength: 10 }),
})

it('property: who asks gets a key of his own, and no more are made than were asked for or announced', async () => {
  await fc.assert(fc.asyncProperty(oneCase, run), { numRuns: 800 })
})

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function run({ cores, pooled, steps }: Case): Promise<void> {
  const pending: (() => void)[] = []
  let made = 0
  const make = async (): Promise<FreshKey> => {
    const index = made
    made += 1
    await new Promise<void>((resolve) => void pending.push(resolve))
    return { ...fixedKey(7), id: `made ${index}` as FreshKey['id'] }
  }
  const supply = createKeySupply(fixedPool(...Array.from({ length: pooled }, (_, i) => i)), {
    concurrency: cores,
    make,
  })
  const asked: Promise<FreshKey>[] = []
  let announced = 0
  const finish = async (count: number): Promise<void> => {
    for (let i = 0; i < count && pending.length > 0; i++) {
      expect(pending.length).toBeLessThanOrEqual(inFlightFor(cores))
      pending.shift()?.()
      await settled()
    }
  }
  for (const one of steps) {
    if (one.do === 'make') await finish(one.count)
    else if (one.do === 'ask') {
      for (let i = 0; i < one.lasting; i++) asked.push(supply.takeLasting())
      for (let i = 0; i < one.oneTime; i++) asked.push(supply.takeOneTime())
      await settled()
    } else {
      supply[one.do](one.demand)
      announced = Math.max(announced, one.demand.lasting + one.demand.oneTime)
    }
  }
  await finish(Number.POSITIVE_INFINITY)
  const keys = await Promise.race([Promise.all(asked), settled().then(() => undefined)])
  expect(keys, 'somebody still waits though no key is being made').toBeDefined()
  expect(new Set(keys?.map((key) => key.id)).size).toBe(asked.length)
  expect(made).toBeLessThanOrEqual(Math.max(asked.length, announced))
}
