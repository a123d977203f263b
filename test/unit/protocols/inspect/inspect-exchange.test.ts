/** Inspection of what peers exchange: in words, verified with known peers or not, and every fault with its section. */
import { beforeAll, describe, expect, it } from 'vitest'
import { parseHandle } from '../../../../src/core/base/handle.js'
import type { Instant } from '../../../../src/core/base/time.js'
import { collectFaults } from '../../../../src/core/protocols/elements/shape.js'
import {
  type ExchangeInspection,
  inspectExchange,
  type KnownPeer,
} from '../../../../src/core/protocols/inspect/inspect-exchange.js'
import { readPeerFile } from '../../../../src/core/protocols/inspect/peer-file.js'
import { decodeProvisioning } from '../../../../src/core/protocols/provisioning/decode.js'
import { encodeSetup } from '../../../../src/core/protocols/setup/encode.js'
import { signCertificationRequest } from '../../../../src/core/rpki/certification-request.js'
import { asBer, SIGNED_AT } from '../../../support/peers/crafted-message.js'
import { type Party, twoParties } from '../../../support/peers/parties.js'
import { hostileDocuments } from '../../../support/protocols/decoding.js'
import { CA } from '../../../support/rpki/parts.js'
import { CERTIFICATES } from '../cms/bad-certificates.js'
import { SIGNERS } from '../cms/bad-signers.js'
import { STRUCTURE } from '../cms/bad-structure.js'

const NOW = '2026-07-01T00:00:00Z' as Instant
const UPDOWN = 'xmlns="http://www.apnic.net/specs/rescerts/up-down/" version="1"'
const list = `<message ${UPDOWN} sender="child" recipient="parent" type="list"/>`

let parent: Party
let child: Party
let peer: KnownPeer

beforeAll(async () => {
  ;({ parent, child } = await twoParties())
  peer = { file: 'child.xml', id: child.certificate }
})

interface Options {
  readonly peers?: readonly KnownPeer[]
  readonly at?: string
  readonly name?: string
}

function inspect(bytes: Uint8Array | string, { peers = [], at, name = 'message' }: Options = {}): ExchangeInspection {
  const options = { peers, now: NOW, ...(at !== undefined && { at: at as Instant }) }
  const report = inspectExchange(name, typeof bytes === 'string' ? Buffer.from(bytes) : bytes, options)
  if (report === undefined) throw new Error('not recognized')
  return report
}

const texts = ({ faults }: ExchangeInspection): readonly string[] =>
  faults.map(({ rule, message }) => `${rule}: ${message}`)
const stateOf = ({ fields }: ExchangeInspection): unknown =>
  (fields as { readonly signature?: { readonly state?: string } }).signature?.state

describe('a message', () => {
  it('is judged at its signing time, and says that no known peer has signed it', async () => {
    const report = inspect(await child.say(list, SIGNED_AT))
    expect(report).toMatchObject({ type: 'rfc6492', verdict: 'valid', accepted: true, faults: [] })
    expect(report.fields).toMatchObject({ summary: '"child" asks "parent" for its resource classes', kind: 'list' })
    expect(stateOf(report)).toBe('verified by the certificate in the message only, not by a known peer')
    expect(report.checkedAgainst).toBeUndefined()
  })

  it('is verified with the ID certificate of a peer, and refused with that of another', async () => {
    const message = await child.say(list, SIGNED_AT)
    const right = inspect(message, { peers: [peer] })
    expect([right.verdict, stateOf(right), right.checkedAgainst]).toEqual([
      'valid',
      'verified by child.xml',
      { peer: 'child.xml' },
    ])
    const other = { file: 'other.xml', id: parent.certificate }
    const wrong = inspect(message, { peers: [other] })
    expect([wrong.verdict, stateOf(wrong)]).toEqual(['invalid', 'not accepted from other.xml'])
    expect(texts(wrong)[0]).toMatch(/^RFC 6492 section 3\.1\.2: the EE certificate is not signed by the ID key/)
    // of several peers, the one that the certificate names
    expect(stateOf(inspect(message, { peers: [other, peer] }))).toBe('verified by child.xml')
  })

  it('is judged at another time where one is given', async () => {
    const late = inspect(await child.say(list, SIGNED_AT), { peers: [peer], at: '2026-06-02T00:00:00Z' })
    expect(late.verdict).toBe('invalid')
    expect(texts(late).join('\n')).toContain('RFC 6492 section 3.1.2: the EE certificate is valid from')
  })

  it('is read as base64 and PEM, which is untidy, and in BER', async () => {
    const message = await child.say(list, SIGNED_AT)
    const base64 = Buffer.from(message).toString('base64').replace(/.{64}/g, '$&\n')
    for (const text of [base64, `-----BEGIN CMS-----\n${base64}\n-----END CMS-----\n`]) {
      const report = inspect(text, { peers: [peer] })
      expect([report.verdict, report.accepted, stateOf(report)]).toEqual(['untidy', true, 'verified by child.xml'])
      expect(texts(report)).toEqual([expect.stringMatching(/^RFC 6492 section 3: (PEM|base64) text/)])
    }
    const ber = inspect(asBer(message), { peers: [peer] })
    expect([ber.verdict, stateOf(ber)]).toEqual(['untidy', 'verified by child.xml'])
  })

  it('without a signature is shown, and cannot be verified', () => {
    const bare = inspect(list)
    expect([bare.verdict, stateOf(bare)]).toEqual(['valid', 'none: bare XML, which servers do not accept'])
    expect(texts(inspect(list, { peers: [peer] }))).toEqual([
      'RFC 6492 section 3.1: bare XML: there is no signature to verify',
    ])
  })

  it('with a request has its key, its places and its limit in words', async () => {
    const sia = { kind: 'ca', caRepository: 'rsync://a.example/r/', manifest: 'rsync://a.example/r/m.mft' } as const
    const csr = await signCertificationRequest({ ski: child.id.ski, spki: child.id.spki, sia }, child.id.sign)
    const request = `<request class_name="all" req_resource_set_ipv4="192.0.2.0/24">${Buffer.from(csr).toString('base64')}</request>`
    const issue = `<message ${UPDOWN} sender="child" recipient="parent" type="issue">${request}</message>`
    const { fields, faults } = inspect(issue)
    expect(faults).toEqual([])
    expect(fields).toMatchObject({
      summary: '"child" asks "parent" for a certificate in class "all", limited to ipv4 192.0.2.0/24',
      request: { ski: child.id.ski, sia: { manifest: 'rsync://a.example/r/m.mft' } },
    })
    csr[csr.length - 1] = (csr.at(-1) ?? 0) ^ 1
    const forged = issue.replace(/>[A-Za-z0-9+/=]{50,}</, `>${Buffer.from(csr).toString('base64')}<`)
    expect(texts(inspect(forged))).toEqual([
      'RFC 2986 section 3: the certificate request: the signature does not verify: no proof that the sender holds the private key',
    ])
  })

  it('of RFC 8181 with a URI that no server accepts, and one twice, has both named', () => {
    const of = (uri: string) => `<publish uri="${uri}">QQ==</publish>`
    const body = ['rsync://a.example/r/../x', 'rsync://a.example/r/a', 'rsync://a.example/r/a'].map(of).join('')
    const report = inspect(
      `<msg xmlns="http://www.hactrn.net/uris/rpki/publication-spec/" version="4" type="query">${body}</msg>`,
    )
    expect(report.fields).toMatchObject({ summary: 'a publisher publishes 3 new objects, replaces 0 and withdraws 0' })
    expect(texts(report)).toEqual([
      expect.stringMatching(/^RFC 8181 section 2\.2: the URI .* has a path segment that starts with a dot/),
      'RFC 8181 section 2.2: "rsync://a.example/r/a" is in the message twice',
    ])
  })
})

describe('every fault of a message', () => {
  it('is named, not just the first', () => {
    const bad = `<message ${UPDOWN} recipient="p" type="revoke" more="1"><key class_name="" ski="!"/><x/></message>`
    const found = texts(inspect(bad)).map((text) =>
      text.replace(/^(RFC 6492 section [\d.]+): line 1, column \d+: /, '$1: '),
    )
    expect(found).toEqual([
      'RFC 6492 section 3.2: <message> has no attribute sender',
      'RFC 6492 section 3.5.1: <message> has no attribute sender',
      'RFC 6492 section 3.5.1: <message> has an unknown attribute: "more"',
      'RFC 6492 section 3.5.1: <message> contains <x>; expected <key>',
      'RFC 6492 section 3.5.1: the attribute class_name of <key> is empty: ""',
      expect.stringContaining('RFC 6492 section 3.5.1: the attribute ski of <key> '),
    ])
    // the decoder of the server still stops at the first
    expect(() => decodeProvisioning(Buffer.from(bad))).toThrow('has no attribute sender')
  })

  it('does not hide an error that is none of the message', () => {
    expect(() =>
      collectFaults(() => {
        throw new TypeError('a bug')
      }),
    ).toThrow('a bug')
    expect(() => decodeProvisioning(Buffer.from('<message/>'))).toThrow('the version is')
  })

  it('collects what is given its list, and nothing of another message', () => {
    const bad = list.replace('sender="child"', '')
    const found = collectFaults((faults) => {
      expect(() => decodeProvisioning(Buffer.from(bad))).toThrow('has no attribute sender')
      return decodeProvisioning(Buffer.from(list), faults)
    })
    expect(found).toMatchObject({ value: { sender: 'child' } })
    expect(collectFaults((faults) => decodeProvisioning(Buffer.from(bad), faults))).not.toHaveProperty('value')
  })

  const mutations: readonly (readonly [string, string, RegExp])[] = [
    ['version', list.replace('version="1"', 'version="2"'), /section 3\.2: .*the version is "2", expected "1"/],
    ['type', list.replace('"list"', '"lists"'), /section 3\.2: .*the type of the message is unknown: "lists"/],
    ['sender', list.replace('sender="child"', ''), /section 3\.2: .*<message> has no attribute sender/],
    ['namespace', list.replace('up-down/', 'up-up/'), /section 3\.2: .*the namespace is "http.*up-up/],
    [
      'a child of list',
      list.replace('/>', '><x/></message>'),
      /section 3\.3\.1: .*<message> contains <x>; it has no children/,
    ],
    ['text', list.replace('/>', '>hello</message>'), /section 3\.3\.1: .*<message> has text: "hello"/],
    ['no end', list.replace('/>', '>'), /^XML.*line 1, column \d+: /],
    ...hostileDocuments(`<message ${UPDOWN}>`, 'message')
      .filter(([what]) => !['no XML', 'nothing', '100 MB', 'UTF-16'].includes(what))
      .map(([what, text, says]) => [what, String(text), says] as const),
  ]
  it.each(mutations)('in the XML: %s', (_, text, says) => {
    const report = inspect(text)
    expect([report.type, report.verdict]).toEqual(['rfc6492', 'invalid'])
    expect(texts(report).join('\n')).toMatch(says)
  })

  const broken = Object.entries({ ...STRUCTURE, ...SIGNERS, ...CERTIFICATES }).flatMap(([rule, all]) =>
    Object.entries(all).map(([what, bad]) => ({ rule, what, ...bad })),
  )
  const unrecognizable = ['no octets', 'no ASN.1', 'no SignedData', 'a certificate alone']
  it.each(broken.filter(({ what }) => !unrecognizable.includes(what)))(
    'in the CMS: $rule, $what',
    ({ message, says }) => {
      const known = {
        file: 'ca.cer',
        id: { ...child.certificate, ...{ ski: CA.name, spki: CA.spki, pathLength: undefined } },
      }
      // the messages of this table have no XML of a protocol
      const report = inspect(message(), {
        peers: [known as KnownPeer],
        at: SIGNED_AT,
        name: logged('child', 'received'),
      })
      expect(report.verdict).toBe('invalid')
      expect(texts(report).every((text) => /^(RFC|X\.690|XML)/.test(text))).toBe(true)
      expect(texts(report).join('\n')).toContain(says)
    },
  )

  it('is known for 40 kinds', () => {
    expect(new Set(broken.map(({ rule }) => rule)).size + mutations.length).toBeGreaterThanOrEqual(40)
  })
})

function logged(role: string, direction: string, form = 'cms', time = '20260601T120000Z'): string {
  return `/var/log/rpki/${time}-0000a1b2c3d4e5f6-${role}-acme-ripe-${direction}-1234.${form}`
}

describe('a file of the log of exchanges', () => {
  it('is judged at the time in its name', async () => {
    const message = await child.say(list, SIGNED_AT)
    expect(inspect(message, { name: logged('parent', 'sent') }).verdict).toBe('valid')
    const later = inspect(message, { name: logged('parent', 'sent', 'cms', '20260601T180000Z') })
    expect(texts(later).join('\n')).toContain('the EE certificate is valid from')
  })

  it.each([
    ['parent', 'sent', true],
    ['parent', 'received', false],
    ['child', 'received', true],
    ['child', 'sent', false],
  ])('has the direction that its name says: %s, %s', async (role, direction, isRight) => {
    const report = inspect(await child.say(list, SIGNED_AT), { name: logged(role, direction) })
    expect(texts(report)).toEqual(
      isRight
        ? []
        : [expect.stringMatching(/^RFC 6492 section 3\.2: a request where the file name says: (sent|received)/)],
    )
  })

  it('with the text of an HTTP error is shown as such', () => {
    const report = inspect('{"label":"cms-validation","msg":"no"}', { name: logged('parent', 'received', 'txt') })
    expect(report).toMatchObject({
      type: 'peer-error',
      verdict: 'invalid',
      fields: { text: [expect.stringContaining('cms-validation')] },
    })
  })

  it('that is no message at all has the reason', () => {
    const report = inspect('<html>', { name: logged('parent', 'received') })
    expect([report.type, report.verdict]).toEqual(['message', 'invalid'])
  })
})

describe('a file of RFC 8183', () => {
  const request = (): string =>
    encodeSetup({ kind: 'child_request', childHandle: parseHandle('acme'), tag: 'T1', id: child.certificate.der })

  it('is shown with its ID certificate', () => {
    const report = inspect(request())
    expect(report).toMatchObject({ type: 'rfc8183', verdict: 'valid' })
    expect(report.fields).toMatchObject({
      ...{ summary: '"acme" asks to become a child', kind: 'child_request', childHandle: 'acme', tag: 'T1' },
      id: { ski: child.id.ski, selfSigned: true },
    })
  })

  it('whose ID certificate has run out is untidy; one whose certificate is damaged is invalid', () => {
    expect(inspect(request(), { at: '2050-01-01T00:00:00Z' })).toMatchObject({ verdict: 'untidy', accepted: true })
    const der = child.certificate.der.slice()
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1
    const damaged = encodeSetup({ kind: 'child_request', childHandle: parseHandle('acme'), id: der })
    expect(texts(inspect(damaged))[0]).toMatch(/^RFC 5280 section 6\.1\.3: the ID certificate: .*does not verify/)
  })
})

describe('a file with a peer', () => {
  it('is of RFC 8183, DER, PEM or base64', () => {
    const { der } = child.certificate
    const base64 = Buffer.from(der).toString('base64')
    const xml = encodeSetup({ kind: 'child_request', childHandle: parseHandle('acme'), id: der })
    const pem = `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`
    for (const file of [der, Buffer.from(xml), Buffer.from(pem), Buffer.from(base64)])
      expect(readPeerFile(file).ski).toBe(child.id.ski)
    expect(inspect(pem)).toMatchObject({ type: 'id-certificate', verdict: 'valid' })
  })

  it('is not a message', async () => {
    expect(() => readPeerFile(Buffer.from(list))).toThrow('a message has no ID certificate of its sender')
    const message = await child.say(list, SIGNED_AT)
    expect(() => readPeerFile(message)).toThrow('a message has no ID certificate of its sender')
    expect(() => readPeerFile(Buffer.from('hello'))).toThrow()
  })
})

it('leaves other files alone', () => {
  const options = { peers: [], now: NOW }
  for (const text of ['', 'hello', '<notification/>', ' '.repeat(100_000)])
    expect(inspectExchange('x', Buffer.from(text), options)).toBeUndefined()
})

it('never throws, whatever octet is changed', async () => {
  const message = await child.say(list, SIGNED_AT)
  const changed = (at: number): Uint8Array => message.map((octet, i) => (i === at ? octet ^ 0xff : octet))
  for (let at = 0; at < message.length; at += 23) {
    inspectExchange('x', changed(at), { peers: [peer], now: NOW })
    inspectExchange('x', message.subarray(0, at), { peers: [peer], now: NOW })
  }
})
