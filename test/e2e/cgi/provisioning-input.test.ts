/**
 * Messages of a child that RFC 6492 or its CMS forbids, through `brine cgi`: what its key has signed is answered with the status of the
 * protocol, anything else with 400; each is one line for the operator and changes nothing.
 */
import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { integer, octets, seq, utcOrGeneralized } from '../../../src/core/der/writer.js'
import { type Craft, craft } from '../../support/peers/crafted-message.js'
import { type CraftedSite, craftedSite } from '../../support/peers/crafted-site.js'
import { partyOf } from '../../support/peers/parties.js'
import { aki, at, ext, ID, NOW, OTHER, testKey } from '../../support/rpki/parts.js'
import { scratchFolder } from '../../support/sites/testbed.js'

vi.setConfig({ testTimeout: 30_000, hookTimeout: 120_000 })

const scratch = scratchFolder('provisioning-input')
let site: CraftedSite
beforeAll(async () => {
  site = await craftedSite(scratch.dir)
})
afterAll(async () => {
  await site?.stop()
  scratch.remove()
})

const NAMESPACE = 'http://www.apnic.net/specs/rescerts/up-down/'
const message = (
  inner = '',
  { type = 'list', version = '1', more = '', ns = NAMESPACE, sender = 'kid', to = 'testbed' } = {},
) =>
  `<message xmlns="${ns}" version="${version}" sender="${sender}" recipient="${to}" type="${type}"${more}>${inner}</message>`
const xml = (text: string): Craft => ({ content: Buffer.from(text) })
const list = xml(message())

/** Expects HTTP 400 for a message that no child has signed, or that is no CMS. */
async function refused(cms: Uint8Array): Promise<void> {
  const before = site.hashes(true)
  const { status, log } = await site.post(cms)
  expect([status, log.length]).toEqual(['400', 1])
  expect(log[0]).toMatch(/^brine cgi: message to testbed: rejected message-refused: .{10,600}$/)
  expect(site.hashes(true)).toEqual(before)
}

/** Expects a signed error for a message that `kid` has signed. */
async function answeredWith(code: number, cms: Uint8Array): Promise<void> {
  const before = site.hashes()
  const { message, log } = await site.post(cms)
  const description = expect.stringMatching(/^[^\n]{10,1000}$/)
  expect(message).toEqual({
    ...{ sender: 'testbed', recipient: 'kid' },
    body: { type: 'error_response', status: code, descriptions: [{ lang: expect.any(String), text: description }] },
  })
  expect(log).toEqual([expect.stringMatching(new RegExp(`^brine cgi: request of kid to testbed: ${code}: .{5,500}$`))])
  expect(site.hashes()).toEqual(before)
}

test('the crafted list is answered as it is', async () => {
  expect(await site.post(craft(list))).toMatchObject({ status: '200', body: { type: 'list_response' }, log: [] })
})

const FAULTS: readonly [string, string, number?][] = [
  ['an entity bomb', `<!DOCTYPE a [<!ENTITY b "cc"><!ENTITY c "&b;&b;">]>${message('&c;')}`],
  ['an external entity', `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>${message('&b;')}`],
  ['an external DTD', `<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd">${message()}`],
  ['an undefined entity', message('&b;')],
  ['deep nesting', message('<a>'.repeat(5000) + '</a>'.repeat(5000))],
  ['another namespace', message('', { ns: 'http://example.net/' })],
  ['an element of another namespace', message('<a xmlns="http://example.net/"/>')],
  ['a duplicate attribute', message('', { more: ' type="list"' })],
  ['an unknown attribute', message('', { more: ' a="b"' })],
  ['an element in a list', message('<key class_name="0" ski="AAAA"/>')],
  ['invalid base64', message('<request class_name="0">=A=</request>', { type: 'issue' })],
  ['no request', message('', { type: 'issue' })],
  [
    'an invalid limit',
    message('<request class_name="0" req_resource_set_ipv4="10.0.0.0/33">AA==</request>', { type: 'issue' }),
  ],
  ['another version', message('', { version: '2' }), 1102],
  ['another version and an unknown attribute', message('', { version: '2', more: ' a="b"' }), 1102],
  ['an unknown type', message('', { type: 'lists' })],
  ['sender and recipient swapped', message('', { sender: 'testbed', to: 'kid' })],
  ['another recipient', message('', { to: 'other' })],
  ['an unknown sender', message('', { sender: 'nokid' })],
  ['another child as the sender', message('', { sender: 'bob' })],
  ['text that is not XML', 'list'],
  ['no text', ''],
  ['UTF-16', '\ufeff<\u0000m'],
]

test.each(FAULTS)('XML with %s is answered with a signed error', (_, text, code = 1103) =>
  answeredWith(code, craft(xml(text))),
)

test('the same XML of a key that no child has is refused without an answer', async () => {
  const stranger = await partyOf(36)
  for (const [, text] of FAULTS.slice(0, 3)) await refused(await stranger.say(text, NOW))
  await refused(await stranger.say(message(), NOW))
})

test('a process answers as the worker does', async () => {
  const before = site.hashes()
  const cms = [craft(xml('list')), craft(xml(message('', { version: '2' }))), craft({ ...list, cms: without })]
  for (const one of cms) {
    const { octets: _, ...answer } = site.postToProcess(one)
    const { octets: __, ...same } = await site.post(one)
    expect(answer).toEqual(same)
  }
  expect(site.hashes()).toEqual(before)
})

test('the equal message that cannot be decoded gets the same octets', async () => {
  const cms = craft(xml(message('&equal;')))
  const first = await site.post(cms)
  expect(first.body).toMatchObject({ status: 1103 })
  expect(site.postToProcess(cms).octets.equals(first.octets)).toBe(true)
})

const without: NonNullable<Craft['cms']> = (parts) => void Object.assign(parts, { crls: undefined })

/** A key that is too short for any protocol of the RPKI. */
const WEAK = testKey(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)

const valid =
  (from: string, to: string): NonNullable<Craft['ee']> =>
  (parts) => {
    parts.notBefore = utcOrGeneralized(at(from))
    parts.notAfter = utcOrGeneralized(at(to))
  }

describe('CMS', () => {
  test.each<[string, Craft]>([
    ['of another key', { ee: (parts) => void Object.assign(parts, { signer: OTHER }) }],
    ['without a CRL', { cms: without }],
    ['with a CRL of another key', { crl: (parts) => void Object.assign(parts, { signer: OTHER }) }],
    ['with an EE certificate that has expired', { ee: valid('2026-06-01T11:40:00Z', '2026-06-01T11:54:00Z') }],
    ['with an EE certificate of the future', { ee: valid('2026-06-01T12:06:00Z', '2026-06-01T12:10:00Z') }],
    [
      'with a stale CRL',
      {
        crl: (parts) => {
          parts.thisUpdate = utcOrGeneralized(at('2026-06-01T11:40:00Z'))
          parts.nextUpdate = utcOrGeneralized(at('2026-06-01T11:54:00Z'))
        },
      },
    ],
    [
      'whose signature is over other content',
      {
        bytes: (bytes) =>
          Buffer.from(Buffer.from(bytes).toString('latin1').replace('"testbed"', '"tesTbed"'), 'latin1'),
      },
    ],
    [
      'with an EE certificate that its CRL revokes',
      {
        crl: (parts) => {
          parts.revoked = seq(seq(integer(4711), utcOrGeneralized(at('2026-06-01T11:56:00Z'))))
        },
      },
    ],
    [
      'with an EE key of 1024 bits',
      {
        ee: (parts) => {
          parts.spki = WEAK.spki
          parts.extensions.ski = ext(ID.ski, false, octets(WEAK.ski))
        },
      },
    ],
    [
      'with an EE certificate that names another child as its issuer',
      { ee: (parts) => void Object.assign(parts.extensions, { aki: aki(Buffer.from(site.bob.id.ski, 'hex')) }) },
    ],
    ['with two signers', { cms: (parts) => void Object.assign(parts, { infos: 2 }) }],
    ['with an attribute twice', { cms: (parts) => void parts.attributes.push(...parts.attributes.slice(0, 1)) }],
    ['without signed attributes', { cms: (parts) => void Object.assign(parts, { hasAttributes: false }) }],
    ['that is cut off', { bytes: (bytes) => bytes.subarray(0, -1) }],
    ['with octets after its end', { bytes: (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]) }],
    [
      'with a changed signature',
      { bytes: (bytes) => Buffer.concat([bytes.subarray(0, -1), Buffer.from([(bytes.at(-1) ?? 0) ^ 1])]) },
    ],
  ])('%s is refused', (_, changes) => refused(craft({ ...list, ...changes })))
})
