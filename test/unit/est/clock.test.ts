/** Enrolment after the clock was ahead: passwords work, requests are asked again, records have no future time. */
import { expect, it } from 'vitest'
import { addSeconds } from '../../../src/core/base/time.js'
import { estFuture } from '../../../src/core/est/clock.js'
import { usesLeft } from '../../../src/core/est/passwords.js'
import { World } from './given.js'

const DAY = 86_400

async function ahead(world: World, work: () => Promise<unknown>): Promise<void> {
  world.later(2 * DAY)
  await work()
  world.later(-2 * DAY + 60)
}
const reset = (world: World) => world.run({ type: 'clock.reset' })

it('makes a one-time password of the future valid now, for as long as it was meant', async () => {
  const world = new World()
  await world.createPassword('old')
  await ahead(world, () => world.createPassword('p', 1, 3600))
  expect(usesLeft(world.state, 'p', world.now)).toBe(0)
  expect(estFuture(world.state, world.now)).toEqual([expect.stringContaining('one-time password p')])
  const { old } = world.state.passwords
  await reset(world)
  expect(usesLeft(world.state, 'p', world.now)).toBe(1)
  expect(world.state.passwords['p']).toMatchObject({ since: world.now, expires: addSeconds(world.now, 3600) })
  expect(world.state.passwords['old']).toEqual(old)
  expect(estFuture(world.state, world.now)).toEqual([])
})

it('asks for a pending certificate at once, and keeps what a certificate says', async () => {
  const world = new World()
  await world.run(world.opening('before', 'k1'))
  await ahead(world, async () => {
    await world.run({ type: 'request.wait', id: 'before', reference: '7', retryAfter: 900 })
    await world.run(world.opening('r2', 'k2'))
    await world.issue('r2')
    await world.run({ type: 'certificate.revoke', id: 'r2', reason: 'superseded' })
  })
  expect(estFuture(world.state, world.now)).toHaveLength(2)
  const issued = world.state.certificates['r2'] ?? expect.fail('no certificate')
  await reset(world)
  expect(world.state.requests['before']).toMatchObject({ status: 'pending', retryAt: world.now })
  expect(world.state.certificates['r2']).toEqual({
    ...issued,
    at: world.now,
    revoked: { at: world.now, reason: 'superseded' },
  })
})

it('ends a request of the future that no process waits for', async () => {
  const world = new World()
  await ahead(world, () => world.run(world.opening('r1', 'k')))
  expect(await reset(world)).toEqual(['request.unknown', 'clock.reset'])
  expect(world.state.requests['r1']).toMatchObject({ status: 'unknown', since: world.now })
})
