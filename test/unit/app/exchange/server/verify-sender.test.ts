/** The child that sent a message is found by the key that signed it, whatever the text says. */
import { generateKeyPairSync } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { verifySender } from '../../../../../src/core/app/exchange/server/verify-sender.js'
import type { CaState } from '../../../../../src/core/ca/state/state.js'
import { raw } from '../../../../../src/core/der/writer.js'
import {
  bpkiCa,
  type Craft,
  craft,
  crls,
  eeCertificate,
  messageCrl,
} from '../../../../support/peers/crafted-message.js'
import { type Party, partyOf } from '../../../../support/peers/parties.js'
import { aki, CA, NOW, OTHER, testKey } from '../../../../support/rpki/parts.js'

let [kid, bob, stranger]: Party[] = []

beforeAll(async () => {
  // the key of crafted messages is fixed key 1
  ;[kid, bob, stranger] = await Promise.all([partyOf(1), partyOf(38), partyOf(37)])
})

/** Returns a CA whose children have these ID certificates. */
function caWith(parties: Readonly<Record<string, Party | undefined>>): CaState {
  const ids = [{ ski: 'OWN', spki: '', certificate: '', notAfter: NOW }]
  const children = Object.entries(parties).map(([name, party]) => [
    name,
    { id: 'OWN', peer: Buffer.from(party?.certificate.der ?? []).toString('base64') },
  ])
  return { handle: 'testbed', ids, children: Object.fromEntries(children) } as unknown as CaState
}

const from = (sender: string): Craft => ({ content: Buffer.from(`<message sender="${sender}"/>`) })

async function sendersOf(state: CaState, cms: Uint8Array): Promise<readonly string[]> {
  return (await verifySender(state, cms, NOW)).senders.map(({ handle }) => handle)
}

test.each(['kid', 'bob', 'nokid', ''])('the key decides, not the sender "%s" of the text', async (name) => {
  expect(await sendersOf(caWith({ bob, kid }), craft(from(name)))).toEqual(['kid'])
})

test('children with one key are all possible, also with another certificate of it', async () => {
  expect(await sendersOf(caWith({ a: kid, bob, b: kid }), craft(from('b')))).toEqual(['b', 'a'])
})

test('without an authority key identifier the keys of the children are tried, that of the named one first', async () => {
  const ee: Craft['ee'] = (parts) => {
    delete parts.extensions.aki
  }
  expect(await sendersOf(caWith({ bob, kid }), craft({ ...from('nokid'), ee }))).toEqual(['kid'])
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`n${n}`, bob]))
  expect(await sendersOf(caWith({ ...many, kid }), craft({ ...from('kid'), ee }))).toEqual(['kid'])
  await expect(sendersOf(caWith({ ...many, kid }), craft({ ...from('nokid'), ee }))).rejects.toMatchObject({
    code: 'message-refused',
  })
})

test('through a CA certificate in the message', async () => {
  const below = testKey(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
  const ee = eeCertificate((parts) => {
    parts.signer = below
    parts.extensions.aki = aki(below.ski)
  })
  const cms = craft({
    ...from('kid'),
    cms: (parts) => {
      parts.certificates = [raw(ee), raw(bpkiCa(below, CA))]
      parts.crls = crls(messageCrl(undefined, below))
    },
  })
  expect(await sendersOf(caWith({ bob, kid }), cms)).toEqual(['kid'])
})

test('a key that no child has is refused with the sender of the text; a fault of the message comes first', async () => {
  const cms = (await stranger?.say(`<message sender="k\u0007id"/>`, NOW)) ?? new Uint8Array()
  await expect(sendersOf(caWith({ bob, kid }), cms)).rejects.toMatchObject({
    code: 'message-refused',
    message: `testbed has no child with the ID key ${stranger?.id.ski} that signed the message, which says that "k\\u0007id" sent it`,
  })
  await expect(sendersOf(caWith({}), cms)).rejects.toMatchObject({ code: 'message-refused' })
  await expect(sendersOf(caWith({ kid }), cms.subarray(0, 99))).rejects.toThrow(/RFC 5652|octets|length/i)
})

test('a message that names the key of a child and is signed by another one is refused', async () => {
  const ee: Craft['ee'] = (parts) => {
    parts.signer = OTHER
  }
  await expect(sendersOf(caWith({ bob, kid }), craft({ ...from('kid'), ee }))).rejects.toThrow(
    /is not signed by the ID key/,
  )
  const named: Craft['ee'] = (parts) => {
    parts.extensions.aki = aki(Buffer.from(bob?.id.ski ?? '', 'hex'))
  }
  await expect(sendersOf(caWith({ bob, kid }), craft({ ...from('bob'), ee: named }))).rejects.toThrow(
    /is not signed by the ID key/,
  )
})
