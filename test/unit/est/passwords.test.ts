/** One-time passwords: counted, expiring, used when the certificate is issued and not before. */
import { describe, expect, it } from 'vitest'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { est } from '../../../src/core/est/aggregate.js'
import { usesLeft } from '../../../src/core/est/passwords.js'
import { World } from './given.js'

const BY = { how: 'password', name: 'p' } as const

describe('a one-time password', () => {
  it('is reserved by an open request and spent by its certificate', async () => {
    const world = new World()
    await world.createPassword('p')
    await world.run(world.opening('r1', 'k', { by: BY }))
    expect(usesLeft(world.state, 'p', world.now)).toBe(0)
    expect(world.violations(world.opening('r2', 'other', { by: BY }))).toEqual(['est-password-spent'])
    await world.issue('r1', BY)
    expect(world.state.passwords['p']).toMatchObject({ uses: 1, used: 1 })
    expect(world.violations(world.opening('r2', 'other', { by: BY }))).toEqual(['est-password-spent'])
  })

  it('is available again when the request failed', async () => {
    const world = new World()
    await world.createPassword('p')
    await world.run(world.opening('r1', 'k', { by: BY }))
    await world.run({ type: 'request.end', id: 'r1', why: 'refused', message: 'no' })
    expect(usesLeft(world.state, 'p', world.now)).toBe(1)
  })

  it('is available again when the process whose key signs died, and not when the CA may have issued', async () => {
    for (const here of [true, false]) {
      const world = new World()
      await world.createPassword('p')
      await world.run(world.opening('r1', 'k', { by: BY, attempt: { attempt: 'a', ca: 'c', timeout: 40, here } }))
      world.later(40)
      expect(usesLeft(world.state, 'p', world.now), String(here)).toBe(here ? 1 : 0)
    }
  })

  it('can be used for its number of certificates, until it expires or is revoked', async () => {
    const world = new World()
    await world.createPassword('p', 3, 100)
    for (const id of ['r1', 'r2']) {
      await world.run(world.opening(id, id, { by: BY }))
      await world.issue(id, BY)
    }
    expect(usesLeft(world.state, 'p', world.now)).toBe(1)
    world.later(99)
    expect(usesLeft(world.state, 'p', world.now)).toBe(1)
    world.later(1)
    expect(usesLeft(world.state, 'p', world.now)).toBe(0)
    expect(world.violations(world.opening('r3', 'r3', { by: BY }))).toEqual(['est-password-spent'])
    expect(await world.run({ type: 'password.revoke', id: 'p' })).toContain('password.revoked')
    expect(world.state.passwords).toEqual({})
    expect(world.violations({ type: 'password.revoke', id: 'p' })).toEqual(['est-password-unknown'])
  })

  it('has a note of bounded length, and leaves no hash in the record of its command', () => {
    const world = new World()
    const hash = sha256Hex(Buffer.from('secret'))
    const rest = { id: 'p', label: 'device', uses: 1, validSeconds: 60 }
    const command = { type: 'password.create', hash, note: 'x'.repeat(201), ...rest } as const
    expect(world.violations(command)).toEqual(['est-note-long'])
    expect(JSON.stringify(est.summarize(command))).not.toContain(hash)
  })
})
