/** The groups after the clock was ahead: no CA waits for a time of the future. */
import { describe, expect, it } from 'vitest'
import { addSeconds } from '../../../src/core/base/time.js'
import { haFuture } from '../../../src/core/ha/clock.js'
import { group, World } from './given.js'

const CA = 'ca-1'
const DAY = 86_400
const ONE = group({ caIds: [CA] })

/** Runs `work` with the clock two days ahead, then sets it right. */
async function ahead(world: World, work: () => Promise<unknown>): Promise<void> {
  world.later(2 * DAY)
  await work()
  world.later(-2 * DAY + 60)
}
const reset = (world: World) => world.run({ type: 'clock.reset' })
const caOf = (world: World) => world.state.cas[CA] ?? expect.fail('no entry')

describe('a clock reset', () => {
  it('lets a circuit that opened in the future be probed at once, without backoff', async () => {
    const world = new World()
    await ahead(world, async () => {
      await world.report(CA, 'ca-fault', 3)
      world.later(70)
      await world.probe(CA, 'ca-fault')
      world.later(-70)
    })
    expect(caOf(world).level).toBe(1)
    expect(haFuture(world.state, world.now)).toEqual([expect.stringContaining(`circuit of ${CA}`)])
    await reset(world)
    expect(caOf(world)).toMatchObject({ health: 'circuit-open', openedAt: world.now, openUntil: world.now, level: 0 })
    expect(caOf(world).lastFailure?.at).toBe(world.now)
    expect(haFuture(world.state, world.now)).toEqual([])
    expect(await world.probe(CA, 'ok')).toBe(true)
    expect(world.health(CA)).toBe('healthy')
  })

  it('leaves a circuit waiting for the operator, and one that opened before as it was', async () => {
    const waiting = new World()
    await ahead(waiting, () => waiting.report(CA, 'config-fault', 1, true))
    await reset(waiting)
    expect(caOf(waiting)).toMatchObject({ openedAt: waiting.now, openUntil: null })
    const before = new World()
    await before.report(CA, 'ca-fault', 3)
    const { openedAt, openUntil } = caOf(before)
    before.later(10)
    await reset(before)
    expect(caOf(before)).toMatchObject({ openedAt, openUntil })
  })

  it('ends leases and requests of the future', async () => {
    const world = new World()
    await world.report(CA, 'ca-fault', 3)
    await ahead(world, async () => {
      expect(await world.lease(CA)).toBeDefined()
    })
    expect(haFuture(world.state, world.now)).toEqual([
      expect.stringContaining('request'),
      expect.stringContaining('lease'),
    ])
    await reset(world)
    expect(world.state.attempts).toEqual({})
    expect(caOf(world)).toMatchObject({ health: 'circuit-open', lease: null })
  })

  it('keeps an override for as long as it was meant', async () => {
    const world = new World()
    await ahead(world, async () => {
      const until = addSeconds(world.now, 7200)
      await world.run({ type: 'override.set', ca: CA, mode: 'drain', reason: 'work', until })
    })
    await reset(world)
    expect(caOf(world).override).toMatchObject({ since: world.now, until: addSeconds(world.now, 7200) })
    world.later(7200)
    expect(await world.serve(ONE)).toBe(CA)
  })

  it('keeps averages and counts', async () => {
    const world = new World()
    await ahead(world, () => world.serve(ONE, 'ok', 500))
    await reset(world)
    expect(caOf(world).latency).toMatchObject({ ms: 500, at: world.now })
    expect(caOf(world).lastSuccess).toBe(world.now)
    expect(world.state.totals[CA]).toEqual({ ok: 1 })
  })
})
