/** A bug while a verified message is carried out: the signed error of the protocol, and not the last word on that message. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { answerProvisioning } from '../../../../../src/core/app/exchange/server/answer-provisioning.js'
import { answerPublication } from '../../../../../src/core/app/exchange/server/answer-publication.js'
import { addRemoteChild } from '../../../../../src/core/app/exchange/server/child-contact.js'
import { isServerFault } from '../../../../../src/core/app/exchange/server/server-faults.js'
import type { Session } from '../../../../../src/core/app/session/session.js'
import { AppError } from '../../../../../src/core/base/errors.js'
import { parseHandle } from '../../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import { recordHeard } from '../../../../../src/core/peers/heard.js'
import { encodeProvisioning } from '../../../../../src/core/protocols/provisioning/encode.js'
import { encodeSetup } from '../../../../../src/core/protocols/setup/encode.js'
import { parseResources } from '../../../../../src/core/resources/resource-set.js'
import { type Party, partyOf } from '../../../../support/peers/parties.js'
import { type ForeignPublisher, foreignPublisher } from '../../../../support/peers/publisher.js'
import { newTestbed, quickSession, scratchFolder } from '../../../../support/sites/testbed.js'

const START = '2026-11-21T12:00:00Z' as Instant
const [TESTBED, KID] = ['testbed', 'kid'].map(parseHandle) as [never, never]
const scratch = scratchFolder('faults')
const dir = join(scratch.dir, 'data')
const bug = new TypeError('a bug')
let now = START
let party: Party
let pub: ForeignPublisher
afterAll(() => scratch.remove())

const session = (): Promise<Session> => {
  now = addSeconds(now, 60)
  return quickSession(dir, now)
}

/** A session in which every request fails once it is verified. */
const broken = (opened: Session): Session => ({
  ...opened,
  clockFor: () => {
    throw bug
  },
})

beforeAll(async () => {
  await newTestbed(dir, START)
  party = await partyOf(39)
  const xml = encodeSetup({ kind: 'child_request', childHandle: KID, id: party.certificate.der })
  await addRemoteChild(await session(), TESTBED, {
    ...{ child: KID, resources: parseResources('10.0.0.0/16'), serviceBase: 'https://rpki.example/' },
    request: Buffer.from(xml),
  })
  pub = await foreignPublisher(await session(), 'pub', 38)
})

const list = (at: Instant): Promise<Uint8Array> =>
  party.say(encodeProvisioning({ sender: 'kid', recipient: 'testbed', body: { type: 'list' } }), at)

test('RFC 6492: status 2001, and the answer when the same message comes again', async () => {
  const opened = await session()
  const message = await list(opened.now())
  const failed = await answerProvisioning(broken(opened), TESTBED, message)
  expect(failed).toMatchObject({ type: 'error_response', status: 2001, fault: bug })
  expect(failed.text).not.toContain(bug.message)
  expect(await answerProvisioning(await session(), TESTBED, message)).toMatchObject({ type: 'list_response' })
})

test('RFC 8181: other_error, and success when the same message comes again', async () => {
  const opened = await session()
  const message = await pub.message(opened.now(), [pub.put('a.roa', 'one')])
  const failed = await answerPublication(broken(opened), pub.handle, message)
  expect(failed).toMatchObject({ reply: { type: 'error', errors: [{ code: 'other_error' }] }, fault: bug })
  expect(JSON.stringify(failed.reply)).not.toContain(bug.message)
  expect((await answerPublication(await session(), pub.handle, message)).reply).toEqual({ type: 'success' })
})

test('a damaged answer in status/ is not sent: the request is carried out again', async () => {
  const opened = await session()
  const message = await list(opened.now())
  await answerProvisioning(opened, TESTBED, message)
  const at = opened.now()
  const answer = Uint8Array.of(0x30, 0x03, 0, 0, 0)
  recordHeard(dir, { ca: 'testbed', child: 'kid' }, { signedAt: at, at, message, answer })
  expect(await answerProvisioning(opened, TESTBED, message)).toMatchObject({ type: 'list_response' })
})

test.each([
  [true, bug],
  [true, new AppError('io', 'disk-full', 'full')],
  [true, new AppError('corrupt', 'object-missing', 'gone')],
  [false, new AppError('rejected', 'message-refused', 'a replay')],
  [false, new AppError('standby', 'standby', 'another host writes')],
  [false, new AppError('io', 'clock-behind', 'the clock')],
  [false, new AppError('interrupted', 'interrupted', 'SIGTERM')],
])('a signed error: %s, for %s', (isSigned, error) => {
  expect(isServerFault(error)).toBe(isSigned)
})
