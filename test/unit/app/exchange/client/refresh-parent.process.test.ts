/** The client of RFC 6492 against the server, each with its own data directory: certificates come, change and go; lost answers and refusals. */
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { updateChild } from '../../../../../src/core/app/authority/children.js'
import { activateKeyroll, initKeyroll } from '../../../../../src/core/app/authority/keyroll.js'
import { roaArguments } from '../../../../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../../../../src/core/app/authority/roas.js'
import type { Deliver } from '../../../../../src/core/app/exchange/client/deliver.js'
import { addRemoteParent, parentRequest } from '../../../../../src/core/app/exchange/client/parent-contact.js'
import { type RefreshReport, refreshParent } from '../../../../../src/core/app/exchange/client/refresh-parent.js'
import { refreshParents } from '../../../../../src/core/app/exchange/client/refresh-parents.js'
import { openMessage, sealMessage } from '../../../../../src/core/app/exchange/messages.js'
import { withMessageSigner } from '../../../../../src/core/app/session/signing.js'
import { AppError } from '../../../../../src/core/base/errors.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import { CONFIRM_SECONDS } from '../../../../../src/core/ca/parent-lists.js'
import { systemRandom } from '../../../../../src/core/crypto/random.js'
import { newestId } from '../../../../../src/core/identity/id-keys.js'
import { decodeProvisioning } from '../../../../../src/core/protocols/provisioning/decode.js'
import { encodeProvisioning } from '../../../../../src/core/protocols/provisioning/encode.js'
import type { ProvisioningBody } from '../../../../../src/core/protocols/provisioning/types.js'
import { parseResources } from '../../../../../src/core/resources/resource-set.js'
import { scratchFolder } from '../../../../support/sites/testbed.js'
import {
  KID,
  newDirectories,
  parentElsewhere,
  TESTBED,
  type TwoDirectories,
  UP,
} from '../../../../support/sites/two-directories.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const scratch = scratchFolder('refresh')
let count = 0
let now: Instant
let two: TwoDirectories
/** What the test does with each message: `type` of the request, and the delivery to the server. */
let onMessage: (type: string, answered: () => Promise<Uint8Array>) => Promise<Uint8Array>
let sent: string[]

afterAll(() => scratch.remove())

const kid = () => two.stateHere(KID)
const keys = async () => (await kid()).classes['0']?.keys ?? []

beforeEach(async () => {
  count += 1
  now = NOW
  sent = []
  onMessage = (_, answered) => answered()
  two = await newDirectories(`${scratch.dir}/${count}`, () => now)
  const { response, report } = await parentElsewhere(two)
  expect(report).toMatchObject({ serviceUri: 'https://rpki.example.net/rfc6492/testbed', changed: true })
  const contact = { response, permissions: { allowPrivate: true } }
  expect(await addRemoteParent(await two.here(), KID, UP, contact)).toMatchObject({ changed: false })
})

const deliver: Deliver = async ({ to, seal, open: read }) => {
  const cms = await seal(now)
  const ids = (await kid()).ids ?? []
  const { content } = await openMessage(cms, { peer: ids[0]?.certificate ?? '' }, now)
  const { type } = decodeProvisioning(content).body
  sent.push(type)
  return read(await onMessage(type, async () => two.answer(to.serviceUri, cms)))
}

async function refresh(options: { readonly acceptLoss?: boolean } = {}): Promise<RefreshReport> {
  sent = []
  now = addSeconds(now, 60)
  return refreshParent(await two.here(), KID, UP, { deliver, ...options })
}

const entitle = async (text: string) => updateChild(await two.there(), TESTBED, KID, () => parseResources(text))
const ipv4 = async () => (await keys()).map((key) => key.certificate?.resources.ipv4)

/** Answers every message of a type with another body than the parent would, signed by the parent. */
function answerWith(type: string, bodyFrom: (answered: () => Promise<Uint8Array>) => Promise<ProvisioningBody>): void {
  onMessage = async (asked, answered) => {
    if (asked !== type) return answered()
    const id = newestId(await two.stateThere(TESTBED))
    if (id === undefined) throw new Error('the parent has no ID key')
    const xml = encodeProvisioning({ sender: 'testbed', recipient: 'kid', body: await bodyFrom(answered) })
    return withMessageSigner(await two.there(), (signer) => sealMessage({ signer, random: systemRandom }, id, xml, now))
  }
}

const refuse = (type: string, status: number): void =>
  answerWith(type, async () => ({ type: 'error_response', status, descriptions: [{ text: 'not now' }] }))

test('the certificate arrives, nothing is left to do, and a ROA can be added under it', async () => {
  const report = await refresh()
  // the answer to the request says what another list would
  expect(sent).toEqual(['list', 'issue'])
  expect(report).toMatchObject({
    ...{ ca: 'kid', parent: 'up', changed: true, requests: [{ kind: 'issue', outcome: 'issued', status: null }] },
    classes: [{ class: '0', parentClass: '0', resources: { ipv4: '10.0.0.0/8', asn: 'AS64496' }, doubt: null }],
  })
  const [key] = await keys()
  expect(key).toMatchObject({ state: 'current' })
  const { sha256, uri } = key?.certificate ?? {}
  expect(uri).toBe(`rsync://rpki.example/repo/testbed/0/${key?.ski}.cer`)
  const issued = (await two.stateThere(TESTBED)).classes['0']?.keys[0]?.point.objects[`${key?.ski}.cer`]
  expect(sha256).toBe(issued?.sha256)
  expect(await refresh()).toMatchObject({ changed: false, requests: [] })
  expect(sent).toEqual(['list'])
  await updateRoas(await two.here(), KID, roaArguments({ add: ['10.0.0.0/24 => 64496'] }))
  expect(Object.keys((await keys())[0]?.point.objects ?? {}).filter((name) => name.endsWith('.roa'))).toHaveLength(1)
})

describe('resources', () => {
  beforeEach(() => refresh())

  test('that grow are certified at the next refresh', async () => {
    await entitle('10.0.0.0/7, AS64496')
    expect(await refresh()).toMatchObject({ changed: true })
    expect(await ipv4()).toEqual(['10.0.0.0/7'])
  })

  test('that the list takes away are given up as the parent certifies them', async () => {
    await entitle('10.0.0.0/9')
    await refresh()
    now = addSeconds(now, CONFIRM_SECONDS)
    await refresh()
    expect((await kid()).classes['0']?.keys[0]?.certificate?.resources).toEqual({
      asn: '',
      ipv4: '10.0.0.0/9',
      ipv6: '',
    })
  })

  test('that are exchanged for others are kept in doubt, and given up when the operator accepts it', async () => {
    await entitle('192.0.2.0/24')
    const before = (await kid()).classes['0']?.keys[0]?.ski
    expect(await refresh()).toMatchObject({ requests: [], classes: [{ doubt: { reason: 'shrunk', held: false } }] })
    expect((await kid()).classes['0']?.keys[0]?.ski).toBe(before)
    expect(await ipv4()).toEqual(['10.0.0.0/8'])
    expect(await refresh({ acceptLoss: true })).toMatchObject({ classes: [{ doubt: null }] })
    expect(await ipv4()).toEqual(['192.0.2.0/24'])
  })
})

describe('an answer that is lost', () => {
  test('leaves the request open, and the next one gets the same certificate', async () => {
    let lost = ''
    onMessage = async (type, answered) => {
      const cms = await answered()
      if (type !== 'issue') return cms
      lost = (await two.stateThere(TESTBED)).children['kid'] === undefined ? '' : JSON.stringify(await issuedKid())
      throw new AppError('remote', 'peer-closed', 'the connection was closed')
    }
    expect(await refresh()).toMatchObject({ requests: [{ outcome: 'failed', message: 'the connection was closed' }] })
    expect(await ipv4()).toEqual([undefined])
    onMessage = (_, answered) => answered()
    await refresh()
    expect(await ipv4()).toEqual(['10.0.0.0/8'])
    expect(JSON.stringify(await issuedKid())).toBe(lost)
  })

  test('of the list changes nothing and is reported for this parent', async () => {
    onMessage = async () => {
      throw new AppError('remote', 'peer-timeout', 'no answer')
    }
    const before = await kid()
    const report = await refreshParents(await two.here(), KID, undefined, { deliver })
    expect(report).toEqual({
      ...{ ca: 'kid', changed: false, parents: [] },
      failed: [{ parent: 'up', code: 'peer-timeout', message: 'no answer' }],
    })
    expect(await kid()).toEqual(before)
  })

  test('to the list after a revocation: the report says that something was changed', async () => {
    await refresh()
    const roll = { className: null, activateAfter: null, compromised: false }
    await initKeyroll(await two.here(), KID, roll)
    await refresh()
    await activateKeyroll(await two.here(), KID, { ...roll, now: true })
    onMessage = async (type, answered) => {
      if (type === 'list' && sent.includes('revoke')) throw new AppError('remote', 'peer-timeout', 'no answer')
      return answered()
    }
    await expect(refresh()).rejects.toMatchObject({ code: 'peer-timeout', changed: 'yes' })
    expect(await keys()).toMatchObject([{ state: 'current' }])
    await initKeyroll(await two.here(), KID, roll)
    await refresh()
    await activateKeyroll(await two.here(), KID, { ...roll, now: true })
    sent = []
    const report = await refreshParents(await two.here(), KID, undefined, { deliver })
    expect(report).toMatchObject({ changed: true, parents: [], failed: [{ code: 'peer-timeout' }] })
  })
})

const issuedKid = async () => (await two.stateThere(TESTBED)).children['kid']?.issued

describe('a refusal', () => {
  test.each([
    [1101, 'waiting'],
    [1104, 'waiting'],
    [1201, 'refused'],
    [1202, 'refused'],
    [1204, 'refused'],
  ])('of a request with %d leaves it open (%s) and withdraws nothing', async (status, outcome) => {
    await refresh()
    await entitle('10.0.0.0/7, AS64496')
    refuse('issue', status)
    const report = await refresh()
    expect(report.requests).toMatchObject([{ kind: 'issue', outcome, status, message: `status ${status}, not now` }])
    expect(await ipv4()).toEqual(['10.0.0.0/8'])
    onMessage = (_, answered) => answered()
    expect(await refresh()).toMatchObject({ requests: [{ outcome: 'issued' }] })
  })

  test('of the list is an error of this parent', async () => {
    refuse('list', 2001)
    await expect(refresh()).rejects.toMatchObject({ code: 'parent-refused', details: { status: 2001 } })
  })
})

test('an answer of another sender or to another question is not acted on', async () => {
  let list: Uint8Array | undefined
  onMessage = async (type, answered) => {
    const cms = await answered()
    if (type === 'list') list = cms
    return type === 'issue' && list !== undefined ? list : cms
  }
  expect(await refresh()).toMatchObject({
    requests: [{ outcome: 'failed', message: expect.stringMatching(/RFC 6492 section 3\.4\.2/) }],
  })
  onMessage = async () => Uint8Array.of(0x30, 0)
  await expect(refresh()).rejects.toMatchObject({ code: 'answer-invalid', kind: 'remote' })
})

test('a certificate that the issuer did not sign is not taken', async () => {
  answerWith('issue', async (answered) => {
    const id = newestId(await two.stateThere(TESTBED))
    const { content } = await openMessage(await answered(), { peer: id?.certificate ?? '' }, now)
    const { body } = decodeProvisioning(content)
    if (body.type !== 'issue_response') throw new Error(`the parent answered ${body.type}`)
    const issuer = body.class.certificates[0]?.der ?? new Uint8Array()
    return { ...body, class: { ...body.class, issuer } }
  })
  const message = expect.stringMatching(/is not signed by the issuer that is named/)
  expect(await refresh()).toMatchObject({ requests: [{ outcome: 'failed', message }] })
  expect(await ipv4()).toEqual([undefined])
})

describe('a key roll', () => {
  async function rolled(): Promise<string> {
    await refresh()
    const [old] = await keys()
    await initKeyroll(await two.here(), KID, { className: null, activateAfter: null, compromised: false })
    expect(await refresh()).toMatchObject({ requests: [{ kind: 'issue', outcome: 'issued' }] })
    expect((await keys()).map((key) => key.state)).toEqual(['current', 'new'])
    await activateKeyroll(await two.here(), KID, { className: null, now: true, compromised: false })
    expect((await keys()).map((key) => key.state)).toEqual(['old', 'current'])
    return old?.ski ?? ''
  }

  test('through a parent elsewhere ends with the old key revoked and gone', async () => {
    const old = await rolled()
    expect(await refresh()).toMatchObject({ requests: [{ kind: 'revoke', ski: old, outcome: 'revoked' }] })
    expect(sent).toEqual(['list', 'revoke', 'list'])
    const left = await keys()
    expect(left.map((key) => key.state)).toEqual(['current'])
    expect(Object.keys((await issuedKid()) ?? {})).toEqual([left[0]?.ski])
    expect(Object.keys((await kid()).retired ?? {})).toEqual([old])
  })

  test.each([1301, 1302])('counts as finished where the parent knows no such key (%d)', async (status) => {
    const old = await rolled()
    refuse('revoke', status)
    expect(await refresh()).toMatchObject({ requests: [{ ski: old, outcome: 'revoked', status }] })
    expect((await keys()).map((key) => key.state)).toEqual(['current'])
  })
})

test('a response of the wrong kind, and one to a CA that asked for none, are refused', async () => {
  const { request } = await parentRequest(await two.here(), KID)
  const contact = { response: Buffer.from(request), permissions: {} }
  await expect(addRemoteParent(await two.here(), KID, UP, contact)).rejects.toMatchObject({ code: 'setup-kind' })
  await expect(refreshParent(await two.here(), KID, TESTBED, { deliver })).rejects.toMatchObject({
    code: 'parent-unknown',
  })
  const parents = refreshParents(await two.here(), TESTBED, undefined, { deliver })
  await expect(parents).rejects.toMatchObject({ code: 'parent-none' })
})
