/** The XML that is written, against RELAX NG schemas with xmllint, which shares no code with the reader and writer. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, type TestContext, test } from 'vitest'
import { parseHandle } from '../../src/core/base/handle.js'
import type { Instant } from '../../src/core/base/time.js'
import { sha256Hex } from '../../src/core/crypto/digest.js'
import type { KeyId } from '../../src/core/crypto/ports.js'
import { encodeProvisioning } from '../../src/core/protocols/provisioning/encode.js'
import type { ProvisioningBody } from '../../src/core/protocols/provisioning/types.js'
import { encodePublicationQuery, encodePublicationReply } from '../../src/core/protocols/publication/encode.js'
import { type Pdu, PUBLICATION_ERROR_CODES } from '../../src/core/protocols/publication/types.js'
import { encodeSetup } from '../../src/core/protocols/setup/encode.js'
import { ALL_RESOURCES, parseResources, toResourceText } from '../../src/core/resources/resource-set.js'
import { findProgram, peerDataDir, skipOrFail } from '../support/peers/validators.js'
import { scratchFolder } from '../support/sites/testbed.js'

const scratch = scratchFolder('schemas')
const der = new Uint8Array(700).fill(0x30)
const h = parseHandle

/** Returns what xmllint has to say about documents and a schema; empty if all are valid. Skips the test where xmllint is absent. */
function complaints(context: TestContext, schema: string, documents: readonly string[]): string {
  const xmllint = findProgram('xmllint')
  if (xmllint === undefined) skipOrFail(context, ['xmllint (libxml2-utils)'])
  const rng = join(scratch.dir, 'schema.rng')
  writeFileSync(rng, schema)
  const files = documents.map((text, at) => {
    const file = join(scratch.dir, `${at}.xml`)
    writeFileSync(file, text)
    return file
  })
  const run = spawnSync(xmllint ?? '', ['--noout', '--relaxng', rng, ...files], { encoding: 'utf8' })
  if (run.status === 0) return ''
  return run.stderr.replace(/^.* validates\n/gm, '')
}

function peerSchema(context: TestContext, name: string): string {
  const file = join(peerDataDir, 'rpki.net', 'schemas', name)
  if (!existsSync(file)) skipOrFail(context, [file])
  return readFileSync(file, 'utf8')
}

describe('RFC 8183', () => {
  const referrals = [
    { referrer: h('a'), authorization: der },
    { referrer: h('b/c'), contactUri: 'mailto:ops@example.net', authorization: der },
  ]
  const serviceUri = 'https://ca.example.net/rfc6492/a?b=c&d'
  const both = { childHandle: h('Bob'), parentHandle: h('Alice/Carol_-') }
  const siaBase = 'rsync://h.example/m/Bob/'
  const rrdpNotificationUri = 'https://h.example/notification.xml'
  const documents = (tag: { readonly tag?: string }): readonly string[] => [
    encodeSetup({ kind: 'child_request', childHandle: h('Bob'), ...tag, id: der }),
    encodeSetup({ kind: 'parent_response', serviceUri, ...both, ...tag, id: der, offer: true, referrals }),
    encodeSetup({ kind: 'parent_response', serviceUri, ...both, ...tag, id: der, offer: false, referrals: [] }),
    encodeSetup({ kind: 'publisher_request', publisherHandle: h('Bob'), ...tag, id: der, referrals }),
    encodeSetup({ kind: 'repository_response', serviceUri, publisherHandle: h('Bob'), siaBase, ...tag, id: der }),
    encodeSetup({
      kind: 'repository_response',
      ...{ serviceUri, publisherHandle: h('Bob'), siaBase, rrdpNotificationUri, ...tag, id: der },
    }),
  ]

  test('messages are valid', (context) => {
    const schema = peerSchema(context, 'oob-setup.rng')
    expect(complaints(context, schema, [...documents({}), encodeSetup({ kind: 'error', reason: 'refused' })])).toBe('')
    expect(
      complaints(
        context,
        schema,
        documents({}).map((text) => text.replace(' version="1"', '')),
      ),
    ).not.toBe('')
  })

  test('messages with a tag are valid; the schema, older than the RFC, gets the attribute', (context) => {
    const tag =
      '<optional><attribute name="tag"><data type="token"><param name="maxLength">1024</param></data></attribute></optional>'
    const schema = peerSchema(context, 'oob-setup.rng')
    const newer = schema.replace(/<element name="\w+_(?:request|response)">/g, `$&${tag}`)
    expect(complaints(context, newer, documents({ tag: 'A "1" <&>' }))).toBe('')
    expect(complaints(context, schema, documents({ tag: 'A1' }))).not.toBe('')
  })
})

describe('RFC 6492', () => {
  const resources = toResourceText(
    parseResources('AS1-AS3, AS5, 10.0.0.0-10.0.0.2, 192.0.2.0/24, 2001:db8::/32, ::1-::3'),
  )
  const certUris = ['https://h.example/a.cer', 'rsync://h.example/m/a,b.cer']
  const certificate = { certUris, limit: { asn: '', ipv6: resources.ipv6 }, der }
  const one = {
    ...{ className: 'a <b> "c"', certUris, resources, notAfter: '2027-01-01T00:00:00Z' as Instant },
    ...{ certificates: [certificate], issuer: der },
  }
  const none = { ...one, resources: toResourceText(parseResources('none')), suggestedSiaHead: 'rsync://h.example/m/' }
  const all = { ...one, className: '0', resources: toResourceText(ALL_RESOURCES), certificates: [] }
  const ski = 'E445382DC63E360A9FB575FC12470E66785BB27E' as KeyId
  const long = 'é'.repeat(2000)
  const bodies: readonly ProvisioningBody[] = [
    { type: 'list' },
    { type: 'list_response', classes: [] },
    {
      type: 'list_response',
      classes: [one, none, all, { ...one, certificates: [certificate, { ...certificate, limit: {} }] }],
    },
    { type: 'issue', className: '0', limit: {}, csr: der },
    { type: 'issue', className: '0', limit: resources, csr: der },
    { type: 'issue_response', class: one },
    { type: 'revoke', className: '0', ski },
    { type: 'revoke_response', className: '0', ski },
    { type: 'error_response', status: 1101, descriptions: [] },
    { type: 'error_response', status: 2001, descriptions: [{ text: long }, { lang: 'de', text: 'nein' }] },
  ]
  const documents = bodies.map((body) => encodeProvisioning({ sender: 'a b', recipient: 'c/d', body }))

  test('messages are valid', (context) => {
    const schema = peerSchema(context, 'up-down.rng')
    expect(complaints(context, schema, documents)).toBe('')
    for (const [from, to] of [
      ['resource_set_as="1-3', 'resource_set_as="AS1-3'],
      ['"revoke"', '"revoked"'],
    ] as const) {
      const bad = documents.filter((text) => text.includes(from)).map((text) => text.replace(from, to))
      expect(complaints(context, schema, bad)).not.toBe('')
    }
  })
})

describe('RFC 8181', () => {
  const schema = readFileSync(fileURLToPath(new URL('../support/protocols/rfc8181.rng', import.meta.url)), 'utf8')
  const hash = sha256Hex('a')
  const uri = 'rsync://h.example/m/a.roa'
  const pdus: readonly Pdu[] = [
    { kind: 'publish', uri, bytes: der },
    { kind: 'publish', tag: hash, uri, hash, bytes: der },
    { kind: 'withdraw', tag: 'a <b>', uri, hash },
    { kind: 'withdraw', uri, hash },
  ]
  const errors = PUBLICATION_ERROR_CODES.map((code) => ({ code }))
  const queries = [
    encodePublicationQuery({ type: 'list' }),
    encodePublicationQuery({ type: 'delta', pdus: [] }),
    encodePublicationQuery({ type: 'delta', pdus }),
  ]
  const documents = [
    ...queries,
    encodePublicationReply({ type: 'success' }),
    encodePublicationReply({ type: 'list', objects: [] }),
    encodePublicationReply({ type: 'list', objects: [{ uri, hash }] }),
    encodePublicationReply({ type: 'error', errors }),
    ...pdus.map((failedPdu) =>
      encodePublicationReply({ type: 'error', errors: [{ code: 'xml_error', tag: 't', text: 'é\r\n<', failedPdu }] }),
    ),
  ]

  test('messages are valid', (context) => {
    expect(complaints(context, schema, documents)).toBe('')
    expect(
      complaints(
        context,
        schema,
        queries.map((text) => text.replace('"4"', '"3"')),
      ),
    ).not.toBe('')
    expect(
      complaints(
        context,
        schema,
        queries.map((text) => text.replaceAll(' tag=""', '')),
      ),
    ).not.toBe('')
  })

  test('queries are valid in version 3 too, but for the number', (context) => {
    const drafts = queries.map((text) => text.replace('version="4"', 'version="3"'))
    expect(complaints(context, peerSchema(context, 'publication.rng'), drafts)).toBe('')
  })
})
