/** Issuers and compromised keys: recorded with each certificate, and found once in the books of a data directory of before. */
import { describe, expect, it } from 'vitest'
import { addSeconds } from '../../../src/core/base/time.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { est } from '../../../src/core/est/aggregate.js'
import { surveyOf } from '../../../src/core/est/issuers.js'
import { requestOf, World } from './given.js'

const keyOf = (name: string) => sha256Hex(requestOf(name).spki)

/** A history of before: nothing says of which CA a certificate is. */
async function before(): Promise<World> {
  const world = new World()
  for (const id of ['r1', 'r2', 'r3']) {
    await world.run(world.opening(id, id))
    await world.issue(id)
  }
  const events = world.events.map((event) => {
    if (event.type !== 'request.served') return event
    const { issued: _, ...rest } = event
    return rest
  })
  world.state = events.reduce(est.evolve, est.initial('0' as never))
  return world
}

describe('the issuers', () => {
  it('are recorded with each certificate: one entry for a CA certificate, the last expiry by label', async () => {
    const world = new World()
    await world.run(world.opening('r1', 'k1'))
    await world.issue('r1', undefined, 500)
    await world.run(world.opening('r2', 'k2', { label: 'sensor' }))
    await world.issue('r2', undefined, 300)
    world.later(10)
    await world.run(world.opening('r3', 'k3'))
    await world.issue('r3', undefined, 100)
    const chain = [sha256Hex(Buffer.from('far'))]
    const start = addSeconds(world.now, -10)
    const labels = { device: addSeconds(start, 500), sensor: addSeconds(start, 300) }
    expect(world.state.issuers).toEqual([{ ca: 'far', chain, labels }])
    // a month after its last certificate expired
    world.later(500 + 30 * 86_400)
    await world.run({
      type: 'request.serve',
      id: 'r4',
      by: { how: 'operator', name: 'ops' },
      issued: { ca: 'near', chain: [], label: 'x', notAfter: world.now },
    })
    expect(world.state.issuers?.map(({ ca }) => ca)).toEqual(['near'])
  })

  it('of a history of before are found in its books, once', async () => {
    const world = await before()
    expect([world.state.issuers, world.state.compromised]).toEqual([undefined, undefined])
    await world.run({ type: 'certificate.revoke', id: 'r1', reason: 'keyCompromise' })
    await world.run({ type: 'certificate.revoke', id: 'r2', reason: 'superseded' })
    const found = surveyOf(Object.values(world.state.certificates))
    expect(await world.run({ type: 'records.survey', ...found })).toEqual(['records.surveyed'])
    expect(world.state.issuers).toEqual([{ ca: 'far', chain: [], labels: { device: addSeconds(world.now, 86_400) } }])
    expect(world.state.compromised).toEqual({ [keyOf('r1')]: world.now })
    expect(world.violations(world.opening('r9', 'r1'))).toEqual(['csr-key-compromised'])
    expect(world.violations(world.opening('r9', 'r2'))).toEqual([])
    expect(await world.run({ type: 'records.survey', issuers: [], compromised: [] })).toEqual([])
  })
})

it('a key is reported as compromised once, and for ever', async () => {
  const world = new World()
  expect(await world.run({ type: 'key.compromise', key: keyOf('k') })).toEqual(['key.compromised'])
  world.later(40 * 366 * 86_400)
  expect(await world.run({ type: 'key.compromise', key: keyOf('k') })).toEqual([])
  expect(world.violations(world.opening('r1', 'k'))).toEqual(['csr-key-compromised'])
})
