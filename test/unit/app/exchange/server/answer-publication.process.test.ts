/** The server of RFC 8181 against a publisher that signs with its own ID key: what is listed, published, withdrawn, refused. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { addCa } from '../../../../../src/core/app/authority/cas.js'
import { answerCgi } from '../../../../../src/core/app/cgi/cgi.js'
import { openMessage, sealMessage } from '../../../../../src/core/app/exchange/messages.js'
import { answerPublication } from '../../../../../src/core/app/exchange/server/answer-publication.js'
import { addPublisher, publisherResponse } from '../../../../../src/core/app/exchange/server/publisher-contact.js'
import { pubdState } from '../../../../../src/core/app/session/context.js'
import { status } from '../../../../../src/core/app/status/status.js'
import { fromUtf8 } from '../../../../../src/core/base/bytes.js'
import { parseHandle } from '../../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import { sha256Hex } from '../../../../../src/core/crypto/digest.js'
import type { KeyId, Signer } from '../../../../../src/core/crypto/ports.js'
import { createSoftSigner } from '../../../../../src/core/crypto/soft-signer.js'
import { Work } from '../../../../../src/core/eventsourcing/work.js'
import type { IdKey } from '../../../../../src/core/identity/id-keys.js'
import { makeIdCertificate } from '../../../../../src/core/protocols/cms/id-certificate.js'
import { decodePublicationReply } from '../../../../../src/core/protocols/publication/decode.js'
import { encodePublicationQuery } from '../../../../../src/core/protocols/publication/encode.js'
import type { Pdu, PublicationQuery, PublicationReply } from '../../../../../src/core/protocols/publication/types.js'
import { decodeSetup } from '../../../../../src/core/protocols/setup/decode.js'
import { encodeSetup } from '../../../../../src/core/protocols/setup/encode.js'
import type { PubdState } from '../../../../../src/core/pubd/state.js'
import { FIXED_KEYS, fixedKeys } from '../../../../support/rpki/fixed-keys.js'
import { countingRandom } from '../../../../support/rpki/small-world.js'
import { newTestbed, quickSession, scratchFolder } from '../../../../support/sites/testbed.js'
import { createMemoryKeyStore } from '../../../../support/store/memory-key-store.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const [PUB, TESTBED] = ['pub', 'testbed'].map(parseHandle) as [never, never]
const URI = 'https://rpki.example.net/'
const random = countingRandom()
const scratch = scratchFolder('publication')
/** Other keys than those that the server makes. */
const signer: Signer = createSoftSigner({ keyStore: createMemoryKeyStore(), source: fixedKeys(FIXED_KEYS - 24) })

let dir: string
let count = 0
let now: Instant
let id: IdKey
let stranger: IdKey
let serverId: Uint8Array
let base: string

async function newId(): Promise<IdKey> {
  const { id: ski, spki } = await signer.createKey()
  const sign = (tbs: Uint8Array) => signer.sign(ski, tbs)
  const [notBefore, notAfter] = [addSeconds(NOW, -300), addSeconds(NOW, 86_400 * 365)]
  const der = await makeIdCertificate({ ski, spki, sign, notBefore, notAfter, serial: 7n })
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
  return { ski, spki: base64(spki), certificate: base64(der), notAfter }
}

const requestOf = (of: IdKey): Uint8Array =>
  Buffer.from(
    encodeSetup({
      ...{ kind: 'publisher_request', publisherHandle: PUB, tag: 'T1', referrals: [] },
      id: Buffer.from(of.certificate, 'base64'),
    }),
  )

beforeAll(async () => {
  id = await newId()
  stranger = await newId()
})
afterAll(() => scratch.remove())

beforeEach(async () => {
  count += 1
  dir = `${scratch.dir}/${count}`
  now = NOW
  await newTestbed(dir, NOW)
  const added = await addPublisher(await session(), { publisher: PUB, request: requestOf(id), serviceBase: URI })
  base = added.base
  const response = decodeSetup(Buffer.from(added.response ?? ''))
  expect(response).toMatchObject({
    ...{ kind: 'repository_response', serviceUri: `${URI}rfc8181/pub`, publisherHandle: 'pub', siaBase: base },
    ...{ tag: 'T1', rrdpNotificationUri: `${(await state()).rrdpBase}notification.xml` },
  })
  serverId = response.kind === 'repository_response' ? response.id : new Uint8Array()
})

const session = () => {
  now = addSeconds(now, 60)
  return quickSession(dir, now)
}

async function state(): Promise<PubdState> {
  return (await session()).store.read(async (reader) => pubdState(new Work(reader)))
}

interface Sending {
  readonly by?: IdKey
  readonly signedAt?: Instant
  readonly edit?: (xml: string) => string
}

/** Sends a query as the publisher and returns the verified reply. */
async function ask(query: PublicationQuery, sending: Sending = {}): Promise<PublicationReply> {
  const opened = await session()
  const { by = id, signedAt = opened.now(), edit = (xml: string) => xml } = sending
  const cms = await sealMessage({ signer, random }, by, edit(encodePublicationQuery(query)), signedAt)
  const answer = await answerPublication(opened, PUB, cms)
  const read = await openMessage(answer.cms, { peer: Buffer.from(serverId).toString('base64') }, opened.now())
  return decodePublicationReply(read.content)
}

const delta = (...pdus: readonly Pdu[]): PublicationQuery => ({ type: 'delta', pdus })
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text))
const hashOf = (text: string): string => sha256Hex(bytesOf(text))
const put = (name: string, text: string, before?: string): Pdu => ({
  ...{ kind: 'publish', tag: `t-${name}`, uri: base + name, bytes: bytesOf(text) },
  ...(before === undefined ? {} : { hash: hashOf(before) }),
})
const drop = (name: string, before: string): Pdu => ({
  ...{ kind: 'withdraw', tag: `t-${name}`, uri: base + name, hash: hashOf(before) },
})
const listed = async () => {
  const reply = await ask({ type: 'list' })
  return reply.type === 'list' ? reply.objects : undefined
}

test('a delta publishes, updates and withdraws in one serial each, and a list returns what is published', async () => {
  expect(await listed()).toEqual([])
  const { serial } = await state()
  expect(await ask(delta(put('b.cer', 'bee'), put('a/x.roa', 'ex')))).toEqual({ type: 'success' })
  expect(await listed()).toEqual([
    { uri: `${base}a/x.roa`, hash: hashOf('ex') },
    { uri: `${base}b.cer`, hash: hashOf('bee') },
  ])
  const server = await state()
  const folder = base.slice(server.rsyncBase.length)
  const path = (name: string) => join(dir, 'repo', 'rsync', 'current', folder, name)
  expect(server.serial).toBe(serial + 1)
  expect(readFileSync(path('a/x.roa'), 'utf8')).toBe('ex')
  expect(await ask(delta(put('b.cer', 'two', 'bee'), drop('a/x.roa', 'ex'), put('c.mft', 'sea')))).toEqual({
    type: 'success',
  })
  expect((await state()).serial).toBe(serial + 2)
  expect(await listed()).toEqual([
    { uri: `${base}b.cer`, hash: hashOf('two') },
    { uri: `${base}c.mft`, hash: hashOf('sea') },
  ])
  expect(existsSync(path('a/x.roa'))).toBe(false)
  expect(readFileSync(path('b.cer'), 'utf8')).toBe('two')
})

test('an empty delta succeeds and records nothing', async () => {
  const { store } = await session()
  const head = await store.read(async (reader) => reader.head)
  expect(await ask(delta())).toEqual({ type: 'success' })
  expect(await store.read(async (reader) => reader.head)).toBe(head)
})

describe('a delta with an error', () => {
  beforeEach(async () => {
    await ask(delta(put('held.cer', 'held'), put('folder/x.cer', 'ex')))
  })

  test.each<[string, () => readonly Pdu[]]>([
    ['object_already_present', () => [put('held.cer', 'new')]],
    ['no_object_present', () => [put('none.cer', 'new', 'old')]],
    ['no_object_present', () => [drop('none.cer', 'old')]],
    ['no_object_matching_hash', () => [put('held.cer', 'new', 'other')]],
    ['no_object_matching_hash', () => [drop('held.cer', 'other')]],
    ['permission_failure', () => [{ ...put('x.cer', 'x'), uri: `${base.replace(/pub\/$/, 'testbed/')}x.cer` }]],
    ['permission_failure', () => [{ ...put('x.cer', 'x'), uri: `${base.slice(0, -1)}b/x.cer` }]],
    ['permission_failure', () => [put('../testbed/x.cer', 'x')]],
    ['permission_failure', () => [put('%2e%2e/x.cer', 'x')]],
    ['permission_failure', () => [put('a//x.cer', 'x')]],
    ['permission_failure', () => [{ ...put('x.cer', 'x'), uri: `${base.replace('rsync:', 'RSYNC:')}x.cer` }]],
    ['permission_failure', () => [{ ...put('x.cer', 'x'), uri: `rsync://elsewhere.example/repo/pub/x.cer` }]],
    ['consistency_problem', () => [put('twice.cer', 'one'), put('twice.cer', 'two')]],
    ['consistency_problem', () => [put('held.cer/x.cer', 'x')]],
    ['consistency_problem', () => [put('folder', 'x')]],
  ])('is answered with %s, tag and PDU, and changes nothing (%#)', async (code, pdus) => {
    const { store } = await session()
    const head = await store.read(async (reader) => reader.head)
    const reply = await ask(delta(put('good.cer', 'good'), ...pdus()))
    const wrong = pdus().at(-1) as Pdu
    expect(reply).toMatchObject({ type: 'error', errors: [{ code, tag: wrong.tag, failedPdu: wrong }] })
    expect(reply.type === 'error' && reply.errors).toHaveLength(1)
    expect(await store.read(async (reader) => reader.head)).toBe(head)
    expect((await listed())?.map((object) => object.uri)).toEqual([`${base}folder/x.cer`, `${base}held.cer`])
  })

  test('names each PDU that is wrong', async () => {
    const reply = await ask(delta(put('held.cer', 'new'), drop('none.cer', 'x')))
    expect(reply).toMatchObject({ errors: [{ code: 'object_already_present' }, { code: 'no_object_present' }] })
  })
})

test('a folder whose objects are withdrawn in the same delta may become an object', async () => {
  await ask(delta(put('folder/x.cer', 'ex')))
  expect(await ask(delta(put('folder', 'x'), drop('folder/x.cer', 'ex')))).toEqual({ type: 'success' })
})

describe('a message', () => {
  test('of another key is refused without an answer', async () => {
    await expect(ask({ type: 'list' }, { by: stranger })).rejects.toMatchObject({ code: 'message-refused' })
    await expect(ask(delta(put('x.cer', 'x')), { by: stranger })).rejects.toMatchObject({ code: 'message-refused' })
    expect(await listed()).toEqual([])
  })

  test('of the publisher with a fault of its CMS is answered with bad_cms_signature', async () => {
    const early = { signedAt: addSeconds(now, -3600) }
    expect(await ask(delta(put('x.cer', 'x')), early)).toMatchObject({
      type: 'error',
      errors: [{ code: 'bad_cms_signature', text: expect.stringMatching(/valid from .*RFC 6492 section 3\.1\.2/) }],
    })
    expect(await listed()).toEqual([])
  })

  test('with a signing time before the last change is a replay, one with the same is not', async () => {
    await ask(delta(put('x.cer', 'x')))
    const heard = (await state()).publishers['pub']?.remote?.signedAt ?? NOW
    now = heard
    await expect(ask({ type: 'list' }, { signedAt: addSeconds(heard, -1) })).rejects.toThrow(/replay/)
    const again = delta(put('y.cer', 'y'))
    await expect(ask(again, { signedAt: addSeconds(heard, -1) })).rejects.toThrow(/replay/)
    expect(await ask(again, { signedAt: heard })).toEqual({ type: 'success' })
  })

  test.each<[string, (xml: string) => string]>([
    ['of version 3', (xml) => xml.replace('version="4"', 'version="3"')],
    ['that is a reply', (xml) => xml.replace('type="query"', 'type="reply"')],
    ['that is no XML', () => 'list'],
  ])('%s is answered with xml_error', async (_, edit) => {
    const reply = await ask(delta(put('x.cer', 'x')), { edit })
    expect(reply).toMatchObject({ type: 'error', errors: [{ code: 'xml_error' }] })
    expect(await listed()).toEqual([])
  })

  test('to a publisher that is not there, or is a CA here, has no answer', async () => {
    for (const handle of [parseHandle('nopub'), TESTBED])
      await expect(answerPublication(await session(), handle, Uint8Array.of(0x30, 0))).rejects.toMatchObject({
        code: 'publisher-unknown',
      })
  })
})

test('the ID key of the server is no orphan, and is missing without its file', async () => {
  const opened = await session()
  expect(await status(opened)).toMatchObject({ verdict: 'ok', orphanKeys: [] })
  opened.store.keys.remove((await state()).ids?.[0]?.ski as KeyId)
  expect(await status(opened)).not.toMatchObject({ verdict: 'ok' })
})

test('over CGI it is answered without TLS; an unknown publisher is 404 and a refused message 400', async () => {
  const opened = await session()
  const xml = encodePublicationQuery({ type: 'list' })
  const over = async (path: string, by: IdKey) => {
    const cms = await sealMessage({ signer, random }, by, xml, opened.now())
    const env = {
      ...{ REQUEST_METHOD: 'POST', PATH_INFO: path, CONTENT_TYPE: 'application/rpki-publication' },
      CONTENT_LENGTH: String(cms.length),
    }
    return fromUtf8(await answerCgi({ env, body: async () => cms, open: async () => opened, log: () => undefined }))
  }
  expect(await over('/rfc8181/pub', id)).toContain('Content-Type: application/rpki-publication')
  expect(await over('/rfc8181/nopub', id)).toContain('Status: 404 ')
  expect(await over('/rfc8181/', id)).toContain('Status: 404 ')
  expect(await over('/rfc8181/pub', stranger)).toContain('Status: 400 ')
})

describe('a handle', () => {
  const add = async (handle: string) =>
    addPublisher(await session(), { publisher: parseHandle(handle), request: requestOf(id), serviceBase: URI })

  test('of a CA or trust anchor here, or of a publisher, is refused to a publisher', async () => {
    await expect(add('testbed')).rejects.toMatchObject({ code: 'publisher-local' })
    await expect(add('ta')).rejects.toMatchObject({ code: 'publisher-local' })
    await expect(add('pub')).rejects.toThrow(/rejected|already exists/)
  })

  test('of a publisher elsewhere is refused to a CA', async () => {
    await expect(addCa(await session(), PUB, undefined)).rejects.toMatchObject({ code: 'ca-duplicate' })
  })
})

test('the response is printed again with the same ID certificate, and has the ID key that signs', async () => {
  const again = decodeSetup(Buffer.from((await publisherResponse(await session(), PUB, URI)).response))
  expect(again).toMatchObject({ kind: 'repository_response', siaBase: base, id: serverId })
  await expect(publisherResponse(await session(), TESTBED, URI)).rejects.toMatchObject({ code: 'publisher-local' })
})
