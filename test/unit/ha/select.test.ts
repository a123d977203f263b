/** Selection of the CA that serves next: the golden sequences of each strategy. */
import { describe, expect, it } from 'vitest'
import { group, World } from './given.js'

const count = (text: string, letter: string): number => [...text].filter((c) => c === letter).length

async function down(world: World, ca: string): Promise<void> {
  await world.report(ca, 'ca-fault', world.breaker.failureThreshold)
}

describe('active-passive', () => {
  it('uses the first that is healthy, and the next when it fails, and returns by itself', async () => {
    const world = new World()
    const settings = group()
    expect(await world.serveMany(settings, 10)).toBe('1111111111')
    await down(world, 'ca-1')
    expect(await world.serveMany(settings, 3)).toBe('222')
    await down(world, 'ca-2')
    expect(await world.serveMany(settings, 3)).toBe('333')
    await down(world, 'ca-3')
    expect(await world.serveMany(settings, 3)).toBe('---')
    world.later(100)
    await world.probe('ca-1', 'ok')
    expect(await world.serveMany(settings, 3)).toBe('111')
  })

  it('still uses a primary that is degraded, and another for the same request once it was tried', async () => {
    const world = new World()
    const first = await world.select(group())
    await world.answer(first!, 'ca-fault')
    const second = await world.select(group(), ['ca-1'])
    expect([first?.ca, second?.ca, world.health('ca-1')]).toEqual(['ca-1', 'ca-2', 'degraded'])
    expect(await world.select(group(), ['ca-1', 'ca-2', 'ca-3'])).toBeUndefined()
  })

  it('stays with the backup where fail-back is manual', async () => {
    const world = new World()
    const settings = group({ failback: 'manual' })
    await world.serve(settings)
    await down(world, 'ca-1')
    await world.serve(settings)
    world.later(100)
    await world.probe('ca-1', 'ok')
    expect(await world.serveMany(settings, 3)).toBe('222')
  })
})

describe('round-robin', () => {
  const settings = group({ strategy: 'round-robin' })

  it('gives each its turn', async () => {
    expect(await new World().serveMany(settings, 30)).toBe('123'.repeat(10))
  })

  it('skips a CA that is out of service and takes it back behind the last', async () => {
    const world = new World()
    await down(world, 'ca-2')
    expect(await world.serveMany(settings, 20)).toBe('13'.repeat(10))
    world.later(100)
    await world.probe('ca-2', 'ok')
    expect(await world.serveMany(settings, 4)).toBe('1231')
  })

  it('continues from the last id when the group changes', async () => {
    const world = new World()
    await world.serveMany(settings, 2)
    expect(await world.serveMany({ ...settings, caIds: ['ca-1', 'ca-2'] }, 3)).toBe('121')
  })
})

describe('weighted', () => {
  const weighted = (a: number, b: number, c = 0) =>
    group({ strategy: 'weighted', weights: { 'ca-1': a, 'ca-2': b, 'ca-3': c } })

  it.each([
    [weighted(5, 1, 1), '1121311'],
    [weighted(90, 10), '1111121111'],
    [weighted(80, 20), '11211'],
    [weighted(3, 1), '1121'],
  ])('follows smooth weighted round-robin (case %#)', async (settings, golden) => {
    expect(await new World().serveMany(settings, golden.length * 3)).toBe(golden.repeat(3))
  })

  it('shares the part of a member that is drained among the others (picks 3 to 7)', async () => {
    const world = new World()
    const settings = weighted(5, 1, 1)
    let picks = await world.serveMany(settings, 3)
    await world.run({ type: 'override.set', ca: 'ca-2', mode: 'drain', reason: 'a new disk', until: null })
    picks += await world.serveMany(settings, 5)
    await world.run({ type: 'override.end', ca: 'ca-2' })
    expect(picks + (await world.serveMany(settings, 6))).toBe('11211311113111')
  })

  it('does not let a member that failed and returned catch up', async () => {
    const world = new World()
    const settings = weighted(5, 1, 1)
    await world.serveMany(settings, 3)
    await down(world, 'ca-2')
    await world.serveMany(settings, 50)
    world.later(100)
    await world.probe('ca-2', 'ok')
    expect(count(await world.serveMany(settings, 70), '2')).toBe(10)
  })

  it('shares 60/30/10 without the first as 75/25', async () => {
    const world = new World()
    await down(world, 'ca-1')
    const text = await world.serveMany(weighted(60, 30, 10), 40)
    expect([count(text, '2'), count(text, '3')]).toEqual([30, 10])
  })

  it('never uses weight 0, even when no other CA is left', async () => {
    const world = new World()
    expect(await world.serveMany(weighted(100, 0), 100)).toBe('1'.repeat(100))
    await down(world, 'ca-1')
    expect(await world.serve(weighted(100, 0))).toBeUndefined()
  })

  it('starts from 0 with new weights: the steps of a migration', async () => {
    const world = new World()
    const shares: number[] = []
    for (const [a, b] of [
      [100, 0],
      [90, 10],
      [80, 20],
      [50, 50],
      [20, 80],
      [0, 100],
    ] as const)
      shares.push(count(await world.serveMany(weighted(a, b), 100), '2'))
    expect(shares).toEqual([0, 10, 20, 50, 80, 100])
  })
})

describe('latency-based', () => {
  const settings = group({ strategy: 'latency-based' })
  const average = (ms: number) => ({ ms, at: '2026-01-01T00:00:00Z' as never, samples: 3 })

  it('uses the fastest by probes, and a CA that was never measured last', async () => {
    const world = new World()
    world.probed = { 'ca-2': average(30), 'ca-3': average(20) }
    expect(await world.serve(settings)).toBe('ca-3')
    world.probed = { 'ca-2': average(30) }
    expect(await new World().serve(settings)).toBe('ca-1')
  })

  it('prefers real requests to probes', async () => {
    const world = new World()
    world.probed = { 'ca-1': average(10), 'ca-2': average(50), 'ca-3': average(60) }
    expect(await world.serve(settings, 'ok', 500)).toBe('ca-1')
    expect(await world.serve(settings, 'ok', 500)).toBe('ca-2')
  })

  it('uses newer probes of a CA that was slow ten minutes ago and got no request since', async () => {
    const world = new World()
    const probes = (ms: number) => ({ ms, at: world.now, samples: 3 })
    const two = group({ strategy: 'latency-based', caIds: ['ca-1', 'ca-2'] })
    world.probed = { 'ca-1': probes(10), 'ca-2': probes(50) }
    expect(await world.serve(two, 'ok', 5000)).toBe('ca-1')
    for (const [seconds, next] of [
      [600, 'ca-2'],
      [1, 'ca-1'],
    ] as const) {
      world.later(seconds)
      world.probed = { 'ca-1': probes(10), 'ca-2': probes(50) }
      expect(await world.serve(two, 'ok', 60)).toBe(next)
    }
  })

  it('stays with the last CA until another is faster by a fifth', async () => {
    const world = new World()
    world.probed = { 'ca-1': average(100), 'ca-2': average(200), 'ca-3': average(300) }
    await world.serve(settings, 'ok', 100)
    world.probed = { 'ca-1': average(100), 'ca-2': average(81), 'ca-3': average(300) }
    expect(await world.serve(settings, 'ok', 100)).toBe('ca-1')
    world.probed = { 'ca-1': average(100), 'ca-2': average(80), 'ca-3': average(300) }
    expect(await world.serve(settings, 'ok', 100)).toBe('ca-2')
  })

  it('rises at once and falls with time', async () => {
    const world = new World()
    const one = group({ strategy: 'latency-based', caIds: ['ca-1'] })
    const take = async (ms: number): Promise<number> => {
      await world.serve(one, 'ok', ms)
      return world.state.cas['ca-1']?.latency?.ms ?? -1
    }
    expect([await take(100), await take(400), await take(100)]).toEqual([100, 400, 400])
    world.later(600)
    expect(await take(100)).toBe(210)
  })

  it('treats a failed CA as infinitely slow', async () => {
    const world = new World()
    world.probed = { 'ca-1': average(1), 'ca-2': average(50), 'ca-3': average(60) }
    await down(world, 'ca-1')
    expect(await world.serve(settings)).toBe('ca-2')
    await down(world, 'ca-2')
    await down(world, 'ca-3')
    expect(await world.serve(settings)).toBeUndefined()
  })
})
