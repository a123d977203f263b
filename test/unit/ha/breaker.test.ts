/** The transition table of a CA's circuit breaker, row by row. */
import { describe, expect, it } from 'vitest'
import { addSeconds, secondsBetween } from '../../../src/core/base/time.js'
import { healthOf, isProbeable, openSeconds } from '../../../src/core/ha/breaker.js'
import { DEFAULT_BREAKER } from '../../../src/core/ha/settings.js'
import { group, World } from './given.js'

const CA = 'ca-1'
const ONE = group({ caIds: [CA] })

async function opened(world = new World()): Promise<World> {
  await world.report(CA, 'ca-fault', world.breaker.failureThreshold)
  expect(world.health(CA)).toBe('circuit-open')
  return world
}

describe('a closed circuit', () => {
  it('is degraded by its first failure, and still serves', async () => {
    const world = new World()
    await world.report(CA, 'ca-fault')
    expect([world.health(CA), world.failures(CA)]).toEqual(['degraded', 1])
    expect(await world.serve(ONE)).toBe(CA)
  })

  it('is healthy again after a success, with no failures', async () => {
    const world = new World()
    await world.report(CA, 'ca-fault', 2)
    await world.report(CA, 'ok')
    expect([world.health(CA), world.failures(CA)]).toEqual(['healthy', 0])
    expect(world.changes(CA)).toEqual(['healthy>degraded', 'degraded>healthy'])
  })

  it('opens through unhealthy at the third failure in a row, in one commit, and serves no more', async () => {
    const world = await opened()
    expect(world.changes(CA)).toEqual(['healthy>degraded', 'degraded>unhealthy', 'unhealthy>circuit-open'])
    expect(await world.serve(ONE)).toBeUndefined()
  })

  it('stays degraded when a success came in between', async () => {
    const world = new World()
    for (const outcome of ['ca-fault', 'ok', 'ca-fault', 'ca-fault'] as const) await world.report(CA, outcome)
    expect([world.health(CA), world.failures(CA)]).toEqual(['degraded', 2])
  })

  it('opens at once where the threshold is one', async () => {
    const world = new World({ failureThreshold: 1 })
    await world.report(CA, 'ca-fault')
    expect(world.changes(CA)).toEqual(['healthy>unhealthy', 'unhealthy>circuit-open'])
  })

  it('opens by failures of requests as by those of probes', async () => {
    const world = new World()
    for (let n = 0; n < 3; n++) await world.serve(ONE, 'ca-fault')
    expect(world.health(CA)).toBe('circuit-open')
  })

  it('counts failures further apart than the window as single ones', async () => {
    const world = new World()
    for (let n = 0; n < 5; n++) {
      await world.report(CA, 'ca-fault')
      world.later(world.breaker.failureWindow + 1)
    }
    expect([world.health(CA), world.failures(CA)]).toEqual(['healthy', 1])
  })

  it.each(['request-fault', 'pending'] as const)('is left alone by a hundred of %s', async (outcome) => {
    const world = new World()
    for (let n = 0; n < 100; n++) await world.serve(ONE, outcome)
    expect([world.health(CA), world.failures(CA), world.changes(CA)]).toEqual(['healthy', 0, []])
  })

  it('opens at once by a fault of the configuration, and heals by itself', async () => {
    const world = new World()
    await world.report(CA, 'config-fault')
    const first = addSeconds(world.now, openSeconds(CA, 0, world.breaker))
    expect([world.health(CA), world.openUntil(CA)]).toEqual(['circuit-open', first])
    world.later(openSeconds(CA, 0, world.breaker))
    expect(await world.probe(CA, 'config-fault')).toBe(true)
    const second = addSeconds(world.now, openSeconds(CA, 1, world.breaker))
    expect([world.health(CA), world.openUntil(CA)]).toEqual(['circuit-open', second])
    // a result that comes late neither closes it nor makes it wait for the operator
    await world.report(CA, 'config-fault')
    expect(world.openUntil(CA)).toBe(second)
    world.later(openSeconds(CA, 1, world.breaker))
    expect(await world.probe(CA, 'ok')).toBe(true)
    expect([world.health(CA), world.failures(CA)]).toEqual(['healthy', 0])
  })

  it('that is open waits for the operator from the moment at which another attempt could do harm', async () => {
    const world = new World()
    await world.report(CA, 'config-fault')
    world.later(openSeconds(CA, 0, world.breaker))
    await world.probe(CA, 'config-fault', false, true)
    expect([world.health(CA), world.openUntil(CA)]).toEqual(['circuit-open', null])
    await world.report(CA, 'config-fault')
    expect(world.openUntil(CA)).toBeNull()
    world.later(86400)
    expect(await world.lease(CA)).toBeUndefined()
  })

  it('opens at once by a refused PIN or password, and waits for the operator however long', async () => {
    const world = new World()
    await world.report(CA, 'config-fault', 1, true)
    expect([world.health(CA), world.openUntil(CA)]).toEqual(['circuit-open', null])
    world.later(30 * 86400)
    expect(await world.lease(CA)).toBeUndefined()
    expect(await world.probe(CA, 'ok', true)).toBe(true)
    expect(world.health(CA)).toBe('healthy')
  })

  it('counts an unknown outcome as a failure', async () => {
    const world = new World()
    await world.serve(ONE, 'unknown')
    expect(world.health(CA)).toBe('degraded')
  })
})

describe('an open circuit', () => {
  it('gets no request before its time, and one probe of one process then', async () => {
    const world = await opened()
    const seconds = openSeconds(CA, 0, world.breaker)
    world.later(seconds - 1)
    expect(await world.lease(CA)).toBeUndefined()
    world.later(1)
    const all: (string | undefined)[] = []
    for (let n = 0; n < 20; n++) all.push(await world.lease(CA))
    expect(all.filter((lease) => lease !== undefined)).toHaveLength(1)
    expect(world.health(CA)).toBe('recovering')
    expect(await world.serve(ONE)).toBeUndefined()
  })

  it('closes when the probe succeeds, and starts from the first open time again', async () => {
    const world = await opened()
    world.later(100)
    await world.probe(CA, 'ok')
    expect([world.health(CA), world.failures(CA), healthOf(world.state, CA).level]).toEqual(['healthy', 0, 0])
    expect(world.changes(CA).slice(-2)).toEqual(['circuit-open>recovering', 'recovering>healthy'])
  })

  it('waits 60, 120, 240, 480, 900, 900 seconds, and up to a tenth more', async () => {
    const world = await opened()
    const waits: number[] = []
    for (let n = 0; n < 6; n++) {
      waits.push(secondsBetween(world.now, world.openUntil(CA) ?? world.now))
      world.later(waits.at(-1) ?? 0)
      expect(await world.probe(CA, 'ca-fault')).toBe(true)
    }
    for (const [n, least] of [60, 120, 240, 480, 900, 900].entries()) {
      expect(waits[n]).toBeGreaterThanOrEqual(least)
      expect(waits[n]).toBeLessThanOrEqual(least * 1.1)
    }
  })

  it('waits the same time for the same CA and level in every process, and not the same for all CAs', () => {
    const seconds = (ca: string): number => openSeconds(ca, 4, DEFAULT_BREAKER)
    expect(seconds('a')).toBe(seconds('a'))
    expect(new Set(Array.from({ length: 20 }, (_, n) => seconds(`ca-${n}`))).size).toBeGreaterThan(5)
  })

  it('counts further failures, and is not opened again by them', async () => {
    const world = await opened()
    const until = world.openUntil(CA)
    await world.report(CA, 'ca-fault', 2)
    expect([world.failures(CA), world.openUntil(CA)]).toEqual([5, until])
  })

  it('is not closed by the response to a request that was sent before it opened', async () => {
    const world = new World()
    const early = await world.select(ONE)
    await opened(world)
    await world.answer(early ?? { ca: CA, attempt: '' }, 'ok')
    expect(world.health(CA)).toBe('circuit-open')
  })

  it('may be probed again as soon as the lease of a dead process has expired, without a longer wait', async () => {
    const world = await opened()
    world.later(100)
    expect(await world.lease(CA)).toBeDefined()
    world.later(5)
    expect(await world.lease(CA)).toBeUndefined()
    world.later(1)
    expect(await world.lease(CA)).toBeDefined()
    expect(healthOf(world.state, CA).level).toBe(0)
    expect(world.events.some((e) => e.type === 'lease.expired')).toBe(true)
  })

  it('does not stay open because the clock went back, nor does a lease', async () => {
    const world = await opened()
    world.later(-3600)
    expect(isProbeable(healthOf(world.state, CA), world.now, world.breaker)).toBe(true)
    expect(await world.lease(CA)).toBeDefined()
    world.later(-3600)
    expect(await world.lease(CA)).toBeDefined()
  })

  it('is resumed before its time only by a check that passes', async () => {
    const world = await opened()
    const until = world.openUntil(CA)
    await world.probe(CA, 'request-fault', true)
    expect(world.health(CA)).toBe('circuit-open')
    await world.probe(CA, 'ok', true)
    expect([world.health(CA), until === null]).toEqual(['healthy', false])
  })
})

describe('a request whose process died', () => {
  it('counts as one failure when its deadline has passed, and its late response does not count', async () => {
    const world = new World()
    const lost = await world.select(ONE)
    world.later(29)
    await world.report(CA, 'ok')
    expect(world.failures(CA)).toBe(0)
    world.later(1)
    await world.serve(ONE, 'request-fault')
    expect([world.failures(CA), world.health(CA)]).toEqual([1, 'degraded'])
    await world.answer(lost ?? { ca: CA, attempt: '' }, 'ok')
    expect([world.failures(CA), Object.keys(world.state.attempts)]).toEqual([1, []])
  })
})

describe('an override', () => {
  const drain = (until: string | null = null) =>
    ({ type: 'override.set', ca: CA, mode: 'drain', reason: 'new HSM', until }) as Parameters<World['run']>[0]

  it('keeps a CA out of service without a change of its health, until it is resumed', async () => {
    const world = new World()
    await world.run(drain())
    expect([world.health(CA), await world.serve(ONE)]).toEqual(['healthy', undefined])
    await world.run({ type: 'override.end', ca: CA })
    expect(await world.serve(ONE)).toBe(CA)
  })

  it('ends by itself at its time', async () => {
    const world = new World()
    await world.run(drain('2026-01-01T02:00:00Z'))
    world.later(7199)
    expect(await world.serve(ONE)).toBeUndefined()
    world.later(1)
    expect(await world.serve(ONE)).toBe(CA)
    expect(world.events).toContainEqual({ type: 'override.ended', ca: CA, why: 'expired', at: world.now })
  })

  it('requires a reason', async () => {
    await expect(new World().run({ ...drain(), reason: ' ' } as Parameters<World['run']>[0])).rejects.toThrow(
      'ha-reason-missing',
    )
  })
})
