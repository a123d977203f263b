/** Laws of the breaker and of selection, whatever happens in whatever order. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ha } from '../../src/core/ha/aggregate.js'
import { healthOf } from '../../src/core/ha/breaker.js'
import { candidates } from '../../src/core/ha/select.js'
import { STRATEGIES } from '../../src/core/ha/settings.js'
import { EMPTY_HA, type Outcome } from '../../src/core/ha/state.js'
import { group, World } from '../unit/ha/given.js'

const IDS = ['ca-1', 'ca-2', 'ca-3'] as const
const OUTCOMES: readonly Outcome[] = ['ok', 'ca-fault', 'request-fault', 'config-fault', 'pending', 'unknown']

type Step =
  | { readonly do: 'serve' | 'report' | 'probe'; readonly ca: string; readonly outcome: Outcome }
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'drain' | 'undrain'; readonly ca: string }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom('serve' as const, 'report' as const, 'probe' as const),
    ca: fc.constantFrom(...IDS),
    outcome: fc.constantFrom(...OUTCOMES),
  }),
  fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: -120, max: 2000 }) }),
  fc.record({ do: fc.constantFrom('drain' as const, 'undrain' as const), ca: fc.constantFrom(...IDS) }),
)
const settings = fc.record({
  strategy: fc.constantFrom(...STRATEGIES),
  weights: fc.record({ 'ca-1': fc.nat(5), 'ca-2': fc.nat(5), 'ca-3': fc.integer({ min: 1, max: 5 }) }),
})

async function override(world: World, order: 'drain' | 'undrain', ca: string): Promise<void> {
  if (order === 'undrain') await world.run({ type: 'override.end', ca })
  else await world.run({ type: 'override.set', ca, mode: 'drain', reason: 'x', until: null })
}

async function play(world: World, todo: Step, served: ReturnType<typeof group>): Promise<void> {
  if (todo.do === 'wait') return world.later(todo.seconds)
  if (!('outcome' in todo)) return override(world, todo.do, todo.ca)
  if (todo.do === 'report') return world.report(todo.ca, todo.outcome)
  if (todo.do === 'probe') return void (await world.probe(todo.ca, todo.outcome))
  const fit = candidates(world.state, served, [], world.now, world.breaker).flatMap(({ ca, why }) =>
    why === null ? [ca] : [],
  )
  const chosen = await world.serve(served, todo.outcome)
  // whoever is chosen could serve, and someone is chosen when someone could
  expect(chosen === undefined ? fit : fit.includes(chosen) ? [] : ['chosen though unfit']).toEqual([])
}

describe('high availability', () => {
  it('chooses only who can serve, keeps its states consistent, and replays to the same state', async () => {
    const run = fc.asyncProperty(fc.array(step, { maxLength: 60 }), settings, async (steps, chosen) => {
      const world = new World()
      for (const todo of steps) {
        await play(world, todo, group(chosen))
        for (const ca of IDS) {
          const { health, lease, openUntil, openedAt, failures } = healthOf(world.state, ca)
          expect(lease !== null).toBe(health === 'recovering')
          expect(openedAt !== null).toBe(health === 'circuit-open' || health === 'recovering')
          if (health === 'healthy' || health === 'degraded') expect(openUntil).toBeNull()
          if (health === 'healthy') expect(failures).toBe(0)
          if (health === 'degraded') expect(failures).toBeLessThan(world.breaker.failureThreshold)
        }
      }
      expect(world.events.reduce(ha.evolve, EMPTY_HA)).toEqual(world.state)
      expect(JSON.parse(JSON.stringify(world.state))).toEqual(world.state)
    })
    await fc.assert(run, { numRuns: 150 })
  })
})
