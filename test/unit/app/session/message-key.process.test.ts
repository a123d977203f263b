/** The key of the EE certificates of messages: one for each day, replaced where it cannot be used, in no backup. */
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { messageKey } from '../../../../src/core/app/session/message-key.js'
import type { Session } from '../../../../src/core/app/session/session.js'
import { withMessageSigner } from '../../../../src/core/app/session/signing.js'
import type { KeyId } from '../../../../src/core/crypto/ports.js'
import { fixedKey } from '../../../support/rpki/fixed-keys.js'
import { newTestbed, quickSession, scratchFolder } from '../../../support/sites/testbed.js'
import { listingOf } from '../../../support/store/dir-listing.js'

const scratch = scratchFolder('message-key')
const dir = join(scratch.dir, 'data')
const pool = join(dir, 'keys/pool')
const MORNING = '2026-03-01T06:00:00Z'
const EVENING = '2026-03-01T23:59:59Z'
const TOMORROW = '2026-03-02T00:00:00Z'

beforeAll(() => newTestbed(dir, '2026-01-01T00:00:00Z'))
beforeEach(() => {
  for (const name of readdirSync(pool)) rmSync(join(pool, name), { recursive: true })
})
afterAll(() => scratch.remove())

const at = (time: string): Promise<Session> => quickSession(dir, time)

/** Returns the id of the key of a message. */
async function used(time: string): Promise<KeyId> {
  return withMessageSigner(await at(time), (signer) =>
    signer.signOneOff(async (key) => {
      await key.sign(Uint8Array.of(1))
      return key.id
    }),
  )
}

test('a day has one key, and with the next day it is gone', async () => {
  const first = await used(MORNING)
  const before = listingOf(dir)
  expect(await used(EVENING)).toBe(first)
  expect(listingOf(dir)).toEqual(before)
  expect(readdirSync(pool)).toEqual(['messages-2026-03-01'])
  expect(await used(TOMORROW)).not.toBe(first)
  expect(readdirSync(pool)).toEqual(['messages-2026-03-02'])
})

test('it is no key of the pool: no object is signed with it', async () => {
  await used(MORNING)
  const { keys } = (await at(MORNING)).store
  expect([keys.poolSize(), keys.takePool(1)]).toEqual([0, []])
})

test('it is taken from the pool where that has one', async () => {
  const { keys } = (await at(MORNING)).store
  keys.putPool(fixedKey(37).id, new Uint8Array(fixedKey(37).privateKey.export({ type: 'pkcs8', format: 'der' })))
  expect(await used(MORNING)).toBe(fixedKey(37).id)
  expect(keys.poolSize()).toBe(0)
})

test('a promotion removes it with the pool', async () => {
  await used(MORNING)
  ;(await at(MORNING)).store.keys.wipePool()
  expect(readdirSync(pool)).toEqual([])
})

test('a file that is no key is replaced', async () => {
  const first = await used(MORNING)
  const path = join(pool, 'messages-2026-03-01')
  for (const bytes of [Buffer.alloc(0), readFileSync(path).subarray(0, 600)]) {
    writeFileSync(path, bytes, { mode: 0o600 })
    const next = await used(MORNING)
    expect(next).not.toBe(first)
    expect(await used(EVENING)).toBe(next)
  }
})

test('a file that other users can read is not used, and the message is signed with another key', async () => {
  const first = await used(MORNING)
  const path = join(pool, 'messages-2026-03-01')
  chmodSync(path, 0o644)
  const session = await at(MORNING)
  const notices: string[] = []
  const noticing = { ...session, options: { ...session.options, onNotice: (text: string) => void notices.push(text) } }
  const key = await messageKey(noticing, async () => fixedKey(36))
  expect(key.id).toBe(fixedKey(36).id)
  expect(key.id).not.toBe(first)
  expect(notices[0]).toMatch(/messages-2026-03-01: accessible to other users/)
})
