/** Messages between an ID key of ours and a peer that has its certificate. */
import { beforeEach, expect, test } from 'vitest'
import { createCa } from '../../../../src/core/app/authority/cas.js'
import { openMessage, sealMessage } from '../../../../src/core/app/exchange/messages.js'
import { runCa } from '../../../../src/core/app/session/context.js'
import { fromUtf8 } from '../../../../src/core/base/bytes.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import { addSeconds } from '../../../../src/core/base/time.js'
import { utcOrGeneralized } from '../../../../src/core/der/writer.js'
import { type IdKey, idsOf, newestId } from '../../../../src/core/identity/id-keys.js'
import { bpkiCa, craft, SIGNED_AT } from '../../../support/peers/crafted-message.js'
import { CA, at as certificateTime } from '../../../support/rpki/parts.js'
import { emptyWorld, type World } from '../../../support/rpki/small-world.js'

const [OURS, OTHER] = ['ours', 'other'].map(parseHandle) as [never, never]
let world: World

beforeEach(async () => {
  world = emptyWorld()
  for (const handle of [OURS, OTHER]) {
    await createCa(world.tx, handle)
    await runCa(world.tx, handle, { type: 'id.add' })
  }
})

function id(handle: string): IdKey {
  const found = newestId(world.ca(handle))
  if (found === undefined) throw new Error('no ID key')
  return found
}
const seal = () => sealMessage(world.tx.ports, id('ours'), '<message/>', world.now())

test('a message is opened by the certificate of the key that signed it', async () => {
  const opened = await openMessage(await seal(), { peer: id('ours').certificate }, world.now())
  expect([fromUtf8(opened.content), opened.signingTime]).toEqual(['<message/>', world.now()])
})

test('a message of another key is refused', async () => {
  await expect(openMessage(await seal(), { peer: id('other').certificate }, world.now())).rejects.toThrow(
    /the EE certificate is/,
  )
})

test('a message is refused an hour later', async () => {
  const at = addSeconds(world.now(), 3600)
  await expect(openMessage(await seal(), { peer: id('ours').certificate }, at)).rejects.toThrow(/the EE certificate is/)
})

test('an ID key is made once where asked for only if there is none, and again where asked for another', async () => {
  expect(await runCa(world.tx, OURS, { type: 'id.add', ifNone: true })).toEqual([])
  await runCa(world.tx, OURS, { type: 'id.add' })
  expect(idsOf(world.ca('ours'))).toHaveLength(2)
})

test('a stale CRL is taken from a peer with that permission alone', async () => {
  const cms = craft({
    crl: (parts) => {
      parts.thisUpdate = utcOrGeneralized(certificateTime('2026-04-01T00:00:00Z'))
      parts.nextUpdate = utcOrGeneralized(certificateTime('2026-05-01T00:00:00Z'))
    },
  })
  const peer = Buffer.from(bpkiCa(CA, CA)).toString('base64')
  const open = (permission: object) => openMessage(cms, { peer, ...permission }, SIGNED_AT)
  for (const permission of [{}, { acceptStaleCrl: false }])
    await expect(open(permission)).rejects.toThrow(/the CRL was valid until 2026-05-01/)
  expect((await open({ acceptStaleCrl: true })).signingTime).toBe(SIGNED_AT)
})
