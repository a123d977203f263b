/** Requests: what OpenSSL makes is read, what is broken is refused with the rule, and a profile says what it does not allow. */
import { afterAll, describe, expect, it } from 'vitest'
import { createFindings } from '../../../src/core/der/findings.js'
import { type DerNode, parseDer } from '../../../src/core/der/reader.js'
import { checkRequest } from '../../../src/core/pki/check-csr.js'
import { LARGEST_REQUEST, readRequest, requestBytes } from '../../../src/core/pki/csr.js'
import { NO_NAMES, nameList, readAlternativeNames } from '../../../src/core/pki/names.js'
import { BUILT_IN_PROFILES, type CertificateProfile } from '../../../src/core/pki/profile.js'
import { OpensslBox, type RequestOptions } from '../../support/peers/requests.js'

const box = new OpensslBox()
afterAll(() => box.remove())

const DEVICE = BUILT_IN_PROFILES.find((p) => p.name === 'deviceCert') as CertificateProfile
const SERVER = BUILT_IN_PROFILES.find((p) => p.name === 'serverCert') as CertificateProfile

const faultsOf = (der: Uint8Array): string =>
  readRequest(der)
    .findings.map((f) => f.message)
    .join('; ')
const codes = (options: RequestOptions, profile: CertificateProfile): readonly string[] => {
  const { request, findings } = readRequest(box.request(options))
  return request === undefined ? findings.map((f) => f.message) : checkRequest(request, profile).map((f) => f.code)
}

describe('names that are requested twice', () => {
  const DOUBLE =
    'DNS:A.example,DNS:a.example.,DNS:a.example,DNS:*.A.example.,IP:10.0.0.1,IP:10.0.0.1,IP:2001:db8::1,IP:2001:DB8:0::1'

  it('are one name each, in lower case and without the dot of the root', () => {
    const { request } = readRequest(box.request({ san: DOUBLE }))
    const once = ['DNS:*.a.example', 'DNS:a.example', 'IP:10.0.0.1', 'IP:2001:db8:0:0:0:0:0:1']
    expect(nameList(request?.names ?? NO_NAMES)).toEqual(once)
    const san = readAlternativeNames(
      parseDer(request?.san ?? new Uint8Array(), createFindings()) as DerNode,
      createFindings(),
    )
    expect(san).toEqual(request?.names)
    expect(Buffer.from(request?.san ?? []).toString('latin1')).not.toMatch(/[A-Z]|example\./)
    // the order is that of the request
    expect(
      [
        ...Buffer.from(request?.san ?? [])
          .toString('latin1')
          .matchAll(/(?:\*\.)?a\.example/g),
      ].map(String),
    ).toEqual(['a.example', '*.a.example'])
  })

  it('count once, and a dot alone is no name', () => {
    expect(codes({ san: DOUBLE }, { ...SERVER, wildcards: true, maxNames: 4 })).toEqual([])
    expect(codes({ san: DOUBLE }, { ...SERVER, wildcards: true, maxNames: 3 })).toEqual(['csr-names'])
    for (const name of ['.', 'a..', '.a', 'a.example..'])
      expect(codes({ san: `DNS:${name}` }, SERVER)).toEqual(['csr-dns'])
  })
})

describe('a request', () => {
  it.each(['P-256', 'P-384', 'P-521', 'rsa'])('with a key %s is read', (key) => {
    const { request } = readRequest(
      box.request({ key, subject: '/O=Example/CN=device-1', san: 'DNS:A.example,IP:10.0.0.1,IP:2001:db8::1' }),
    )
    expect(request?.subject.text).toBe('O=Example,CN=device-1')
    expect(request?.subject.commonName).toBe('device-1')
    expect(nameList(request!.names)).toEqual(['DNS:a.example', 'IP:10.0.0.1', 'IP:2001:db8:0:0:0:0:0:1'])
    expect(request?.key).toEqual(
      key === 'rsa' ? { kind: 'rsa', bits: 2048, curve: '' } : { kind: 'ec', bits: 0, curve: key },
    )
  })

  it('comes as PEM or DER', () => {
    const der = box.request()
    const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
    expect(Buffer.from(requestBytes(Buffer.from(pem)) ?? []).equals(der)).toBe(true)
    expect(requestBytes(der)).toBe(der)
    expect(requestBytes(Buffer.from('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'))).toBeUndefined()
  })

  it.each<[string, (der: Uint8Array) => Uint8Array, string]>([
    ['nothing', () => new Uint8Array(), 'no octets'],
    ['half of it', (der) => der.subarray(0, der.length >> 1), ''],
    ['a flipped bit in the signature', (der) => flipped(der, der.length - 3), 'signature does not verify'],
    ['more behind it', (der) => Buffer.concat([der, Uint8Array.of(0)]), 'trailing garbage'],
    ['a megabyte', () => new Uint8Array(LARGEST_REQUEST + 1), 'at most'],
    [
      'an indefinite length',
      (der) => Buffer.concat([Uint8Array.of(0x30, 0x80), der.subarray(der[1] === 0x82 ? 4 : 3), Uint8Array.of(0, 0)]),
      'indefinite',
    ],
  ])('of %s is none', (_, damage, message) => {
    const findings = faultsOf(damage(box.request()))
    expect(findings).not.toBe('')
    expect(findings).toContain(message)
  })

  it('with any one bit flipped is refused or means the same key', () => {
    const der = box.request({ san: 'DNS:a.example' })
    for (let at = 0; at < der.length; at++) {
      const { request } = readRequest(flipped(der, at))
      expect(request).toBeUndefined()
    }
  })

  it('signed with SHA-1 is no proof', () => {
    expect(faultsOf(box.request({ digest: 'sha1' }))).toContain('unsupported signature algorithm')
  })

  it.each(['\u0001', '\u001b', '\u007f', '\u009b', '\u202e', '\u200b', '\u2028'])(
    'with the control or format character %j in its name is refused, in words that hold none',
    (character) => {
      const told = faultsOf(box.request({ subject: `/CN=a${character}b` }))
      expect(told).toContain('control character')
      expect(told).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u)
    },
  )

  it('may be named in any script', () => {
    expect(readRequest(box.request({ subject: '/CN=Zürich 東京 🧂' })).request?.subject.commonName).toBe(
      'Zürich 東京 🧂',
    )
  })
})

describe('a profile', () => {
  it.each<[string, RequestOptions, CertificateProfile, readonly string[]]>([
    ['allows what fits', { san: 'DNS:a.example' }, SERVER, []],
    ['an RSA key of 1024 bits', { key: 'rsa:1024' }, DEVICE, ['csr-key-size']],
    ['a curve that nobody takes', { key: 'secp256k1' }, DEVICE, ['csr-curve']],
    ['an RSA key where only EC is taken', { key: 'rsa' }, { ...DEVICE, keyKinds: ['ec'] }, ['csr-key-kind']],
    ['no name where one is due', {}, SERVER, ['csr-no-names']],
    ['nobody', { subject: '/' }, DEVICE, ['csr-no-subject']],
    ['a wildcard', { san: 'DNS:*.a.example' }, SERVER, ['csr-wildcard']],
    ['an IP address', { san: 'IP:10.0.0.1' }, DEVICE, ['csr-ip']],
    ['an e-mail address', { san: 'email:me@a.example' }, DEVICE, ['csr-name-kind']],
    ['a name that is none', { san: 'DNS:a_-.example..x' }, DEVICE, ['csr-dns']],
    ['an address as a DNS name', { san: 'DNS:10.0.0.1' }, DEVICE, ['csr-dns']],
    ['a foreign domain', { san: 'DNS:a.example,DNS:b.test' }, { ...DEVICE, domains: ['example'] }, ['csr-domain']],
    ['a domain that only ends alike', { san: 'DNS:badexample' }, { ...DEVICE, domains: ['example'] }, ['csr-domain']],
    ['a usage that is not its own', { usage: 'codeSigning' }, DEVICE, ['csr-usage']],
    [
      'too many names',
      { san: Array.from({ length: 101 }, (_, n) => `DNS:h${n}.example`).join() },
      DEVICE,
      ['csr-names'],
    ],
    [
      'all faults at once',
      { key: 'rsa:1024', usage: 'codeSigning', san: 'IP:10.0.0.1' },
      DEVICE,
      ['csr-key-size', 'csr-usage', 'csr-ip'],
    ],
  ])('%s', (_, options, profile, wanted) => {
    expect(codes(options, profile)).toEqual(wanted)
  })
})

function flipped(der: Uint8Array, at: number): Uint8Array {
  return der.map((byte, n) => (n === at ? byte ^ 1 : byte))
}
