/** What other implementations wrote: every file of the peers' data in one of the three protocols is read; without the data the tests skip. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, type TestContext, test } from 'vitest'
import { utf8 } from '../../../src/core/base/bytes.js'
import { decodeProvisioning } from '../../../src/core/protocols/provisioning/decode.js'
import { encodeProvisioning } from '../../../src/core/protocols/provisioning/encode.js'
import { decodePublication, type PublicationMessage } from '../../../src/core/protocols/publication/decode.js'
import { encodePublicationQuery, encodePublicationReply } from '../../../src/core/protocols/publication/encode.js'
import { decodeSetup } from '../../../src/core/protocols/setup/decode.js'
import { encodeSetup } from '../../../src/core/protocols/setup/encode.js'
import { peerDataDir, skipOrFail } from '../../support/peers/validators.js'
import { faultOf } from '../../support/protocols/decoding.js'
import { readSignedData } from '../../support/rpki/independent-reader.js'

/** Returns the files in folders of the peers' data whose name matches; skips the test, saying so, where a folder is absent. */
function filesIn(context: TestContext, folders: readonly string[], name: RegExp): readonly string[] {
  return folders.flatMap((folder) => {
    const path = join(peerDataDir, folder)
    if (!existsSync(path)) skipOrFail(context, [path])
    return readdirSync(path)
      .filter((file) => name.test(file))
      .map((file) => join(path, file))
  })
}

describe('RFC 8183', () => {
  const folders = ['rfc8183', 'rpki-rs/rfc8183', 'rpki-commons/isc-interop-updown']

  test('every file is read, and what is written of it is read again', (context) => {
    const files = filesIn(context, folders, /\.xml$/).filter((file) => !file.includes('invalid'))
    expect(files.length).toBeGreaterThanOrEqual(20)
    for (const file of files) {
      const message = decodeSetup(readFileSync(file))
      expect(decodeSetup(utf8(encodeSetup(message))), file).toEqual(message)
      if (message.kind !== 'error') expect(message.id.length, file).toBeGreaterThan(500)
    }
  })

  test.for([
    ['rfc8183/apnic-parent-response.xml', { kind: 'parent_response', parentHandle: 'APNIC-AP' }],
    ['rfc8183/child_request_with_unicode_space_char.xml', { childHandle: 'child-request-with-unicode-space-char' }],
    ['rfc8183/child_request_with_whitespace.xml', { childHandle: 'child-request-with-whitespace' }],
    ['rfc8183/rpkid-parent-response-offer.xml', { kind: 'parent_response', offer: true, referrals: [] }],
    ['rpki-rs/rfc8183/krill-0-9-parent-response.xml', { parentHandle: 'test_parent' }],
    [
      'rpki-rs/rfc8183/rpkid-parent-response-referral.xml',
      { offer: false, referrals: [{ contactUri: 'http://example.com/info' }] },
    ],
    [
      'rpki-rs/rfc8183/rpkid-publisher-request.xml',
      { kind: 'publisher_request', publisherHandle: 'Bob', tag: 'A0001' },
    ],
    ['rpki-commons/isc-interop-updown/bob-child-id.xml', { kind: 'child_request', childHandle: 'Bob' }],
  ] as const)('%s', ([name, expected], context) => {
    const [file = ''] = filesIn(context, [join(name, '..')], new RegExp(`^${name.split('/').at(-1)}$`))
    expect(decodeSetup(readFileSync(file))).toMatchObject(expected)
  })

  test('the file with invalid base64 is refused', (context) => {
    const [file = ''] = filesIn(context, ['rfc8183'], /invalid_base64/)
    expect(faultOf(decodeSetup, readFileSync(file))).toMatch(/line 2, .* <child_bpki_ta> is not base64 .*5.2.1/)
  })
})

/** Returns the XML in a CMS message, some of which are stored as base64; other bytes are XML themselves. */
function contentOf(bytes: Uint8Array): Uint8Array {
  if (bytes[0] === 0x3c) return bytes
  const der = bytes[0] === 0x30 ? bytes : Buffer.from(Buffer.from(bytes).toString('latin1'), 'base64')
  const content = readSignedData(der).encapContentInfo.eContent
  return new Uint8Array(content?.getValue() ?? [])
}

describe('RFC 6492', () => {
  const folders = ['rfc6492', 'rpki-rs/rfc6492', 'rpki-commons/isc-interop-updown', 'rpki-commons/krill-up-down']
  const samples = 'rpki.net/up-down-protocol-samples'

  test('every message is read, and what is written of it is read again', (context) => {
    const messages = filesIn(context, folders, /^(?!.*-id)(?!.*id-cert).*\.der$|^(?:not|revoke).*\.xml$/)
    // the sample of an answer to `issue` has three certificates, which RFC 6492 section 3.4.2 does not allow
    const files = [...messages, ...filesIn(context, [samples], /^(?!issue_response).*\.xml$/)]
    expect(files.length).toBeGreaterThanOrEqual(30)
    const types = new Set<string>()
    for (const file of files) {
      const message = decodeProvisioning(contentOf(readFileSync(file)))
      const written = encodeProvisioning(message)
      expect(encodeProvisioning(decodeProvisioning(utf8(written))), file).toBe(written)
      types.add(message.body.type)
    }
    expect(types.size).toBe(7)
    const [three = ''] = filesIn(context, [samples], /^issue_response/)
    expect(faultOf(decodeProvisioning, readFileSync(three))).toMatch(/3 certificates, expected exactly one/)
  })

  test('what they say is read', (context) => {
    const read = (folder: string, name: string) => {
      const [file = ''] = filesIn(context, [folder], new RegExp(`^${name}$`))
      return decodeProvisioning(contentOf(readFileSync(file)))
    }
    expect(read('rfc6492', 'apnic-list-response.der')).toMatchObject({
      sender: 'APNIC-AP',
      recipient: 'child2',
      body: { classes: [{ className: 'IANA_9EE7', resources: { asn: '', ipv4: '10.0.0.0/24', ipv6: '' } }] },
    })
    expect(read('rpki-rs/rfc6492', 'revoke-req.xml').body).toEqual({
      type: 'revoke',
      className: 'class_name',
      ski: '20400DA5213521448326ADAFE9D5E9456FE2A616',
    })
    const { body: sample } = read(samples, 'list_response.xml')
    expect(sample.type === 'list_response' && sample.classes[0]?.resources).toEqual({
      asn: 'AS64534-AS64540',
      ipv4: '10.0.0.0/24, 10.3.0.0/24',
      ipv6: '2001:db8::a00:0/120, 2001:db8::a03:0/120',
    })
    expect(read(samples, 'issue1.xml').body).toMatchObject({
      className: 'class name',
      limit: { asn: 'AS64534-AS64540', ipv4: '', ipv6: '' },
    })
    expect(read('rpki-commons/krill-up-down', 'krill-ca1-list-pdu.der').body).toEqual({ type: 'list' })
  })
})

describe('RFC 8181', () => {
  const written = (message: PublicationMessage): string =>
    message.kind === 'query' ? encodePublicationQuery(message.query) : encodePublicationReply(message.reply)

  test('every message is read, and what is written of it is read again', (context) => {
    const files = filesIn(context, ['rfc8181', 'rpki-rs/rfc8181'], /\.xml$/)
    expect(files.length).toBeGreaterThanOrEqual(13)
    for (const file of files) {
      const message = decodePublication(readFileSync(file))
      expect(decodePublication(utf8(written(message))), file).toEqual(message)
    }
  })

  test('what they say is read', (context) => {
    const read = (folder: string, name: string) => {
      const [file = ''] = filesIn(context, [folder], new RegExp(`^${name}$`))
      return decodePublication(readFileSync(file))
    }
    expect(read('rfc8181', 'list_reply_empty.xml')).toEqual({ kind: 'reply', reply: { type: 'list', objects: [] } })
    expect(read('rfc8181', 'report_error_minimal.xml')).toEqual({
      kind: 'reply',
      reply: { type: 'error', errors: [{ code: 'object_already_present', tag: 'foo' }] },
    })
    const { reply } = read('rpki-rs/rfc8181', 'error-reply.xml') as Extract<PublicationMessage, { kind: 'reply' }>
    expect(reply.type === 'error' && reply.errors).toMatchObject([
      { code: 'object_already_present', failedPdu: { kind: 'publish', uri: 'rsync://host/path/cms-ta.cer' } },
      { code: 'other_error', text: 'Found some other issue.' },
    ])
  })

  test('the samples of version 3 are read', (context) => {
    const [file = ''] = filesIn(context, ['rpki.net'], /^publication-protocol-samples-v3.xml$/)
    const samples = readFileSync(file, 'utf8').match(/<msg [\s\S]*?<\/msg>/g) ?? []
    expect(samples.length).toBeGreaterThanOrEqual(8)
    for (const sample of samples) {
      const message = decodePublication(utf8(sample))
      expect(message.kind === 'query' ? message.query.version : message.reply.version).toBe(3)
    }
  })
})
