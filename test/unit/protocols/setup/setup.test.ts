import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../../../src/core/base/bytes.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import { decodeSetup, readSetup } from '../../../../src/core/protocols/setup/decode.js'
import { encodeSetup } from '../../../../src/core/protocols/setup/encode.js'
import type { SetupMessage } from '../../../../src/core/protocols/setup/types.js'
import { expectOnlyFaults, faultOf, hostileDocuments } from '../../../support/protocols/decoding.js'

const NS = 'http://www.hactrn.net/uris/rpki/rpki-setup/'
const id = Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x00)
const h = parseHandle
const decode = (text: string): SetupMessage => decodeSetup(utf8(text))
const fault = (text: string): string => faultOf(decodeSetup, text)

const CHILD_REQUEST = `<child_request xmlns="${NS}" version="1" child_handle="Bob" tag="A1"><child_bpki_ta>MAMCAQA=</child_bpki_ta></child_request>`
const PARENT_RESPONSE = `<parent_response xmlns="${NS}" version="1" service_uri="https://ca.example.net/up/Bob" child_handle="Bob" parent_handle="Alice"><parent_bpki_ta>MAMCAQA=</parent_bpki_ta><offer/><referral referrer="Alice" contact_uri="mailto:ops@example.net">MAMCAQA=</referral></parent_response>`
const REPOSITORY_RESPONSE = `<repository_response xmlns="${NS}" version="1" service_uri="https://pub.example.net/8181/Bob/" publisher_handle="Alice/Bob" sia_base="rsync://pub.example.net/repo/Bob/" rrdp_notification_uri="https://pub.example.net/rrdp/notification.xml"><repository_bpki_ta>MAMCAQA=</repository_bpki_ta></repository_response>`

describe('strict writing', () => {
  it('writes the attributes of each message in the order of RFC 8183, and a tag only if there is one', () => {
    const referrals = [{ referrer: h('Alice'), contactUri: 'mailto:a@example.net', authorization: id }]
    expect(encodeSetup({ kind: 'child_request', childHandle: h('Bob'), tag: 'A&1', id })).toBe(
      `<child_request xmlns="${NS}" version="1" child_handle="Bob" tag="A&amp;1">\n  <child_bpki_ta>MAMCAQA=</child_bpki_ta>\n</child_request>\n`,
    )
    expect(encodeSetup({ kind: 'child_request', childHandle: h('Bob'), id })).not.toContain('tag')
    expect(
      encodeSetup({
        kind: 'parent_response',
        ...{
          serviceUri: 'http://h/x',
          childHandle: h('Bob'),
          parentHandle: h('Alice'),
          tag: 't',
          id,
          offer: true,
          referrals,
        },
      }),
    ).toBe(
      `<parent_response xmlns="${NS}" version="1" service_uri="http://h/x" child_handle="Bob" parent_handle="Alice" tag="t">\n` +
        '  <parent_bpki_ta>MAMCAQA=</parent_bpki_ta>\n  <offer/>\n' +
        '  <referral referrer="Alice" contact_uri="mailto:a@example.net">MAMCAQA=</referral>\n</parent_response>\n',
    )
    expect(encodeSetup({ kind: 'publisher_request', publisherHandle: h('Bob'), tag: 't', id, referrals })).toBe(
      `<publisher_request xmlns="${NS}" version="1" publisher_handle="Bob" tag="t">\n` +
        '  <publisher_bpki_ta>MAMCAQA=</publisher_bpki_ta>\n  <referral referrer="Alice">MAMCAQA=</referral>\n</publisher_request>\n',
    )
    const uris = { serviceUri: 'https://h/x', siaBase: 'rsync://h/m/', rrdpNotificationUri: 'https://h/n.xml' }
    expect(encodeSetup({ kind: 'repository_response', ...uris, publisherHandle: h('Bob'), tag: 't', id })).toBe(
      `<repository_response xmlns="${NS}" version="1" service_uri="https://h/x" publisher_handle="Bob" ` +
        'sia_base="rsync://h/m/" rrdp_notification_uri="https://h/n.xml" tag="t">\n' +
        '  <repository_bpki_ta>MAMCAQA=</repository_bpki_ta>\n</repository_response>\n',
    )
    expect(encodeSetup({ kind: 'error', reason: 'refused' })).toBe(
      `<error xmlns="${NS}" version="1" reason="refused"/>\n`,
    )
  })

  it('writes what it reads', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 20 })
    const handle = fc.stringMatching(/^[A-Za-z0-9_-]{1,8}(?:\/[A-Za-z0-9_-]{1,8})?$/).map(h)
    const serviceUri = fc.constantFrom('https://h.example/a/', 'http://[::1]:8080/?a=b', 'http://localhost:4404/x')
    const base = { id: bytes, tag: fc.string({ maxLength: 9 }).map((text) => text.trim().replace(/\s+/g, ' ')) }
    const referral = fc.record({ referrer: handle, authorization: bytes })
    const contact = fc.record(
      { referrer: handle, contactUri: fc.constant('http://a/'), authorization: bytes },
      { requiredKeys: ['referrer', 'authorization'] },
    )
    const of = <K extends string, T extends object>(
      kind: K,
      model: { [P in keyof T]: fc.Arbitrary<T[P]> },
      optional: readonly string[],
    ) =>
      fc.record(
        { kind: fc.constant(kind), ...model },
        { requiredKeys: ['kind', ...Object.keys(model).filter((key) => !optional.includes(key))] as never },
      )
    const message = fc.oneof(
      of('child_request', { ...base, childHandle: handle }, ['tag']),
      of(
        'parent_response',
        {
          ...base,
          serviceUri,
          childHandle: handle,
          parentHandle: handle,
          offer: fc.boolean(),
          referrals: fc.array(contact, { maxLength: 2 }),
        },
        ['tag'],
      ),
      of('publisher_request', { ...base, publisherHandle: handle, referrals: fc.array(referral, { maxLength: 2 }) }, [
        'tag',
      ]),
      of(
        'repository_response',
        {
          ...base,
          serviceUri,
          publisherHandle: handle,
          siaBase: fc.constant('rsync://h/m/a/'),
          rrdpNotificationUri: fc.constant('https://h/n.xml'),
        },
        ['tag', 'rrdpNotificationUri'],
      ),
      fc.record({
        kind: fc.constant('error'),
        reason: fc.constantFrom('syntax-error', 'authentication-failure', 'refused'),
      }),
    ) as fc.Arbitrary<SetupMessage>
    fc.assert(
      fc.property(message, (value) => {
        expect(decode(encodeSetup(value))).toEqual(value)
      }),
    )
  })
})

describe('tolerant reading', () => {
  it.each([
    ['the namespace without its slash', (text: string) => text.replace(NS, NS.slice(0, -1))],
    ['no namespace', (text: string) => text.replace(` xmlns="${NS}"`, '')],
    ['a prefix', (text: string) => text.replace('xmlns=', 'xmlns:ns0=').replace(/<(\/?)/g, '<$1ns0:')],
    [
      'an XML declaration and comments',
      (text: string) => `<?xml version="1.0" encoding="us-ascii"?>\n<!-- x -->${text}<!-- y -->`,
    ],
    ['a byte order mark', (text: string) => `\ufeff${text}`],
    ['base64 in lines', (text: string) => text.replace('MAMCAQA=', '\n\tMAMC \r\n AQA=\n')],
    [
      'base64 with spaces of Unicode',
      (text: string) => text.replace('MAMCAQA=', '\u200b\u00a0MAMC\u2028AQA=\ufeff\u3000'),
    ],
    ['base64 in CDATA', (text: string) => text.replace('MAMCAQA=', '<![CDATA[MAMCAQA=]]>')],
    [
      'the valid_until of rpkid',
      (text: string) => text.replace(' version', ' valid_until="2012-07-25T18:45:58Z" version'),
    ],
    ['white space between the elements', (text: string) => text.replaceAll('><', '>\n  <')],
  ])('reads %s', (_what, change) => {
    for (const text of [CHILD_REQUEST, PARENT_RESPONSE, REPOSITORY_RESPONSE]) {
      expect(change(text)).not.toBe(text)
      expect(decode(change(text))).toEqual(decode(text))
    }
  })

  it('reads any order of attributes and children', () => {
    const parts = PARENT_RESPONSE.match(/<parent_bpki_ta>.*?<\/parent_bpki_ta>/)?.[0] ?? ''
    expect(
      decode(PARENT_RESPONSE.replace(parts, '').replace('</parent_response>', `${parts}</parent_response>`)),
    ).toEqual(decode(PARENT_RESPONSE))
    expect(
      decode(PARENT_RESPONSE.replace(/version="1" (.*) parent_handle="Alice"/, 'parent_handle="Alice" $1 version="1"')),
    ).toEqual(decode(PARENT_RESPONSE))
  })

  it('gives every member', () => {
    expect(decode(CHILD_REQUEST)).toEqual({ kind: 'child_request', childHandle: 'Bob', tag: 'A1', id })
    expect(decode(CHILD_REQUEST.replace(' tag="A1"', ''))).not.toHaveProperty('tag')
    expect(decode(PARENT_RESPONSE)).toEqual({
      kind: 'parent_response',
      serviceUri: 'https://ca.example.net/up/Bob',
      childHandle: 'Bob',
      parentHandle: 'Alice',
      id,
      offer: true,
      referrals: [{ referrer: 'Alice', contactUri: 'mailto:ops@example.net', authorization: id }],
    })
    expect(decode(PARENT_RESPONSE.replace('<offer/>', ''))).toMatchObject({ offer: false })
    expect(decode(REPOSITORY_RESPONSE.replace('Bob/" rrdp', 'Bob" rrdp'))).toEqual(decode(REPOSITORY_RESPONSE))
    expect(decode(`<error xmlns="${NS}" version="1" reason="refused"><x>no</x>why</error>`)).toEqual({
      kind: 'error',
      reason: 'refused',
    })
  })

  it('reads http service URIs, which policy may refuse later, and ignores additions to the two responses', () => {
    expect(decode(PARENT_RESPONSE.replace('https://ca.example.net', 'HTTP://127.0.0.1:4401'))).toMatchObject({
      serviceUri: 'http://127.0.0.1:4401/up/Bob',
    })
    expect(
      decode(
        PARENT_RESPONSE.replace('<offer/>', '<offer/><x xmlns="urn:x"/><more/>').replace(
          ' version',
          ' later="1" version',
        ),
      ),
    ).toEqual(decode(PARENT_RESPONSE))
  })
})

describe('faults', () => {
  it.each([
    [
      'an unknown attribute',
      CHILD_REQUEST.replace('tag=', 'x='),
      'line 1, column 1: <child_request> has an unknown attribute: "x" (RFC 8183 section 5.2.1)',
    ],
    [
      'an unknown element',
      CHILD_REQUEST.replace('</child_request>', '\n <x/></child_request>'),
      'line 2, column 2: <child_request> contains <x>; expected <child_bpki_ta> (RFC 8183 section 5.2.1)',
    ],
    [
      'an element of another namespace',
      CHILD_REQUEST.replace('<child_bpki_ta>', '<child_bpki_ta xmlns="urn:x">'),
      /contains <child_bpki_ta> of the namespace "urn:x"/,
    ],
    ['no trust anchor', `<child_request xmlns="${NS}" version="1" child_handle="Bob"/>`, /has no <child_bpki_ta>/],
    [
      'two trust anchors',
      CHILD_REQUEST.replace(/<child_bpki_ta>.*<\/child_bpki_ta>/, '$&$&'),
      /more than one <child_bpki_ta>/,
    ],
    [
      'two offers',
      PARENT_RESPONSE.replace('<offer/>', '<offer/><offer/>'),
      /more than one <offer> \(RFC 8183 section 5.2.2\)/,
    ],
    ['an attribute twice', CHILD_REQUEST.replace('tag=', 'version="1" tag='), /duplicate attribute: version/],
    ['no handle', CHILD_REQUEST.replace('child_handle="Bob" ', ''), /has no attribute child_handle/],
    ['an empty handle', CHILD_REQUEST.replace('"Bob"', '""'), /child_handle .* is not a handle/],
    ['a long handle', CHILD_REQUEST.replace('"Bob"', `"${'x'.repeat(256)}"`), /is not a handle/],
    ['a handle with a dot', CHILD_REQUEST.replace('"Bob"', '"a.b"'), /is not a handle.*: "a.b"/],
    [
      'another version',
      CHILD_REQUEST.replace('version="1"', 'version="2"'),
      /version of <child_request> is not 1: "2"/,
    ],
    ['a long tag', CHILD_REQUEST.replace('"A1"', `"${'x'.repeat(1025)}"`), /tag .* more than 1024 characters/],
    ['invalid base64', CHILD_REQUEST.replace('MAMCAQA=', 'MAMC*AQA='), /text of <child_bpki_ta> is not base64/],
    ['base64 without its padding', CHILD_REQUEST.replace('MAMCAQA=', 'MAMCAQA'), /is not base64/],
    ['an empty trust anchor', CHILD_REQUEST.replace('MAMCAQA=', ' '), /text of <child_bpki_ta> is empty/],
    ['a large trust anchor', CHILD_REQUEST.replace('MAMCAQA=', 'AAAA'.repeat(170_668)), /more than 512000 octets/],
    [
      'text beside elements',
      CHILD_REQUEST.replace('</child_request>', 'x</child_request>'),
      /<child_request> has text: "x"/,
    ],
    ['another namespace', CHILD_REQUEST.replace(NS, `${NS}2`), /namespace is .*section 5.1/],
    ['another root', `<x xmlns="${NS}"/>`, /the message is <x>, expected <child_request>/],
    [
      'a service URI of another scheme',
      PARENT_RESPONSE.replace('https://ca', 'ftp://ca'),
      /service_uri .* is not a URI with http:\/\/ or https:\/\//,
    ],
    ['a service URI with a user', PARENT_RESPONSE.replace('https://ca', 'https://a:b@ca'), /names a user/],
    [
      'a service URI without a host',
      PARENT_RESPONSE.replace('https://ca.example.net/', 'https:///'),
      /has no valid host/,
    ],
    ['a service URI with a space', PARENT_RESPONSE.replace('up/Bob', 'up /Bob'), /is not a URI/],
    ['a long service URI', PARENT_RESPONSE.replace('up/Bob', 'x'.repeat(4096)), /more than 4096/],
    [
      'a notification by http',
      REPOSITORY_RESPONSE.replace('uri="https://pub.example.net/rrdp', 'uri="http://pub.example.net/rrdp'),
      /rrdp_notification_uri .* https/,
    ],
    ['an SIA base by https', REPOSITORY_RESPONSE.replace('rsync://', 'https://'), /sia_base .* rsync:\/\//],
    ['an offer with text', PARENT_RESPONSE.replace('<offer/>', '<offer>x</offer>'), /<offer> has text/],
    ['another reason', `<error xmlns="${NS}" version="1" reason="x"/>`, /reason of <error> is not syntax-error or/],
  ])('refuses %s', (_what, text, expected) => {
    if (typeof expected === 'string') expect(fault(text)).toBe(expected)
    else expect(fault(text)).toMatch(expected)
  })

  it.each(hostileDocuments(`<child_request xmlns="${NS}" version="1" child_handle="Bob">`, 'child_request'))(
    'refuses %s',
    (_what, text, expected) => {
      expect(faultOf(decodeSetup, text)).toMatch(expected)
    },
  )

  it('are the only errors, wherever a message is cut or bent', () => {
    expectOnlyFaults(decodeSetup, CHILD_REQUEST)
    expectOnlyFaults(decodeSetup, PARENT_RESPONSE)
  })

  it('of a file name it, its line and the section', () => {
    expect(() => readSetup(utf8('<x/>'), 'response.xml')).toThrow(
      expect.objectContaining({
        kind: 'usage',
        code: 'setup-invalid',
        message: expect.stringMatching(
          /^response.xml: line 1, column 1: the message is <x>, .*RFC 8183 section 5.1\)$/,
        ),
        details: { rule: 'RFC 8183 section 5.1', line: 1, column: 1 },
      }),
    )
    expect(readSetup(utf8(CHILD_REQUEST), 'x').kind).toBe('child_request')
  })
})
