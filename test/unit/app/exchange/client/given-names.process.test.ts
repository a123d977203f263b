/** The names that a parent gives in its parent_response (RFC 8183 section 5.2.2): each message has them, whatever the request and the operator said. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { configureLocalRepository } from '../../../../../src/core/app/authority/parents.js'
import type { Deliver } from '../../../../../src/core/app/exchange/client/deliver.js'
import { addRemoteParent } from '../../../../../src/core/app/exchange/client/parent-contact.js'
import { refreshParent } from '../../../../../src/core/app/exchange/client/refresh-parent.js'
import { openMessage, sealMessage } from '../../../../../src/core/app/exchange/messages.js'
import { addRemoteChild } from '../../../../../src/core/app/exchange/server/child-contact.js'
import { withMessageSigner } from '../../../../../src/core/app/session/signing.js'
import { parseHandle } from '../../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import { systemRandom } from '../../../../../src/core/crypto/random.js'
import { newestId } from '../../../../../src/core/identity/id-keys.js'
import { decodeProvisioning } from '../../../../../src/core/protocols/provisioning/decode.js'
import { encodeProvisioning } from '../../../../../src/core/protocols/provisioning/encode.js'
import { scratchFolder } from '../../../../support/sites/testbed.js'
import {
  childRequest,
  KID,
  newDirectories,
  RESOURCES,
  SERVICE,
  TESTBED,
  type TwoDirectories,
  UP,
} from '../../../../support/sites/two-directories.js'

const GIVEN = parseHandle('ORG-4711')
const scratch = scratchFolder('given-names')
let now = '2026-11-21T12:00:00Z' as Instant
let two: TwoDirectories
let sent: string[] = []
/** Names of the answer, in place of those that the parent would write. */
let answered: Readonly<{ sender: string; recipient: string }> | undefined

afterAll(() => scratch.remove())
beforeAll(async () => {
  two = await newDirectories(`${scratch.dir}/one`, () => now)
  await configureLocalRepository(await two.here(), KID)
  const request = await childRequest(two)
  const child = { child: GIVEN, resources: RESOURCES, request, serviceBase: SERVICE }
  const { response } = await addRemoteChild(await two.there(), TESTBED, child)
  const contact = { response: Buffer.from(response ?? ''), permissions: { allowPrivate: true } }
  await addRemoteParent(await two.here(), KID, UP, contact)
})

const deliver: Deliver = async ({ to, seal, open: read }) => {
  const cms = await seal(now)
  const asked = decodeProvisioning((await openMessage(cms, { peer: (await ownId()) ?? '' }, now)).content)
  sent.push(`${asked.sender} to ${asked.recipient}: ${asked.body.type}`)
  const reply = await two.answer(to.serviceUri, cms)
  if (answered === undefined) return read(reply)
  const id = newestId(await two.stateThere(TESTBED)) ?? expect.fail('the parent has no ID key')
  const { body } = decodeProvisioning((await openMessage(reply, { peer: id.certificate }, now)).content)
  const xml = encodeProvisioning({ ...answered, body })
  return read(
    await withMessageSigner(await two.there(), (signer) => sealMessage({ signer, random: systemRandom }, id, xml, now)),
  )
}

const ownId = async () => newestId(await two.stateHere(KID))?.certificate

async function refresh() {
  sent = []
  now = addSeconds(now, 60)
  return refreshParent(await two.here(), KID, UP, { deliver })
}

test('a child that the parent calls by another name says that name, and gets its certificate', async () => {
  expect(await refresh()).toMatchObject({ requests: [{ outcome: 'issued' }] })
  expect(sent).toEqual(['ORG-4711 to testbed: list', 'ORG-4711 to testbed: issue'])
  expect(Object.keys((await two.stateThere(TESTBED)).children)).toContain('ORG-4711')
})

test.each([
  ['testbed', 'kid'],
  ['up', 'ORG-4711'],
  ['ORG-4711', 'testbed'],
])('an answer of %s to %s is not acted on', async (sender, recipient) => {
  answered = { sender, recipient }
  await expect(refresh()).rejects.toMatchObject({ code: 'answer-invalid' })
  answered = { sender: 'testbed', recipient: 'ORG-4711' }
  expect(await refresh()).toMatchObject({ changed: false })
})
