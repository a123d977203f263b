/** Requests of routers: what OpenSSL makes is read, and whatever breaks the profile is refused with its rule. */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { octets, printable, seq } from '../../../src/core/der/writer.js'
import { decodeRouterRequest } from '../../../src/core/rpki/router-request.js'
import { commonName, extension } from '../../../src/core/rpki/x509/encode-parts.js'
import { findProgram } from '../../support/peers/validators.js'
import {
  attribute,
  CA_REQUESTED,
  ecKey,
  type RequestParts,
  routerRequest,
  spkiOfKey,
} from '../../support/rpki/router-requests.js'

const key = ecKey()
const good = routerRequest(key)
const rules = (der: Uint8Array): readonly string[] => {
  const { content, findings } = decodeRouterRequest(der)
  expect(content).toBeUndefined()
  return findings.map(({ rule, message }) => `${rule}: ${message}`)
}

test('a request is read: key, key identifier, AS and BGP Identifier of its subject', () => {
  const { content, findings } = decodeRouterRequest(good)
  expect(findings).toEqual([])
  expect(content?.ski).toMatch(/^[0-9A-F]{40}$/)
  expect(Buffer.from(content?.spki ?? [])).toEqual(Buffer.from(spkiOfKey(key)))
  expect(content?.subject).toEqual({ asn: 64496, routerId: '192.0.2.1' })
})

test.each<[string, (parts: RequestParts) => void, unknown]>([
  ['no name', (p) => Object.assign(p, { subject: seq() }), undefined],
  ['the name of a host', (p) => Object.assign(p, { subject: commonName('edge1.example.net') }), undefined],
  ['an AS alone', (p) => Object.assign(p, { subject: commonName('ROUTER-0000fbf1') }), { asn: 64497 }],
  [
    'AS and router in one',
    (p) => Object.assign(p, { subject: commonName('ROUTER-0000FBF0-C0000202') }),
    { asn: 64496, routerId: '192.0.2.2' },
  ],
  ['no extensions', (p) => Object.assign(p, { extensions: [] }), { asn: 64496, routerId: '192.0.2.1' }],
])('accepted is a request with %s', (_, patch, subject) => {
  const { content, findings } = decodeRouterRequest(routerRequest(key, patch))
  expect(findings).toEqual([])
  expect(content?.subject).toEqual(subject)
})

const p384 = ecKey('P-384')
const other = ecKey()
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey

describe('refused is', () => {
  test.each<[string, Uint8Array, string]>([
    [
      'a key on P-384',
      routerRequest(p384),
      'RFC 8608 section 3.1: the router key is on the curve 1.3.132.0.34, not on P-256',
    ],
    ['an RSA key', routerRequest(rsa), 'RFC 8608 section 3.1: the router key is RSA, not on P-256'],
    [
      'a request that another key signed',
      routerRequest(key, (p) => Object.assign(p, { signer: other })),
      'RFC 2986 section 3: the signature does not verify: no proof that the sender holds the private key',
    ],
    [
      'ecdsa-with-SHA384',
      routerRequest(key, (p) => Object.assign(p, { algorithm: '1.2.840.10045.4.3.3' })),
      'RFC 8608 section 2: the signature algorithm is not ecdsa-with-SHA256',
    ],
    [
      'version 1',
      routerRequest(key, (p) => Object.assign(p, { version: 1 })),
      'RFC 2986 section 4.1: the version is not 0',
    ],
    [
      'a challenge password',
      routerRequest(key, (p) =>
        Object.assign(p, { attributes: [attribute('1.2.840.113549.1.9.7', printable('secret'))] }),
      ),
      'RFC 8209 section 3.2: the request has a challenge password, which would be stored in history',
    ],
    [
      'another attribute',
      routerRequest(key, (p) => Object.assign(p, { attributes: [attribute('1.2.840.113549.1.9.2', printable('x'))] })),
      'RFC 8209 section 3.2: the request has the attribute 1.2.840.113549.1.9.2, which no router certificate needs',
    ],
    [
      'a request for a CA',
      routerRequest(key, (p) => Object.assign(p, { extensions: [CA_REQUESTED] })),
      'RFC 8209 section 3.2.1: a CA certificate is requested',
    ],
    [
      'an alternative name',
      routerRequest(key, (p) =>
        Object.assign(p, { extensions: [extension('2.5.29.17', false, octets(Uint8Array.of(1)))] }),
      ),
      'RFC 8209 section 3.2: the extension 2.5.29.17 is requested, which Brine does not copy',
    ],
    ['more than 16 KiB', Buffer.alloc(20_000, 0x30), 'RFC 8209 section 3.2: 20000 octets; at most 16384 are read'],
  ])('%s', (_, der, finding) => {
    expect(rules(der)).toContain(finding)
  })

  test('a compressed point, and one that is not on the curve', () => {
    const spki = spkiOfKey(key)
    const moved = Uint8Array.from(spki)
    moved[moved.length - 1] = (moved.at(-1) ?? 0) ^ 1
    expect(rules(routerRequest(key, (p) => Object.assign(p, { spki: moved })))).toEqual([
      'RFC 8608 section 3.1: the router key is not a point on the curve P-256',
    ])
    // SEQUENCE, algorithm, BIT STRING of 33 octets
    const compressed = Buffer.concat([
      Buffer.from('3039', 'hex'),
      spki.subarray(2, 23),
      Buffer.from('03220002', 'hex'),
      spki.subarray(27, 59),
    ])
    expect(rules(routerRequest(key, (p) => Object.assign(p, { spki: compressed })))).toEqual([
      'RFC 8608 section 3.1: the router key is not an uncompressed point of P-256',
    ])
  })

  test('every part of a request, one with an octet after it, and one with any octet changed', () => {
    for (let length = 0; length < good.length; length += 1) rules(good.subarray(0, length))
    rules(Buffer.concat([good, Uint8Array.of(0)]))
    for (let at = 0; at < good.length; at += 1) {
      const changed = Uint8Array.from(good)
      changed[at] = (changed[at] ?? 0) ^ 0x01
      rules(changed)
    }
  })
})

test('OpenSSL makes requests that are read, and reads those of the tests', (context) => {
  const openssl = findProgram('openssl') ?? context.skip('missing: openssl')
  const made = execFileSync(
    openssl,
    [
      'req',
      '-new',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      '/dev/null',
      '-subj',
      '/CN=ROUTER-0000FBF0/serialNumber=C0000201',
      '-outform',
      'DER',
      '-config',
      '/dev/null',
      '-addext',
      'extendedKeyUsage=1.3.6.1.5.5.7.3.30',
    ],
    { stdio: 'pipe' },
  )
  expect(decodeRouterRequest(made)).toMatchObject({
    findings: [],
    content: { subject: { asn: 64496, routerId: '192.0.2.1' } },
  })
  expect(
    String(
      execFileSync(openssl, ['req', '-inform', 'DER', '-verify', '-noout', '-text'], { input: good, stdio: 'pipe' }),
    ),
  ).toContain('ROUTER-0000FBF0')
})
