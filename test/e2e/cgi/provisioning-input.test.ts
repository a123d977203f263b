/**
 * Messages of a child that RFC 6492 or its CMS forbids, through `brine cgi`: what its key has signed is answered with the status of the
 * protocol, anything else with 400; each is one line for the operator and changes nothing.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { parseHandle } from '../../../src/core/base/handle.js'
import { utcOrGeneralized } from '../../../src/core/der/writer.js'
import { readMessage } from '../../../src/core/protocols/cms/read-message.js'
import { decodeProvisioning } from '../../../src/core/protocols/provisioning/decode.js'
import { encodeProvisioning } from '../../../src/core/protocols/provisioning/encode.js'
import type { ProvisioningBody } from '../../../src/core/protocols/provisioning/types.js'
import { encodeSetup } from '../../../src/core/protocols/setup/encode.js'
import { signCertificationRequest } from '../../../src/core/rpki/certification-request.js'
import { type Craft, craft } from '../../support/peers/crafted-message.js'
import { treeHashes } from '../../support/peers/message-site.js'
import { partyOf } from '../../support/peers/parties.js'
import { projectDir } from '../../support/processes/brine-shim.js'
import { at, NOW, OTHER } from '../../support/rpki/parts.js'
import { brineOk, newTestbed, scratchFolder } from '../../support/sites/testbed.js'

vi.setConfig({ testTimeout: 30_000, hookTimeout: 120_000 })

const scratch = scratchFolder('provisioning-input')
const dir = join(scratch.dir, 'data')
afterAll(() => scratch.remove())

beforeAll(async () => {
  await newTestbed(dir, NOW)
  // the key that signs crafted messages
  const kid = await partyOf(1)
  const request = join(scratch.dir, 'child.xml')
  writeFileSync(
    request,
    encodeSetup({ kind: 'child_request', childHandle: parseHandle('kid'), id: kid.certificate.der }),
  )
  await brineOk(
    dir,
    [
      ...['child', 'add', 'testbed', 'kid', '--request', request, '--service-uri', 'https://rpki.example/'],
      ...['--resources', '10.0.0.0/8'],
    ],
    NOW,
  )
})

interface Answered {
  readonly status: string
  readonly body?: ProvisioningBody
  readonly log: readonly string[]
}

function post(cms: Uint8Array, now: string = NOW): Answered {
  const env = {
    ...{ PATH: process.env['PATH'] ?? '', BRINE_DATA_DIR: dir, BRINE_NOW: now, REQUEST_METHOD: 'POST' },
    ...{ PATH_INFO: '/rfc6492/testbed', CONTENT_TYPE: 'application/rpki-updown', CONTENT_LENGTH: String(cms.length) },
  }
  const { stdout, stderr } = spawnSync(process.execPath, [join(projectDir, 'bin/run.js'), 'cgi'], { env, input: cms })
  const end = stdout.indexOf('\r\n\r\n')
  const status = /^Status: (\d+)/m.exec(stdout.toString('latin1'))?.[1] ?? 'none'
  const log = stderr.toString().split('\n').filter(Boolean)
  if (status !== '200') return { status, log }
  const { content } = readMessage(new Uint8Array(stdout.subarray(end + 4)))
  return { status, body: decodeProvisioning(content ?? new Uint8Array()).body, log }
}

const NAMESPACE = 'http://www.apnic.net/specs/rescerts/up-down/'
const message = (
  inner = '',
  { type = 'list', version = '1', more = '', ns = NAMESPACE, sender = 'kid', to = 'testbed' } = {},
) =>
  `<message xmlns="${ns}" version="${version}" sender="${sender}" recipient="${to}" type="${type}"${more}>${inner}</message>`
const xml = (text: string): Craft => ({ content: Buffer.from(text) })
const list = xml(message())

function refused(changes: Craft): void {
  const before = treeHashes(dir)
  const { status, log } = post(craft(changes))
  expect([status, log.length]).toEqual(['400', 1])
  expect(log[0]).toMatch(/^brine cgi: message to testbed: rejected message-refused: .{10,600}$/)
  expect(treeHashes(dir)).toEqual(before)
}

test('the crafted list is answered as it is', () => {
  expect(post(craft(list))).toMatchObject({ status: '200', body: { type: 'list_response' }, log: [] })
})

test.each<[string, string]>([
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
  ['another version', message('', { version: '2' })],
  ['an unknown type', message('', { type: 'lists' })],
  ['sender and recipient swapped', message('', { sender: 'testbed', to: 'kid' })],
  ['another recipient', message('', { to: 'other' })],
  ['an unknown sender', message('', { sender: 'nokid' })],
  ['text that is not XML', 'list'],
  ['no text', ''],
  ['UTF-16', '\ufeff<\u0000m'],
])('XML with %s is refused', (_, text) => refused(xml(text)))

const valid =
  (from: string, to: string): NonNullable<Craft['ee']> =>
  (parts) => {
    parts.notBefore = utcOrGeneralized(at(from))
    parts.notAfter = utcOrGeneralized(at(to))
  }

describe('CMS', () => {
  test.each<[string, Craft]>([
    ['of another key', { ee: (parts) => void Object.assign(parts, { signer: OTHER }) }],
    ['without a CRL', { cms: (parts) => void Object.assign(parts, { crls: undefined }) }],
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
    ['with two signers', { cms: (parts) => void Object.assign(parts, { infos: 2 }) }],
    ['with an attribute twice', { cms: (parts) => void parts.attributes.push(...parts.attributes.slice(0, 1)) }],
    ['without signed attributes', { cms: (parts) => void Object.assign(parts, { hasAttributes: false }) }],
    ['that is cut off', { bytes: (bytes) => bytes.subarray(0, -1) }],
    ['with octets after its end', { bytes: (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]) }],
    [
      'with a changed signature',
      { bytes: (bytes) => Buffer.concat([bytes.subarray(0, -1), Buffer.from([(bytes.at(-1) ?? 0) ^ 1])]) },
    ],
  ])('%s is refused', (_, changes) => refused({ ...list, ...changes }))
})

describe('a request is answered with its status', () => {
  const body = async (changes: { place?: string; className?: string; limit?: object; key?: number } = {}) => {
    const { place = 'rsync://kid.example/repo/kid/0/', className = '0', limit = {}, key = 39 } = changes
    const { id } = await partyOf(key)
    const sia = { kind: 'ca' as const, caRepository: place, manifest: `${place}${id.ski}.mft` }
    const csr = await signCertificationRequest({ ski: id.ski, spki: id.spki, sia }, id.sign)
    return { type: 'issue', className, limit, csr } as const
  }
  test.each<[number, string, () => Promise<ProvisioningBody>]>([
    [1201, 'an unknown class', () => body({ className: 'none' })],
    [1202, 'resources that are not held', () => body({ limit: { asn: '', ipv4: '192.0.2.0/24', ipv6: '' } })],
    [1203, 'a place of the parent', () => body({ place: 'rsync://rpki.example/repo/testbed/0/' })],
    [
      1203,
      'a CSR with a bad signature',
      async () => {
        const { csr, ...rest } = await body()
        return { ...rest, csr: Uint8Array.from([...csr.slice(0, -1), (csr.at(-1) ?? 0) ^ 1]) }
      },
    ],
    [1203, 'a CSR that is none', async () => ({ ...(await body()), csr: Uint8Array.of(0x30, 0) })],
    [
      1301,
      'the revocation in an unknown class',
      async () => ({ type: 'revoke', className: 'none', ski: (await partyOf(39)).id.ski }),
    ],
    [
      1302,
      'the revocation of an unknown key',
      async () => ({ type: 'revoke', className: '0', ski: (await partyOf(39)).id.ski }),
    ],
    [1103, 'what only a parent sends', async () => ({ type: 'list_response', classes: [] })],
  ])('%i: %s', async (status, _, make) => {
    const content = encodeProvisioning({ sender: 'kid', recipient: 'testbed', body: await make() })
    const before = treeHashes(dir)
    const { body: answer, log } = post(craft(xml(content)))
    expect(answer).toMatchObject({ type: 'error_response', status })
    expect(log).toEqual([
      expect.stringMatching(new RegExp(`^brine cgi: request of kid to testbed: ${status}: .{5,500}$`)),
    ])
    expect(treeHashes(dir)).toEqual(before)
  })
})
