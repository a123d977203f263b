/** Outcomes of a request, and that no second certificate is issued for a key unless requested so. */
import { describe, expect, it } from 'vitest'
import { addSeconds } from '../../../src/core/base/time.js'
import { est } from '../../../src/core/est/aggregate.js'
import { estObjects } from '../../../src/core/est/objects.js'
import { EMPTY_EST } from '../../../src/core/est/state.js'
import { PROFILE, World } from './given.js'

const HERE = { attempt: 'a', ca: 'near', timeout: 40, here: true }

async function opened(): Promise<World> {
  const world = new World()
  await world.run(world.opening('r1', 'k'))
  return world
}

describe('a request', () => {
  it('is open until its certificate is recorded, and names its objects meanwhile', async () => {
    const world = await opened()
    expect(estObjects(world.state).map(([, name]) => name)).toEqual(['request r1'])
    expect(await world.issue('r1')).toEqual(['certificate.issued'])
    expect(world.state.requests).toEqual({})
    expect(world.state.certificates).toMatchObject({ r1: { label: 'device', ca: 'far', serial: '0r1', revoked: null } })
    expect(estObjects(world.state).map(([, name]) => name)).toEqual(['certificate r1', 'certificate of CA far'])
  })

  it('continues at the next CA after one failed, and ends if there is no other', async () => {
    const world = await opened()
    const attempt = { attempt: 'b', ca: 'second', timeout: 40, here: false }
    expect(await world.run({ type: 'request.ask', id: 'r1', attempt })).toEqual(['request.asked'])
    expect(world.state.requests['r1']?.asking).toMatchObject({ ca: 'second', attempt: 'b' })
    expect(await world.run({ type: 'request.end', id: 'r1', why: 'failed', message: 'none' })).toEqual([
      'request.ended',
    ])
    expect(world.state.requests).toEqual({})
  })

  it('is rejected with every violation of the profile', () => {
    const world = new World()
    const opening = world.opening('r1', 'k')
    const request = {
      ...opening.request,
      key: { kind: 'rsa', bits: 1024, curve: '' } as const,
      extendedKeyUsages: ['1.2.3'],
    }
    expect(world.violations({ ...opening, request })).toEqual(['csr-key-size', 'csr-usage'])
    expect(world.violations({ ...opening, profile: { ...PROFILE, keyKinds: ['rsa'] } })).toEqual(['csr-key-kind'])
  })

  it('excludes another for the same key and label while a process waits', async () => {
    const world = await opened()
    expect(world.violations(world.opening('r2', 'k'))).toEqual(['est-request-running'])
    expect(world.violations(world.opening('r2', 'k', { duplicate: true }))).toEqual(['est-request-running'])
    expect(world.violations(world.opening('r2', 'other'))).toEqual([])
    expect(world.violations(world.opening('r2', 'k', { label: 'vpn' }))).toEqual([])
  })

  it('whose outcome is unknown is superseded on demand only, and then leaves a record', async () => {
    const world = await opened()
    await world.run({ type: 'request.lose', id: 'r1', message: 'no answer' })
    expect(world.state.requests['r1']).toMatchObject({ status: 'unknown', message: 'no answer' })
    expect(world.violations(world.opening('r2', 'k'))).toEqual(['est-request-open'])
    expect(await world.run(world.opening('r2', 'k', { duplicate: true }))).toEqual(['request.ended', 'request.opened'])
    expect(world.events).toContainEqual(expect.objectContaining({ id: 'r1', why: 'superseded' }))
    // a response that arrives late is recorded like any other
    expect(await world.issue('r1')).toEqual(['certificate.issued'])
    expect(Object.keys(world.state.requests)).toEqual(['r2'])
  })

  it('that is pending stays with its CA', async () => {
    const world = await opened()
    await world.run({ type: 'request.wait', id: 'r1', reference: '7', retryAfter: 60 })
    expect(world.state.requests['r1']).toMatchObject({
      status: 'pending',
      reference: '7',
      retryAt: '2026-01-01T00:01:00Z',
    })
    world.later(86_400)
    expect(world.violations(world.opening('r2', 'k'))).toEqual(['est-request-open'])
    expect(await world.issue('r1')).toEqual(['certificate.issued'])
  })

  it('of a process that died is unknown from the next command on', async () => {
    const world = await opened()
    world.later(39)
    expect(world.violations(world.opening('r2', 'k'))).toEqual(['est-request-running'])
    world.later(1)
    expect(world.violations(world.opening('r2', 'k'))).toEqual(['est-request-open'])
    expect(await world.run(world.opening('r3', 'other'))).toEqual(['request.unknown', 'request.opened'])
    expect(world.state.requests['r1']?.status).toBe('unknown')
  })

  it('does not block another forever where the clock went back', async () => {
    const world = await opened()
    world.later(-3600)
    expect(world.violations(world.opening('r2', 'k'))).toEqual(['est-request-open'])
  })

  it('of a process that died has failed if the key signs in that process: no certificate left it', async () => {
    const world = new World()
    await world.run(world.opening('r1', 'k', { attempt: HERE }))
    world.later(40)
    expect(await world.run(world.opening('r2', 'k', { attempt: HERE }))).toEqual(['request.ended', 'request.opened'])
    expect(world.events).toContainEqual(expect.objectContaining({ id: 'r1', why: 'died' }))
  })

  it('that ends late is ended once', async () => {
    const world = new World()
    await world.run(world.opening('r1', 'k', { attempt: HERE }))
    world.later(100)
    // the passing of time ends it within the command that would end it
    expect(await world.run({ type: 'request.end', id: 'r1', why: 'failed', message: 'x' })).toEqual(['request.ended'])
    expect(world.violations({ type: 'request.end', id: 'r1', why: 'failed', message: 'x' })).toEqual([
      'est-request-unknown',
    ])
    await world.run(world.opening('r2', 'k2'))
    await world.issue('r2')
    const again = world.issue('r2')
    await expect(again).rejects.toThrow('est-request-served')
  })
})

describe('certificates', () => {
  it('are revoked once', async () => {
    const world = await opened()
    await world.issue('r1')
    const revoke = { type: 'certificate.revoke', id: 'r1', reason: 'superseded' } as const
    expect(await world.run(revoke)).toEqual(['certificate.revoked'])
    expect(world.state.certificates['r1']?.revoked).toEqual({ at: world.now, reason: 'superseded' })
    expect(await world.run({ ...revoke, reason: 'cessationOfOperation' })).toEqual([])
    const { now } = world
    world.later(10)
    expect(await world.run({ ...revoke, reason: 'keyCompromise' })).toEqual(['certificate.revoked'])
    expect(world.state.certificates['r1']?.revoked).toEqual({ at: now, reason: 'keyCompromise' })
    for (const reason of ['keyCompromise', 'superseded']) expect(await world.run({ ...revoke, reason })).toEqual([])
    expect(world.violations({ ...revoke, id: 'r9' })).toEqual(['est-certificate-unknown'])
  })

  it('are removed from the state a month after they expired', async () => {
    const world = await opened()
    await world.issue('r1')
    world.later(86_400 + 30 * 86_400)
    await world.run(world.opening('r2', 'k2'))
    await world.issue('r2')
    expect(Object.keys(world.state.certificates)).toEqual(['r1', 'r2'])
    world.later(1)
    await world.run(world.opening('r3', 'k3'))
    await world.issue('r3')
    expect(Object.keys(world.state.certificates)).toEqual(['r2', 'r3'])
  })

  it('have CRLs that are numbered for each CA', async () => {
    const world = new World()
    for (const ca of ['a', 'a', 'b']) await world.run({ type: 'crl.number', ca, least: 1 })
    expect(world.state.crls).toEqual({ a: 2, b: 1 })
    // after a restore numbers are raised above those that may have been used, and continue from there
    for (const least of [1000, 1]) await world.run({ type: 'crl.number', ca: 'a', least })
    expect(world.state.crls['a']).toBe(1001)
  })

  it('know the newest CRL that was signed, and until when it counts', async () => {
    const world = new World()
    const [first, second] = [addSeconds(world.now, 100), addSeconds(world.now, 200)]
    for (const least of [1, 1]) await world.run({ type: 'crl.number', ca: 'a', least })
    expect(world.state.signedCrls).toBeUndefined()
    // the process that took number 1 ends after the one that took number 2
    await world.run({ type: 'crl.record', ca: 'a', number: 2, nextUpdate: second })
    const recorded = world.state
    await world.run({ type: 'crl.record', ca: 'a', number: 1, nextUpdate: first })
    expect(world.state).toEqual(recorded)
    expect(world.state.signedCrls?.['a']).toMatchObject({ at: world.now, number: 2, nextUpdate: second })
    expect(world.state.crls).toEqual({ a: 2 })
    expect(world.violations({ type: 'crl.record', ca: 'a', number: 3, nextUpdate: first })).toEqual(['est-crl-unknown'])
  })
})

it('replays to the same state, and has one logical state on two machines', async () => {
  const worlds = await Promise.all(
    ['x', 'y'].map(async (salt) => {
      const world = new World()
      world.later(salt.length + (salt === 'y' ? 1000 : 0))
      await world.run(world.opening(`${salt}1`, 'k'))
      await world.issue(`${salt}1`)
      await world.run(world.opening(`${salt}2`, 'k2'))
      await world.run({ type: 'request.lose', id: `${salt}2`, message: salt })
      return world
    }),
  )
  for (const { state, events } of worlds) expect(events.reduce(est.evolve, EMPTY_EST)).toEqual(state)
  const [a, b] = worlds.map(({ state }) => est.logical(state))
  expect(a).toEqual(b)
  expect(JSON.stringify(a)).toContain('device')
})
