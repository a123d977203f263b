/** The server of RFC 6492 against a child that signs with its own ID key: what is listed, certified, revoked, refused. */
import { rmSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  removeChild,
  suspendChild,
  unsuspendChild,
  updateChild,
} from '../../../../../src/core/app/authority/children.js'
import { openMessage, sealMessage } from '../../../../../src/core/app/exchange/messages.js'
import { answerProvisioning } from '../../../../../src/core/app/exchange/server/answer-provisioning.js'
import { addRemoteChild, childResponse } from '../../../../../src/core/app/exchange/server/child-contact.js'
import { suspendSilent } from '../../../../../src/core/app/exchange/server/suspend-silent.js'
import { caState } from '../../../../../src/core/app/session/context.js'
import { parseHandle } from '../../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import type { CaState } from '../../../../../src/core/ca/state/state.js'
import type { KeyId, PublicKey, Signer } from '../../../../../src/core/crypto/ports.js'
import { createSoftSigner } from '../../../../../src/core/crypto/soft-signer.js'
import { Work } from '../../../../../src/core/eventsourcing/work.js'
import type { IdKey } from '../../../../../src/core/identity/id-keys.js'
import { checkChildKey } from '../../../../../src/core/issuing/child-checks.js'
import { recordHeard } from '../../../../../src/core/peers/heard.js'
import { makeIdCertificate } from '../../../../../src/core/protocols/cms/id-certificate.js'
import { decodeProvisioning } from '../../../../../src/core/protocols/provisioning/decode.js'
import { encodeProvisioning } from '../../../../../src/core/protocols/provisioning/encode.js'
import type { ProvisioningBody } from '../../../../../src/core/protocols/provisioning/types.js'
import { decodeSetup } from '../../../../../src/core/protocols/setup/decode.js'
import { encodeSetup } from '../../../../../src/core/protocols/setup/encode.js'
import { parseResources } from '../../../../../src/core/resources/resource-set.js'
import { signCertificationRequest } from '../../../../../src/core/rpki/certification-request.js'
import { decodeCertificate } from '../../../../../src/core/rpki/x509/decode-certificate.js'
import { FIXED_KEYS, fixedKeys } from '../../../../support/rpki/fixed-keys.js'
import { countingRandom } from '../../../../support/rpki/small-world.js'
import { newTestbed, quickSession, scratchFolder } from '../../../../support/sites/testbed.js'
import { createMemoryKeyStore } from '../../../../support/store/memory-key-store.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const [TESTBED, KID] = ['testbed', 'kid'].map(parseHandle) as [never, never]
const BASE = 'https://rpki.example.net/'
const REPOSITORY = 'rsync://kid.example/repo/kid/0/'
const random = countingRandom()
const scratch = scratchFolder('answer')
/** Other keys than those that the parent makes: a key of one is refused to the other. */
const signer: Signer = createSoftSigner({ keyStore: createMemoryKeyStore(), source: fixedKeys(FIXED_KEYS - 24) })

let dir: string
let count = 0
let now: Instant
let id: IdKey
let stranger: IdKey
let parentId: Uint8Array

async function newId(): Promise<IdKey> {
  const { id: ski, spki } = await signer.createKey()
  const sign = (tbs: Uint8Array) => signer.sign(ski, tbs)
  const [notBefore, notAfter] = [addSeconds(NOW, -300), addSeconds(NOW, 86_400 * 365)]
  const der = await makeIdCertificate({ ski, spki, sign, notBefore, notAfter, serial: 7n })
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
  return { ski, spki: base64(spki), certificate: base64(der), notAfter }
}

beforeAll(async () => {
  id = await newId()
  stranger = await newId()
})
afterAll(() => scratch.remove())

async function addKid() {
  const request = encodeSetup({
    kind: 'child_request',
    childHandle: KID,
    id: Buffer.from(id.certificate, 'base64'),
    tag: 'T1',
  })
  const resources = parseResources('10.0.0.0/8, AS64496')
  return addRemoteChild(await session(), TESTBED, {
    ...{ child: KID, resources, serviceBase: BASE },
    request: Buffer.from(request),
  })
}

beforeEach(async () => {
  count += 1
  dir = `${scratch.dir}/${count}`
  now = NOW
  await newTestbed(dir, NOW)
  const added = await addKid()
  const response = decodeSetup(Buffer.from(added.response ?? ''))
  expect(response).toMatchObject({
    ...{ kind: 'parent_response', serviceUri: `${BASE}rfc6492/testbed`, childHandle: 'kid', parentHandle: 'testbed' },
    ...{ tag: 'T1', offer: false },
  })
  parentId = response.kind === 'parent_response' ? response.id : new Uint8Array()
})

const session = () => {
  now = addSeconds(now, 60)
  return quickSession(dir, now)
}

async function state(): Promise<CaState> {
  return (await session()).store.read(async (reader) => caState(new Work(reader), TESTBED))
}

interface Sending {
  readonly by?: IdKey
  readonly sender?: string
  readonly recipient?: string
  readonly signedAt?: Instant
}

/** Sends a body as the child and returns the body of the verified answer. */
async function ask(body: ProvisioningBody, sending: Sending = {}): Promise<ProvisioningBody> {
  const opened = await session()
  const { by = id, sender = 'kid', recipient = 'testbed', signedAt = opened.now() } = sending
  const xml = encodeProvisioning({ sender, recipient, body })
  const cms = await sealMessage({ signer, random }, by, xml, signedAt)
  const answer = await answerProvisioning(opened, TESTBED, cms)
  const read = await openMessage(answer.cms, { peer: Buffer.from(parentId).toString('base64') }, opened.now())
  const message = decodeProvisioning(read.content)
  expect([message.sender, message.recipient]).toEqual(['testbed', 'kid'])
  return message.body
}

const failed = (status: number) => ({ type: 'error_response', status })

async function issue(key: PublicKey, changes: { place?: string; className?: string; limit?: object } = {}) {
  const { place = REPOSITORY, className = '0', limit = {} } = changes
  const sia = { kind: 'ca' as const, caRepository: place, manifest: `${place}${key.id}.mft` }
  const request = { ski: key.id, spki: key.spki, sia }
  const csr = await signCertificationRequest(request, (tbs) => signer.sign(key.id, tbs))
  return ask({ type: 'issue', className, limit, csr })
}

const certificatesOf = (body: ProvisioningBody) => {
  const classes = body.type === 'list_response' ? body.classes : body.type === 'issue_response' ? [body.class] : []
  return classes.flatMap((c) => c.certificates)
}

test('a list names the class, what is held of it and the certificate of the issuer', async () => {
  const body = await ask({ type: 'list' })
  expect(body).toMatchObject({
    type: 'list_response',
    classes: [{ className: '0', resources: { asn: 'AS64496', ipv4: '10.0.0.0/8', ipv6: '' }, certificates: [] }],
  })
  const issuer = body.type === 'list_response' ? body.classes[0]?.issuer : undefined
  expect(decodeCertificate(issuer ?? new Uint8Array()).findings).toEqual([])
})

describe('a request', () => {
  test('is answered with the certificate, which is listed from then on; the same again is no change', async () => {
    const key = await signer.createKey()
    const [first] = certificatesOf(await issue(key))
    const content = decodeCertificate(first?.der ?? new Uint8Array()).content
    expect(content?.sia).toMatchObject({ caRepository: REPOSITORY })
    const { store } = await session()
    const head = await store.read(async (reader) => reader.head)
    expect(certificatesOf(await issue(key))[0]?.der).toEqual(first?.der)
    expect(await store.read(async (reader) => reader.head)).toBe(head)
    expect(certificatesOf(await ask({ type: 'list' })).map((c) => c.der)).toEqual([first?.der])
  })

  test('for a part is certified for that part, which the list repeats', async () => {
    const key = await signer.createKey()
    const limit = { asn: '', ipv4: '10.1.0.0/16' }
    const [issued] = certificatesOf(await issue(key, { limit }))
    expect(issued?.limit).toEqual(limit)
    expect((await state()).children['kid']?.issued[key.id]?.resources).toEqual({
      asn: '',
      ipv4: '10.1.0.0/16',
      ipv6: '',
    })
  })

  test('with another limit is another one, though it gives the same resources: the limit is that of the last request', async () => {
    const key = await signer.createKey()
    const limit = { asn: 'AS64496', ipv4: '10.0.0.0/8', ipv6: '' }
    const limits = async () => certificatesOf(await ask({ type: 'list' })).map((c) => c.limit)
    await issue(key, { limit })
    expect(await limits()).toEqual([limit])
    await issue(key)
    expect(await limits()).toEqual([{}])
    expect((await state()).children['kid']?.issued[key.id]).not.toHaveProperty('limit')
  })

  test.each([
    ['of a class that is not there', 1201, { className: '9' }],
    ['for what is not held', 1202, { limit: { asn: '', ipv4: '192.0.2.0/24', ipv6: '' } }],
  ])('%s is refused with %d', async (_, status, changes) => {
    expect(await issue(await signer.createKey(), changes)).toMatchObject(failed(status))
  })

  test('for a place of the parent is refused with 1203', async () => {
    const place = `${(await state()).repository?.base}0/`
    expect(await issue(await signer.createKey(), { place })).toMatchObject(failed(1203))
  })

  test('for a key of the parent is refused with 1204', async () => {
    const { store } = await session()
    const own = (await state()).classes['0']?.keys[0]?.ski as KeyId
    const parentSigner = createSoftSigner({ keyStore: store.keys, source: fixedKeys() })
    const { spki } = await parentSigner.publicKey(own)
    const sia = { kind: 'ca' as const, caRepository: REPOSITORY, manifest: `${REPOSITORY}${own}.mft` }
    const csr = await signCertificationRequest({ ski: own, spki, sia }, (tbs) => parentSigner.sign(own, tbs))
    expect(await ask({ type: 'issue', className: '0', limit: {}, csr })).toMatchObject(failed(1204))
  })

  test('that is none, or is signed by another key, is refused with 1203', async () => {
    expect(await ask({ type: 'issue', className: '0', limit: {}, csr: Uint8Array.of(0x30, 0) })).toMatchObject(
      failed(1203),
    )
    const [key, other] = [await signer.createKey(), await signer.createKey()]
    const sia = { kind: 'ca' as const, caRepository: REPOSITORY, manifest: `${REPOSITORY}${key.id}.mft` }
    const csr = await signCertificationRequest({ ski: key.id, spki: key.spki, sia }, (tbs) =>
      signer.sign(other.id, tbs),
    )
    expect(await ask({ type: 'issue', className: '0', limit: {}, csr })).toMatchObject(failed(1203))
  })
})

describe('a revocation', () => {
  test('puts the certificate on the CRL; again it is 1302', async () => {
    const key = await signer.createKey()
    await issue(key)
    const { serial } = (await state()).classes['0']?.keys[0]?.point.objects[`${key.id}.cer`] ?? {}
    const revoke = { type: 'revoke', className: '0', ski: key.id } as const
    expect(await ask(revoke)).toEqual({ ...revoke, type: 'revoke_response' })
    const after = await state()
    expect(after.classes['0']?.keys[0]?.point.revoked.map((r) => r.serial)).toContain(serial)
    expect(after.children['kid']?.issued).toEqual({})
    expect(await ask(revoke)).toMatchObject(failed(1302))
  })

  test('of a class or a key that is not there is refused', async () => {
    const ski = 'A'.repeat(40) as KeyId
    expect(await ask({ type: 'revoke', className: '7', ski })).toMatchObject(failed(1301))
    expect(await ask({ type: 'revoke', className: '0', ski })).toMatchObject(failed(1302))
  })
})

describe('a message', () => {
  test.each<[string, () => Sending]>([
    ['of another key', () => ({ by: stranger })],
    ['signed an hour ago', () => ({ signedAt: addSeconds(now, -3600) })],
  ])('%s is refused without an answer', async (_, sending) => {
    await expect(ask({ type: 'list' }, sending())).rejects.toMatchObject({ code: 'message-refused' })
  })

  test('with a signing time before the last change is a replay, one with the same is not', async () => {
    await issue(await signer.createKey())
    const heard = (await state()).children['kid']?.signedAt ?? NOW
    now = heard
    await expect(ask({ type: 'list' }, { signedAt: addSeconds(heard, -1) })).rejects.toThrow(/replay/)
    expect(await ask({ type: 'list' }, { signedAt: heard })).toMatchObject({ type: 'list_response' })
  })

  test('of another sender, to another CA, or that only a parent sends, is refused with 1103', async () => {
    expect(await ask({ type: 'list' }, { sender: 'nokid' })).toMatchObject(failed(1103))
    expect(await ask({ type: 'list' }, { recipient: 'other' })).toMatchObject(failed(1103))
    expect(await ask({ type: 'list_response', classes: [] })).toMatchObject(failed(1103))
  })

  test('is refused for bytes that are none', async () => {
    for (const bytes of [new Uint8Array(), Buffer.from('<message/>'), Uint8Array.of(0x30, 0x80, 0, 0)])
      await expect(answerProvisioning(await session(), TESTBED, bytes)).rejects.toMatchObject({
        code: 'message-refused',
      })
  })
})

describe('the same second', () => {
  const sealed = async (body: ProvisioningBody, at: Instant) =>
    sealMessage({ signer, random }, id, encodeProvisioning({ sender: 'kid', recipient: 'testbed', body }), at)
  const answered = async (cms: Uint8Array, at: Instant) => answerProvisioning(await quickSession(dir, at), TESTBED, cms)

  test.each(['a list', 'a request'])(
    'a message of before %s is a replay after the child was removed and added again',
    async (what) => {
      const at = addSeconds(now, 60)
      const key = await signer.createKey()
      now = at
      await issue(key)
      const issued = addSeconds(at, 60)
      const revoke = await sealed({ type: 'revoke', className: '0', ski: key.id }, issued)
      const listed = addSeconds(issued, 60)
      const last = await sealed({ type: 'list' }, listed)
      if (what === 'a list') await answered(last, listed)
      else await answered(revoke, issued)
      now = addSeconds(listed, 60)
      await removeChild(await session(), TESTBED, KID)
      await addKid()
      await expect(answered(revoke, now)).rejects.toThrow(/a replay: .* removed after a message/)
      expect((await answered(await sealed({ type: 'list' }, now), now)).type).toBe('list_response')
      if (what === 'a list') await expect(answered(last, now)).rejects.toThrow(/a replay/)
      await removeChild(await session(), TESTBED, KID)
      await addKid()
      await expect(answered(last, now)).rejects.toThrow(/a replay/)
      expect(await ask({ type: 'list' })).toMatchObject({ type: 'list_response' })
    },
  )

  test('a time far ahead, of a clock that was wrong, is not kept against the child', async () => {
    recordHeard(
      dir,
      { ca: 'testbed', child: 'kid' },
      {
        ...{ signedAt: addSeconds(now, 86_400), at: now, message: new Uint8Array(), answer: undefined },
      },
    )
    expect(await ask({ type: 'list' })).toMatchObject({ type: 'list_response' })
  })
})

describe('a suspended child', () => {
  test('has no certificate, and gets a new one for the same key with its next message, whatever that is', async () => {
    const [key, other] = [await signer.createKey(), await signer.createKey()]
    await issue(key)
    const [before] = Object.values((await state()).children['kid']?.issued ?? {})
    await suspendChild(await session(), TESTBED, KID)
    const suspended = await state()
    expect(suspended.children['kid']).toMatchObject({ issued: {}, parked: { [key.id]: { class: '0' } } })
    const point = suspended.classes['0']?.keys[0]?.point
    expect(point?.objects[`${key.id}.cer`]).toBeUndefined()
    // certificates of earlier manifests are revoked too
    expect(point?.revoked.filter(({ expires }) => expires === before?.notAfter)).toHaveLength(1)
    await suspendChild(await session(), TESTBED, KID)
    expect(certificatesOf(await ask({ type: 'list' }))).toHaveLength(1)
    const after = await state()
    const [again] = Object.values(after.children['kid']?.issued ?? {})
    expect(again).toEqual({ ...before, sha256: again?.sha256, notAfter: again?.notAfter })
    expect(again?.sha256).not.toBe(before?.sha256)
    expect(Object.keys(after.children['kid'] ?? {})).not.toContain('parked')
    expect(after.classes['0']?.keys[0]?.point.objects[`${key.id}.cer`]?.sha256).toBe(again?.sha256)
    expect(after.children['kid']?.signedAt).toBeDefined()
    await suspendChild(await session(), TESTBED, KID)
    expect(certificatesOf(await issue(other))).toHaveLength(1)
    expect(Object.keys((await state()).children['kid']?.issued ?? {}).sort()).toEqual([key.id, other.id].sort())
    await suspendChild(await session(), TESTBED, KID)
    expect(await ask({ type: 'revoke', className: '0', ski: key.id })).toMatchObject({ type: 'revoke_response' })
  })

  test('is not woken by a message that is refused, and gets no more than it is entitled to', async () => {
    const key = await signer.createKey()
    await issue(key)
    await suspendChild(await session(), TESTBED, KID)
    await expect(ask({ type: 'list' }, { by: stranger })).rejects.toMatchObject({ code: 'message-refused' })
    expect(await ask({ type: 'list' }, { recipient: 'other' })).toMatchObject(failed(1103))
    expect((await state()).children['kid']?.suspended).toBeDefined()
    await updateChild(await session(), TESTBED, KID, () => parseResources('10.1.0.0/16'))
    await unsuspendChild(await session(), TESTBED, KID)
    expect((await state()).children['kid']?.issued[key.id]?.resources.ipv4).toBe('10.1.0.0/16')
  })

  test('keeps its key and its place from other children', async () => {
    const key = await signer.createKey()
    await issue(key)
    await suspendChild(await session(), TESTBED, KID)
    const twin = { child: 'twin' as never, ski: key.id, spki: 'AAAA', sia: { caRepository: '', manifest: '' } }
    expect(checkChildKey((await state()).children, twin)).toMatchObject([{ code: 'child-key-reuse' }])
  })
})

test('tick suspends a child that was silent for too long while tick ran', async () => {
  await issue(await signer.createKey())
  const start = now
  const run = async (hours: number) => suspendSilent(await quickSession(dir, addSeconds(start, hours * 3600)), 48)
  for (let hours = 1; hours <= 47; hours += 5) expect(await run(hours)).toEqual({ done: [], failed: [] })
  // the directory could not be reached for seven hours
  for (let hours = 54; hours <= 100; hours += 5) expect(await run(hours)).toEqual({ done: [], failed: [] })
  rmSync(`${dir}/status/heard`, { recursive: true })
  for (let hours = 102; hours <= 148; hours += 5) expect(await run(hours)).toEqual({ done: [], failed: [] })
  expect(await run(151)).toEqual({ done: [{ ca: TESTBED, child: KID }], failed: [] })
  expect(await run(152)).toEqual({ done: [], failed: [] })
  expect((await state()).children['kid']?.suspended).toBeDefined()
})

test('the response is the same when it is asked for again, and a local child has none', async () => {
  const again = decodeSetup(Buffer.from((await childResponse(await session(), TESTBED, KID, BASE)).response))
  expect(again).toMatchObject({ kind: 'parent_response', id: parentId })
  await expect(childResponse(await session(), TESTBED, parseHandle('none'), BASE)).rejects.toMatchObject({
    code: 'child-unknown',
  })
})
