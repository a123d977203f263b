import { performance } from 'node:perf_hooks'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../../../src/core/base/bytes.js'
import { sha256Hex } from '../../../../src/core/crypto/digest.js'
import {
  decodePublication,
  decodePublicationQuery,
  decodePublicationReply,
} from '../../../../src/core/protocols/publication/decode.js'
import { encodePublicationQuery, encodePublicationReply } from '../../../../src/core/protocols/publication/encode.js'
import {
  type Pdu,
  PUBLICATION_ERROR_CODES,
  type PublicationQuery,
  type PublicationReply,
} from '../../../../src/core/protocols/publication/types.js'
import { expectOnlyFaults, faultOf, hostileDocuments } from '../../../support/protocols/decoding.js'

const NS = 'http://www.hactrn.net/uris/rpki/publication-spec/'
const bytes = Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x00)
const hash = sha256Hex('one')
const uri = 'rsync://h/m/a/b.roa'

const msg = (type: string, content: string, version = '4'): string =>
  `<msg xmlns="${NS}" version="${version}" type="${type}">${content}</msg>`
const query = (content: string, version?: string): PublicationQuery =>
  decodePublicationQuery(utf8(msg('query', content, version)))
const reply = (content: string, version?: string): PublicationReply =>
  decodePublicationReply(utf8(msg('reply', content, version)))

const PUBLISH = `<publish tag="t" uri="${uri}" hash="${hash}">MAMCAQA=</publish>`
const NEW = `<publish tag="" uri="${uri}">MAMCAQA=</publish>`
const WITHDRAW = `<withdraw tag="u" uri="${uri}" hash="${hash}"/>`
const LISTED = `<list uri="${uri}" hash="${hash}"/>`
const FAILED = `<report_error error_code="no_object_present" tag="t"><error_text>none</error_text><failed_pdu>${WITHDRAW}</failed_pdu></report_error>`

describe('each message', () => {
  it.each([
    ['query', '<list/>', { type: 'list' }],
    ['query', '', { type: 'delta', pdus: [] }],
    [
      'query',
      PUBLISH + WITHDRAW + NEW,
      {
        type: 'delta',
        pdus: [
          { kind: 'publish', tag: 't', uri, hash, bytes },
          { kind: 'withdraw', tag: 'u', uri, hash },
          { kind: 'publish', tag: '', uri, bytes },
        ],
      },
    ],
    ['reply', '', { type: 'list', objects: [] }],
    [
      'reply',
      LISTED + LISTED.replace('b.roa', 'c.roa'),
      {
        type: 'list',
        objects: [
          { uri, hash },
          { uri: uri.replace('b.roa', 'c.roa'), hash },
        ],
      },
    ],
    ['reply', '<success/>', { type: 'success' }],
    [
      'reply',
      `${FAILED}<report_error error_code="xml_error"/>`,
      {
        type: 'error',
        errors: [
          { code: 'no_object_present', tag: 't', text: 'none', failedPdu: { kind: 'withdraw', tag: 'u', uri, hash } },
          { code: 'xml_error' },
        ],
      },
    ],
  ] as const)('a %s with %s is read and written', (type, content, expected) => {
    const read = decodePublication(utf8(msg(type, content)))
    expect(read).toEqual(type === 'query' ? { kind: type, query: expected } : { kind: type, reply: expected })
    const written = read.kind === 'query' ? encodePublicationQuery(read.query) : encodePublicationReply(read.reply)
    expect(written.replace(/\n */g, '')).toBe(msg(type, content).replace(/type="(\w+)"><\/msg>$/, 'type="$1"/>'))
  })
})

describe('tolerant reading', () => {
  it.each([
    ['the namespace without its slash', (text: string) => text.replace(NS, NS.slice(0, -1))],
    ['no namespace', (text: string) => text.replace(` xmlns="${NS}"`, '')],
    ['a prefix', (text: string) => text.replace('xmlns=', 'xmlns:p=').replace(/<(\/?)/g, '<$1p:')],
    ['a hash in upper case', (text: string) => text.replaceAll(hash, hash.toUpperCase())],
    ['base64 in lines', (text: string) => text.replaceAll('MAMCAQA=', '\n  MAMC\r\n  AQA=\n')],
  ])('reads %s', (_what, change) => {
    const text = msg('query', PUBLISH + WITHDRAW)
    expect(change(text)).not.toBe(text)
    expect(decodePublication(utf8(change(text)))).toEqual(decodePublication(utf8(text)))
  })

  it('reads PDUs without a tag, and writes the attribute that the schema demands', () => {
    const read = query(WITHDRAW.replace(' tag="u"', ''))
    expect(read).toEqual({ type: 'delta', pdus: [{ kind: 'withdraw', uri, hash }] })
    expect(encodePublicationQuery(read)).toContain('<withdraw tag="" uri=')
  })

  it.each(['', ' tag=""'])('reads an error with the tag %j as one without', (tag) => {
    expect(reply(`<report_error error_code="other_error"${tag}/>`)).toEqual({
      type: 'error',
      errors: [{ code: 'other_error' }],
    })
  })

  it('reads an unknown code as other_error, with the code in its text', () => {
    expect(reply('<report_error error_code="fire"/>')).toEqual({
      type: 'error',
      errors: [{ code: 'other_error', text: '"fire"' }],
    })
    expect(reply('<report_error error_code="fire"><error_text>hot</error_text></report_error>')).toEqual({
      type: 'error',
      errors: [{ code: 'other_error', text: '"fire": hot' }],
    })
  })

  it('reads the failed PDU without its object, an empty one, and what later versions may add', () => {
    const failed = (content: string): unknown => {
      const read = reply(`<report_error error_code="other_error"><new/>${content}</report_error>`)
      return read.type === 'error' && read.errors[0]?.failedPdu
    }
    expect(failed(`<failed_pdu><publish uri="${uri}"/></failed_pdu>`)).toEqual({
      kind: 'publish',
      uri,
      bytes: new Uint8Array(),
    })
    expect(failed('<failed_pdu/>')).toBeUndefined()
  })

  it('reads the short hashes of the samples in the RFC', () => {
    expect(reply(LISTED.replace(hash, 'EB719B72F0648CF4'))).toEqual({
      type: 'list',
      objects: [{ uri, hash: 'eb719b72f0648cf4' }],
    })
  })
})

describe('version 3 of the drafts', () => {
  it('is read, and named', () => {
    expect(query('<list tag="t"/>', '3')).toEqual({ version: 3, type: 'list' })
    expect(query(WITHDRAW, '3')).toMatchObject({ version: 3, type: 'delta' })
    expect(reply(`<publish tag="t" uri="${uri}"/><withdraw uri="${uri}"/>`, '3')).toEqual({
      version: 3,
      type: 'success',
    })
    expect(reply('<report_error error_code="xml_error">\n  bad\n</report_error>', '3')).toEqual({
      version: 3,
      type: 'error',
      errors: [{ code: 'xml_error', text: 'bad' }],
    })
    expect(reply(`<publish uri="${uri}"/>${FAILED}`, '3')).toMatchObject({
      type: 'error',
      errors: [{ code: 'no_object_present' }],
    })
  })

  it('has no <success>, and version 4 no answer to one PDU', () => {
    expect(faultOf(decodePublicationReply, msg('reply', '<success/>', '3'))).toMatch(/contains <success>/)
    expect(faultOf(decodePublicationReply, msg('reply', `<publish uri="${uri}"/>`))).toMatch(
      /contains <publish>; expected <list>, <report_error>, <success>/,
    )
  })
})

describe('faults', () => {
  it.each([
    ['query', '<list/><list/>', /<list> is not alone in its query \(RFC 8181 section 2.3\)/],
    ['query', `<list/>${WITHDRAW}`, /<list> is not alone/],
    ['query', '<list uri=""/>', /unknown attribute: "uri"/],
    ['query', '<success/>', /<msg> contains <success>; expected <publish>, <withdraw>, <list>/],
    ['query', '<constructor/>', /contains <constructor>/],
    ['query', `${WITHDRAW}x`, /<msg> has text: "x"/],
    ['query', PUBLISH.replace('MAMCAQA=', '?'), /text of <publish> is not base64 \(RFC 8181 section 2.2\)/],
    ['query', PUBLISH.replace('MAMCAQA=', ''), /text of <publish> is empty/],
    ['query', PUBLISH.replace('tag="t" ', 'tag="t" x="" '), /unknown attribute: "x"/],
    ['query', PUBLISH.replace('tag="t" ', 'tag="t" tag="t" '), /duplicate attribute: tag/],
    ['query', PUBLISH.replace(`uri="${uri}"`, ''), /no attribute uri/],
    ['query', PUBLISH.replace(uri, ''), /uri of <publish> is empty/],
    ['query', PUBLISH.replace(uri, 'x'.repeat(4097)), /uri of <publish> has more than 4096/],
    ['query', PUBLISH.replace('"t"', `"${'x'.repeat(1025)}"`), /tag of <publish> has more than 1024/],
    ['query', PUBLISH.replace(hash, 'abc'), /hash of <publish> is not hexadecimal/],
    ['query', PUBLISH.replace(hash, ''), /hash of <publish> is not hexadecimal/],
    ['query', PUBLISH.replace(hash, 'ab'.repeat(65)), /hash of <publish> is longer than a hash/],
    ['query', WITHDRAW.replace(` hash="${hash}"`, ''), /<withdraw> has no attribute hash/],
    ['query', WITHDRAW.replace('/>', '>x</withdraw>'), /<withdraw> has text/],
    ['query', WITHDRAW.replace('<withdraw', '<withdraw xmlns="urn:x"'), /of the namespace "urn:x"/],
    ['reply', '<success/><success/>', /the reply is neither a list nor errors nor <success> alone/],
    ['reply', `<success/>${LISTED}`, /the reply is neither/],
    ['reply', `<success/>${FAILED}`, /the reply is neither/],
    ['reply', LISTED + FAILED, /the reply is neither/],
    ['reply', '<success>x</success>', /<success> has text/],
    ['reply', LISTED.replace(` hash="${hash}"`, ''), /<list> has no attribute hash \(RFC 8181 section 2.3\)/],
    ['reply', '<report_error/>', /no attribute error_code \(RFC 8181 section 2.4\)/],
    ['reply', FAILED.replace(WITHDRAW, WITHDRAW + WITHDRAW), /<failed_pdu> contains more than one/],
    ['reply', FAILED.replace('<error_text>none</error_text>', '$&$&'), /more than one <error_text>/],
    ['x', '', /type of <msg> is not query or reply: "x" \(RFC 8181 section 2.1\)/],
  ])('refuses a %s with %s', (type, content, expected) => {
    expect(faultOf(decodePublication, msg(type, content))).toMatch(expected)
  })

  it.each([
    ['version 5', msg('query', '<list/>', '5'), /version of <msg> is not 4 or 3: "5"/],
    ['no type', msg('query', '').replace(' type="query"', ''), /no attribute type/],
    ['an unknown attribute', msg('query', '').replace(' type', ' x="" type'), /unknown attribute: "x"/],
    ['another namespace', msg('query', '').replace(NS, 'urn:x'), /the namespace is "urn:x"/],
    ['another root', msg('query', '').replaceAll('msg', 'message'), /expected <msg>/],
  ])('refuses %s', (_what, text, expected) => expect(faultOf(decodePublication, text)).toMatch(expected))

  it('refuses the other direction', () => {
    expect(faultOf(decodePublicationQuery, msg('reply', ''))).toMatch(/is a reply, expected a query/)
    expect(faultOf(decodePublicationReply, msg('query', ''))).toMatch(/is a query, expected a reply/)
  })

  it.each(hostileDocuments(`<msg xmlns="${NS}" version="4" type="query">`, 'msg'))(
    'refuses %s',
    (_what, text, expected) => {
      expect(faultOf(decodePublication, text)).toMatch(expected)
    },
  )

  it('are the only errors, wherever a message is cut or bent', () => {
    expectOnlyFaults(decodePublication, msg('query', PUBLISH + WITHDRAW))
    expectOnlyFaults(decodePublication, msg('reply', FAILED))
  })
})

it('reads 10,000 PDUs in time', () => {
  const object = new Uint8Array(2000).fill(0x30)
  const pdus = [...Array(10_000).keys()].map(
    (i): Pdu => ({ kind: 'publish', tag: String(i), uri: `${uri}${i}`, bytes: object }),
  )
  const text = utf8(encodePublicationQuery({ type: 'delta', pdus }))
  const began = performance.now()
  const read = decodePublicationQuery(text)
  expect(read.type === 'delta' && read.pdus.length).toBe(10_000)
  expect(performance.now() - began).toBeLessThan(30_000)
})

it('writes what it reads', () => {
  const text = fc.string({ maxLength: 9 }).map((one) => one.trim().replace(/\s+/g, ' '))
  const tag = text
  const uris = fc.constantFrom(uri, 'rsync://h/m/<&>', 'rsync://h/m/"é"')
  const hashes = fc.constantFrom(hash, sha256Hex('two'))
  const object = fc.uint8Array({ minLength: 1, maxLength: 20 })
  const publish = fc.record(
    { kind: fc.constant('publish'), tag, uri: uris, hash: hashes, bytes: object },
    { requiredKeys: ['kind', 'tag', 'uri', 'bytes'] },
  )
  const pdu = fc.oneof(
    publish,
    fc.record({ kind: fc.constant('withdraw'), tag, uri: uris, hash: hashes }),
  ) as fc.Arbitrary<Pdu>
  const queries = fc.oneof(
    fc.constant({ type: 'list' }),
    fc.record({ type: fc.constant('delta'), pdus: fc.array(pdu, { maxLength: 4 }) }),
  ) as fc.Arbitrary<PublicationQuery>
  const error = fc.record(
    { code: fc.constantFrom(...PUBLICATION_ERROR_CODES), tag: text.filter((one) => one !== ''), text, failedPdu: pdu },
    { requiredKeys: ['code'] },
  )
  const replies = fc.oneof(
    fc.constant({ type: 'success' }),
    fc.record({
      type: fc.constant('list'),
      objects: fc.array(fc.record({ uri: uris, hash: hashes }), { maxLength: 3 }),
    }),
    fc.record({ type: fc.constant('error'), errors: fc.array(error, { minLength: 1, maxLength: 3 }) }),
  ) as fc.Arbitrary<PublicationReply>
  fc.assert(
    fc.property(queries, replies, (one, other) => {
      expect(decodePublicationQuery(utf8(encodePublicationQuery(one)))).toEqual(one)
      expect(decodePublicationReply(utf8(encodePublicationReply(other)))).toEqual(other)
    }),
  )
})
