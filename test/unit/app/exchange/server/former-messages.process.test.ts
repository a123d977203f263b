/**
 * Captured messages of before (RFC 6492 section 3.1.2) stay replays: of a peer that an earlier version removed, which recorded no replay clock
 * of it, and after a backup or a copy was put in the place of the history that knew them.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createBackup } from '../../../../../src/core/app/backup/create.js'
import { restoreBackup } from '../../../../../src/core/app/backup/restore.js'
import { answerProvisioning } from '../../../../../src/core/app/exchange/server/answer-provisioning.js'
import { answerPublication } from '../../../../../src/core/app/exchange/server/answer-publication.js'
import { addRemoteChild } from '../../../../../src/core/app/exchange/server/child-contact.js'
import { runCa } from '../../../../../src/core/app/session/context.js'
import { openSession } from '../../../../../src/core/app/session/session.js'
import { transact } from '../../../../../src/core/app/transaction/transact.js'
import { parseHandle } from '../../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import type { KeyId } from '../../../../../src/core/crypto/ports.js'
import { readMessage } from '../../../../../src/core/protocols/cms/read-message.js'
import { decodeProvisioning } from '../../../../../src/core/protocols/provisioning/decode.js'
import { encodeProvisioning } from '../../../../../src/core/protocols/provisioning/encode.js'
import type { ProvisioningBody } from '../../../../../src/core/protocols/provisioning/types.js'
import { encodeSetup } from '../../../../../src/core/protocols/setup/encode.js'
import { parseResources } from '../../../../../src/core/resources/resource-set.js'
import { type Party, partyOf } from '../../../../support/peers/parties.js'
import { bytesOf, type ForeignPublisher, foreignPublisher } from '../../../../support/peers/publisher.js'
import { FIXED_KEYS } from '../../../../support/rpki/fixed-keys.js'
import { newTestbed, quickSession, scratchFolder } from '../../../../support/sites/testbed.js'
import { thawStore } from '../../../../support/store/frozen-store.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const [TESTBED, KID, PUB] = ['testbed', 'kid', 'pub'].map(parseHandle) as [never, never, never]
const scratch = scratchFolder('former')
let count = 0
let dir: string
let now: Instant
let child: Party

afterAll(() => scratch.remove())
beforeAll(async () => {
  child = await partyOf(FIXED_KEYS - 3)
})
beforeEach(() => {
  dir = join(scratch.dir, `${++count}`)
})

const open = () => quickSession(dir, now)
const later = (seconds = 5): void => {
  now = addSeconds(now, seconds)
}

async function addKid() {
  const request = bytesOf(encodeSetup({ kind: 'child_request', childHandle: KID, id: child.certificate.der }))
  const resources = parseResources('10.0.0.0/8')
  return addRemoteChild(await open(), TESTBED, { child: KID, resources, request, serviceBase: 'https://a.example/' })
}
const said = (body: ProvisioningBody): Promise<Uint8Array> =>
  child.say(encodeProvisioning({ sender: 'kid', recipient: 'testbed', body }), now)
const LIST: ProvisioningBody = { type: 'list' }
const REVOKE: ProvisioningBody = { type: 'revoke', className: '0', ski: 'A'.repeat(40) as KeyId }
async function answered(cms: Uint8Array): Promise<string> {
  const answer = await answerProvisioning(await open(), TESTBED, cms)
  return decodeProvisioning(readMessage(answer.cms).content ?? new Uint8Array()).body.type
}

describe('a peer that an earlier version removed', () => {
  test('a publisher of a frozen directory', async () => {
    thawStore('2-cleared', dir)
    const parties = await Promise.all(Array.from({ length: FIXED_KEYS }, (_, index) => partyOf(index)))
    // the publisher that was removed at 10:06
    const index = parties.findIndex(({ certificate }) => certificate.ski.startsWith('40EF9A41'))
    now = '2026-12-03T10:08:00Z' as Instant
    const one = await foreignPublisher(await open(), 'one', index)
    const captured = await one.message('2026-12-03T10:05:30Z' as Instant, [one.put('b.cer', 'old')])
    await expect(answerPublication(await open(), one.handle, captured)).rejects.toThrow(/a replay/)
    await expect(
      answerPublication(await open(), one.handle, await one.message('2026-12-03T10:05:30Z' as Instant)),
    ).rejects.toThrow(/a replay/)
    expect(await one.ask(await open(), [one.put('b.cer', 'new')])).toEqual({ type: 'success' })
  })

  test('a child', async () => {
    now = NOW
    await newTestbed(dir, NOW)
    await addKid()
    later()
    const [list, revoke] = [await said(LIST), await said(REVOKE)]
    expect([await answered(list), await answered(revoke)]).toEqual(['list_response', 'error_response'])
    later()
    // what an earlier version recorded
    await transact(await open(), (tx) => runCa(tx, TESTBED, { type: 'child.remove', child: KID }))
    later()
    await addKid()
    for (const captured of [list, revoke]) await expect(answered(captured)).rejects.toThrow(/a replay/)
    expect(await answered(await said(LIST))).toBe('list_response')
  })
})

describe('a directory that went on from a backup', () => {
  let pub: ForeignPublisher
  let captured: { readonly list: Uint8Array; readonly revoke: Uint8Array; readonly put: Uint8Array }

  /** A child and a publisher whose messages came after the backup was made. */
  async function given(): Promise<string> {
    now = NOW
    await newTestbed(dir, NOW)
    await addKid()
    pub = await foreignPublisher(await open(), PUB, FIXED_KEYS - 4)
    later()
    const to = join(scratch.dir, `backup-${count}.tar`)
    await createBackup(await open(), { to, encryption: { type: 'plain' } } as never)
    later()
    captured = { list: await said(LIST), revoke: await said(REVOKE), put: await pub.message(now, [pub.put('a', 'a')]) }
    await answered(captured.list)
    await answered(captured.revoke)
    await answerPublication(await open(), PUB, captured.put)
    later()
    expect(await pub.ask(await open(), [pub.drop('a', 'a')])).toEqual({ type: 'success' })
    later()
    return to
  }

  test('takes nothing that was signed before', async () => {
    const source = await given()
    const dataDir = `${dir}-restored`
    const keys = { identities: [], passphrase: undefined } as never
    await restoreBackup({ ...(await open()).options, dataDir }, { source, keys })
    dir = dataDir
    later()
    for (const cms of [captured.list, captured.revoke]) await expect(answered(cms)).rejects.toThrow(/a replay/)
    await expect(answerPublication(await open(), PUB, captured.put)).rejects.toThrow(/a replay/)
    await expect(answerPublication(await open(), PUB, await pub.message(addSeconds(now, -30)))).rejects.toThrow(
      /a replay/,
    )
    later()
    expect(await answered(await said(LIST))).toBe('list_response')
    expect(await pub.ask(await open(), [pub.put('a', 'a')])).toEqual({ type: 'success' })
  })
})

test('a stand-by answers nothing: what it lists is of before', async () => {
  now = NOW
  await newTestbed(dir, NOW)
  await addKid()
  const pub = await foreignPublisher(await open(), PUB, FIXED_KEYS - 4)
  later()
  const copy = await openSession({ ...(await open()).options, asCopy: true })
  await expect(answerProvisioning(copy, TESTBED, await said(LIST))).rejects.toMatchObject({ kind: 'standby' })
  await expect(answerPublication(copy, PUB, await pub.message(now))).rejects.toMatchObject({ kind: 'standby' })
})
