import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../../../src/core/base/bytes.js'
import { instantOf } from '../../../../src/core/base/time.js'
import type { KeyId } from '../../../../src/core/crypto/ports.js'
import type { ProtocolFault } from '../../../../src/core/protocols/fault.js'
import { decodeProvisioning } from '../../../../src/core/protocols/provisioning/decode.js'
import { encodeProvisioning } from '../../../../src/core/protocols/provisioning/encode.js'
import type { ProvisioningBody, ProvisioningMessage } from '../../../../src/core/protocols/provisioning/types.js'
import { parseResources, toResourceText } from '../../../../src/core/resources/resource-set.js'
import { expectOnlyFaults, faultOf, hostileDocuments } from '../../../support/protocols/decoding.js'

const NS = 'http://www.apnic.net/specs/rescerts/up-down/'
const der = Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x00)
const SKI = '5EU4LcY-NgqftXX8EkcOZnhbsn4'
const KEY = 'E445382DC63E360A9FB575FC12470E66785BB27E' as KeyId

const message = (type: string, content: string): string =>
  `<message xmlns="${NS}" version="1" sender="Bob" recipient="Alice" type="${type}">${content}</message>`
const body = (type: string, content: string): ProvisioningBody => decodeProvisioning(utf8(message(type, content))).body
const fault = (type: string, content: string): string => faultOf(decodeProvisioning, message(type, content))

const ISSUER = '<issuer>MAMCAQA=</issuer>'
const CERTIFICATE =
  '<certificate cert_url="rsync://h/m/b.cer" req_resource_set_as="" req_resource_set_ipv4="10.0.0.0/24">MAMCAQA=</certificate>'
const CLASS_HEAD =
  '<class class_name="0" cert_url="rsync://h/m/a.cer" resource_set_as="64496-64511,65536" resource_set_ipv4="10.0.0.0/24" resource_set_ipv6="2001:db8::/32" resource_set_notafter="2027-01-01T00:00:00Z">'
const CLASS = `${CLASS_HEAD}${CERTIFICATE}${ISSUER}</class>`
const REQUEST = '<request class_name="0" req_resource_set_ipv6="">MAMCAQA=</request>'
const REVOKE = `<key class_name="0" ski="${SKI}"/>`
const REFUSED = '<status>1201</status><description xml:lang="en-US">no such class</description>'

const CLASS_VALUE = {
  className: '0',
  certUris: ['rsync://h/m/a.cer'],
  resources: { asn: 'AS64496-AS64511, AS65536', ipv4: '10.0.0.0/24', ipv6: '2001:db8::/32' },
  notAfter: '2027-01-01T00:00:00Z',
  certificates: [{ certUris: ['rsync://h/m/b.cer'], limit: { asn: '', ipv4: '10.0.0.0/24' }, der }],
  issuer: der,
}

describe('each type', () => {
  it.each([
    ['list', '', { type: 'list' }],
    ['list_response', '', { type: 'list_response', classes: [] }],
    ['list_response', CLASS, { type: 'list_response', classes: [CLASS_VALUE] }],
    ['issue', REQUEST, { type: 'issue', className: '0', limit: { ipv6: '' }, csr: der }],
    ['issue_response', CLASS, { type: 'issue_response', class: CLASS_VALUE }],
    ['revoke', REVOKE, { type: 'revoke', className: '0', ski: KEY }],
    ['revoke_response', REVOKE, { type: 'revoke_response', className: '0', ski: KEY }],
    [
      'error_response',
      REFUSED,
      { type: 'error_response', status: 1201, descriptions: [{ lang: 'en-US', text: 'no such class' }] },
    ],
  ] as const)('%s is read and written', (type, content, expected) => {
    const text = message(type, content)
    const value = decodeProvisioning(utf8(text))
    expect(value).toEqual({ sender: 'Bob', recipient: 'Alice', body: expected })
    const written = encodeProvisioning(value)
    expect(written.replace(/\n */g, '')).toBe(text.replace(/><\/message>$/, content === '' ? '/>' : '></message>'))
  })
})

describe('tolerant reading', () => {
  it.each([
    ['the namespace without its slash', (text: string) => text.replace(NS, NS.slice(0, -1))],
    ['no namespace', (text: string) => text.replace(` xmlns="${NS}"`, '')],
    ['a prefix', (text: string) => text.replace('xmlns=', 'xmlns:u=').replace(/<(\/?)/g, '<$1u:')],
    [
      'resource sets with AS and spaces',
      (text: string) =>
        text.replace('64496-64511,65536', 'AS65536, AS64496 - AS64511').replace('"10.0.0.0/24"', '" 10.0.0.0/24 "'),
    ],
    [
      'resource sets in parts and in any order',
      (text: string) =>
        text
          .replace('64496-64511,65536', '65536,64500-64511,64496-64499')
          .replace(
            '"10.0.0.0/24" resource_set_ipv6',
            '"10.0.0.128/25,10.0.0.0-10.0.0.126,10.0.0.127" resource_set_ipv6',
          ),
    ],
    ['resource sets in upper case', (text: string) => text.replace('2001:db8::', '2001:0DB8:0:0::')],
    [
      'a time with a fraction and an offset',
      (text: string) => text.replace('2027-01-01T00:00:00Z', '2027-01-01T02:00:00.000+02:00'),
    ],
    ['a time without a zone', (text: string) => text.replace('00:00Z', '00:00')],
    [
      'an empty suggested_sia_head',
      (text: string) => text.replace(' resource_set_as', ' suggested_sia_head="" resource_set_as'),
    ],
    [
      'the issuer before the certificates',
      (text: string) => text.replace(CERTIFICATE, '').replace(ISSUER, ISSUER + CERTIFICATE),
    ],
    ['base64 in lines', (text: string) => text.replaceAll('MAMCAQA=', '\n  MAMC\r\n  AQA=\n')],
    ['a space around a name', (text: string) => text.replace('sender="Bob"', 'sender=" Bob "')],
    ['a line break around a name', (text: string) => text.replace('sender="Bob"', 'sender="&#10;Bob&#13;"')],
  ])('reads %s', (_what, change) => {
    const text = message('list_response', CLASS)
    expect(change(text)).not.toBe(text)
    expect(decodeProvisioning(utf8(change(text)))).toEqual(decodeProvisioning(utf8(text)))
  })

  it('reads white space in a name as one space, since it is an xsd:token', () => {
    const named = CLASS.replace('class_name="0"', 'class_name="a &#10;&#9;  Error: b"')
    expect(body('list_response', named)).toMatchObject({ classes: [{ className: 'a Error: b' }] })
  })

  it('reads lists of URIs, and writes one by rsync', () => {
    const urls = 'https://h/a.cer,rsync://h/m/a%2Cb.cer, rsync://i/m/a.cer'
    const value = decodeProvisioning(utf8(message('list_response', CLASS.replace('rsync://h/m/a.cer', urls))))
    expect(value.body).toMatchObject({
      classes: [{ certUris: ['https://h/a.cer', 'rsync://h/m/a,b.cer', 'rsync://i/m/a.cer'] }],
    })
    expect(encodeProvisioning(value)).toContain(' cert_url="rsync://h/m/a%2Cb.cer" ')
  })

  it('tells an absent limit from an empty one', () => {
    const limit = (attributes: string): unknown => {
      const read = body('issue', `<request class_name="0"${attributes}>MAMCAQA=</request>`)
      return read.type === 'issue' ? read.limit : read
    }
    expect(limit('')).toEqual({})
    expect(limit(' req_resource_set_as="" req_resource_set_ipv4="" req_resource_set_ipv6=""')).toEqual({
      asn: '',
      ipv4: '',
      ipv6: '',
    })
    expect(limit(' req_resource_set_as="64496"')).toEqual({ asn: 'AS64496' })
  })

  it.each([SKI, `${SKI}=`, `${SKI.replace('-', '+')}=`, ` ${SKI} `])('reads the key identifier %j', (ski) => {
    expect(body('revoke', `<key class_name="0" ski="${ski}"/>`)).toMatchObject({ ski: KEY })
  })

  it('writes the key identifier without padding', () => {
    const text = encodeProvisioning({ sender: 'a', recipient: 'b', body: { type: 'revoke', className: '0', ski: KEY } })
    expect(text).toContain(`ski="${SKI}"`)
  })

  it.each([
    ['none', '', []],
    ['one without xml:lang, as Krill writes', '<description>no</description>', [{ text: 'no' }]],
    [
      'several',
      '<description xml:lang="de">nein</description><description xml:lang="en">no</description>',
      [
        { lang: 'de', text: 'nein' },
        { lang: 'en', text: 'no' },
      ],
    ],
    ['an empty one', '<description xml:lang="en-US"/>', [{ lang: 'en-US', text: '' }]],
    ['a long one', `<description>${'x'.repeat(5000)}</description>`, [{ text: 'x'.repeat(5000) }]],
    ['something new', '<more/><description>no</description>', [{ text: 'no' }]],
  ])('reads an error with %s of its descriptions', (_what, content, descriptions) => {
    expect(body('error_response', `<status> 1101 </status>${content}`)).toEqual({
      type: 'error_response',
      status: 1101,
      descriptions,
    })
  })

  it('writes descriptions of at most 1024 characters, with a language', () => {
    const descriptions = [{ text: 'x'.repeat(2000) }]
    const text = encodeProvisioning({
      sender: 'a',
      recipient: 'b',
      body: { type: 'error_response', status: 2001, descriptions },
    })
    expect(text).toContain(`<description xml:lang="en-US">${'x'.repeat(1024)}</description>`)
  })
})

describe('faults', () => {
  it.each([
    ['list', REVOKE, /<message> contains <key>; it has no children \(RFC 6492 section 3.3.1\)/],
    ['list', 'x', /<message> has text: "x"/],
    ['list_response', CLASS + CLASS, /two classes have the name "0" \(RFC 6492 section 3.3.2\)/],
    ['list_response', CLASS.replace(ISSUER, ''), /<class> has no <issuer>/],
    ['list_response', CLASS.replace(ISSUER, ISSUER + ISSUER), /more than one <issuer>/],
    ['list_response', CLASS.replace(' class_name="0"', ''), /no attribute class_name/],
    ['list_response', CLASS.replace(' class_name="0"', ' class_name=""'), /class_name of <class> is empty/],
    ['list_response', CLASS.replace(' class_name="0"', ` class_name="${'x'.repeat(1025)}"`), /more than 1024/],
    ['list_response', CLASS.replace(' class_name', ' x="" class_name'), /unknown attribute: "x"/],
    ['list_response', CLASS.replace('rsync://h/m/a.cer', 'https://h/a.cer'), /cert_url of <class> has no rsync URI/],
    ['list_response', CLASS.replace('rsync://h/m/a.cer', ''), /cert_url of <class> is not a URI/],
    ['list_response', CLASS.replace('rsync://h/m/a.cer', `rsync://h/${'x'.repeat(4096)}`), /more than 4096/],
    ['list_response', CLASS.replace('rsync://h/m/a.cer', 'rsync://h/m/a.cer,'.repeat(4096)), /more than 65536/],
    ['list_response', CLASS.replace('64496-64511', '64511-64496'), /resource_set_as of <class> has a reversed range/],
    ['list_response', CLASS.replace('64496-64511', '1-2-3'), /has an invalid AS number/],
    ['list_response', CLASS.replace('64496-64511', '4294967296'), /has an invalid AS number/],
    ['list_response', CLASS.replace('64496-64511', '1.5'), /has an invalid AS number/],
    ['list_response', CLASS.replace('64496-64511', ',1'), /has an invalid AS number/],
    [
      'list_response',
      CLASS.replace('2001:db8::/32', '10.0.0.0/8'),
      /resource_set_ipv6 of <class> has an invalid IPv6 prefix/,
    ],
    ['list_response', CLASS.replace('2001:db8::/32', '2001:db8::1/32'), /has an invalid IPv6 prefix/],
    ['list_response', CLASS.replace('2001:db8::/32', '10.0.0.0-10.0.0.9'), /has an invalid IPv6 prefix or range/],
    [
      'list_response',
      CLASS.replace('"10.0.0.0/24" res', '"10.0.0.9-10.0.0.0" res'),
      /ipv4 of <class> has a reversed range/,
    ],
    ['list_response', CLASS.replace('"10.0.0.0/24" res', '"all" res'), /has an invalid IPv4 prefix or range/],
    ['list_response', CLASS.replace('"64496-64511,65536"', `"${'1,'.repeat(256_001)}"`), /more than 512000 characters/],
    [
      'list_response',
      CLASS.replace('2027-01-01T00:00:00Z', '2027-02-30T00:00:00Z'),
      /resource_set_notafter of <class> is not a time/,
    ],
    ['list_response', CLASS.replace(' res', ' suggested_sia_head="https://h/" res'), /suggested_sia_head .* rsync:/],
    ['list_response', CLASS.replace('MAMCAQA=</cert', 'MAMC</x></cert'), /unexpected close tag/],
    ['issue', '', /<message> has no <request> \(RFC 6492 section 3.4.1\)/],
    ['issue', REQUEST + REQUEST, /more than one <request>/],
    ['issue', REQUEST.replace('MAMCAQA=', '*'), /text of <request> is not base64/],
    ['issue', REQUEST.replace('MAMCAQA=', ''), /text of <request> is empty/],
    ['issue', REQUEST.replace('<request', '<request xmlns="urn:x"'), /of the namespace "urn:x"; expected <request>/],
    ['issue_response', '', /has no <class> \(RFC 6492 section 3.4.2\)/],
    ['issue_response', CLASS + CLASS, /more than one <class>/],
    [
      'issue_response',
      CLASS.replace(CERTIFICATE, ''),
      /<class> has 0 certificates, expected exactly one \(RFC 6492 section 3.4.2\)/,
    ],
    ['issue_response', CLASS.replace(CERTIFICATE, CERTIFICATE + CERTIFICATE), /<class> has 2 certificates/],
    ['revoke', REVOKE.replace(SKI, SKI.slice(1)), /ski of <key> is not the base64url of 20 octets.*3.5.1/],
    ['revoke', REVOKE.replace(SKI, `${SKI}${SKI}`), /is not the base64url/],
    ['revoke', REVOKE.replace(SKI, SKI.replace(/4$/, '5')), /is not the base64url/],
    ['error_response', REFUSED.replace('1201', '0'), /status> is not a number from 1 to 9999.*3.6/],
    ['error_response', REFUSED.replace('1201', '12345'), /is not a number/],
    ['error_response', `${REFUSED}<status>1</status>`, /more than one <status>/],
    ['error_response', '', /has no <status>/],
  ])('refuses %s %s', (type, content, expected) => {
    expect(fault(type, content)).toMatch(expected)
  })

  it.each([
    ['another version', message('list', '').replace('version="1"', 'version="2"'), 1102, /version is "2".*3.2/],
    ['no version', message('list', '').replace('version="1"', ''), 1102, /version is ""/],
    ['an unknown type', message('x', ''), 1103, /type of the message is unknown: "x"/],
    ['the name of an object member', message('constructor', ''), 1103, /unknown: "constructor"/],
    ['no sender', message('list', '').replace('sender="Bob" ', ''), undefined, /no attribute sender/],
    ['an empty recipient', message('list', '').replace('"Alice"', '""'), undefined, /recipient of <message> is empty/],
    ['an unknown attribute', message('list', '').replace('sender', 'x="" sender'), undefined, /unknown attribute: "x"/],
    ['another namespace', message('list', '').replace(NS, 'urn:x'), undefined, /the namespace is "urn:x"/],
    ['another root', message('list', '').replaceAll('message', 'msg'), undefined, /expected <message>/],
  ])('refuses %s, with the status that answers it', (_what, text, status, expected) => {
    expect(faultOf(decodeProvisioning, text)).toMatch(expected)
    expect(() => decodeProvisioning(utf8(text))).toThrow(expect.objectContaining({ status }) as ProtocolFault)
  })

  it.each(hostileDocuments(`<message xmlns="${NS}" version="1" sender="a" recipient="b" type="list">`, 'message'))(
    'refuses %s',
    (_what, text, expected) => {
      expect(faultOf(decodeProvisioning, text)).toMatch(expected)
    },
  )

  it('are the only errors, wherever a message is cut or bent', () => {
    expectOnlyFaults(decodeProvisioning, message('list_response', CLASS))
    expectOnlyFaults(decodeProvisioning, message('revoke', REVOKE))
  })
})

describe('round trip', () => {
  it('writes what it reads', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 20 })
    const name = fc
      .string({
        unit: fc.oneof(fc.constantFrom('<', '"', '&', ' ', 'é'), fc.string({ minLength: 1, maxLength: 1 })),
        minLength: 1,
        maxLength: 9,
      })
      .map((text) => text.trim().replace(/\s+/g, ' '))
      .filter((text) => text !== '')
    const sets = fc
      .constantFrom(
        'none',
        'all',
        'AS0, 10.0.0.0-10.0.0.2',
        'AS1-AS2, AS4, 192.0.2.0/24, ::/0',
        '2001:db8::-2001:db8::5, ::1/128',
      )
      .map((text) => toResourceText(parseResources(text)))
    const limit = sets.chain((set) =>
      fc
        .subarray(['asn', 'ipv4', 'ipv6'] as const)
        .map((keys) => Object.fromEntries(keys.map((key) => [key, set[key]]))),
    )
    const certUris = fc.constantFrom('rsync://h/m/a.cer', 'rsync://h:8873/m/a,b.cer').map((one) => [one])
    const certificate = fc.record({ certUris, limit, der: bytes })
    const classOf = (certificates: fc.Arbitrary<readonly unknown[]>) =>
      fc.record(
        {
          className: name,
          certUris,
          resources: sets,
          notAfter: fc.integer({ min: 0, max: 4e9 }).map(instantOf),
          suggestedSiaHead: fc.constant('rsync://h/m/'),
          certificates,
          issuer: bytes,
        },
        { requiredKeys: ['className', 'certUris', 'resources', 'notAfter', 'certificates', 'issuer'] },
      )
    const type = <const T extends string>(text: T) => fc.constant(text)
    const ski = fc
      .uint8Array({ minLength: 20, maxLength: 20 })
      .map((octets) => Buffer.from(octets).toString('hex').toUpperCase())
    const text = fc.string({ maxLength: 20 }).map((one) => one.trim().replace(/\s+/g, ' '))
    const content = fc.oneof(
      fc.record({ type: type('list') }),
      fc.record({
        type: type('list_response'),
        classes: fc.uniqueArray(classOf(fc.array(certificate, { maxLength: 3 })), {
          maxLength: 3,
          selector: (one) => one.className,
        }),
      }),
      fc.record({ type: type('issue'), className: name, limit, csr: bytes }),
      fc.record({
        type: type('issue_response'),
        class: classOf(fc.array(certificate, { minLength: 1, maxLength: 1 })),
      }),
      fc.record({ type: fc.constantFrom('revoke', 'revoke_response'), className: name, ski }),
      fc.record({
        type: type('error_response'),
        status: fc.integer({ min: 1, max: 9999 }),
        descriptions: fc.array(fc.record({ lang: fc.constantFrom('en-US', 'de'), text }), { maxLength: 2 }),
      }),
    ) as fc.Arbitrary<ProvisioningBody>
    fc.assert(
      fc.property(name, name, content, (sender, recipient, value) => {
        const whole: ProvisioningMessage = { sender, recipient, body: value }
        expect(decodeProvisioning(utf8(encodeProvisioning(whole)))).toEqual(whole)
      }),
    )
  })
})
