/** Certificates as pkijs and OpenSSL read them, and the content that is refused before anything is signed. */
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { toHex } from '../../../../src/core/base/bytes.js'
import type { Instant } from '../../../../src/core/base/time.js'
import { signCertificate } from '../../../../src/core/rpki/x509/certificate.js'
import type { CertificateContent } from '../../../../src/core/rpki/x509/types.js'
import { findProgram } from '../../../support/peers/validators.js'
import { extensionOf, readCertificate, usePeculiarCrypto } from '../../../support/rpki/independent-reader.js'
import { testKey } from '../../../support/rpki/test-keys.js'

const ta = testKey('ta')
const ca = testKey('ca')
const at = (text: string): Instant => text as Instant
const uri = (path: string): string => `rsync://rpki.example.test/${path}`
const ascii = (text: string): string => Buffer.from(text).toString('hex')
/** An element of at most 127 octets. */
const tlv = (tag: string, content: string): string => tag + (content.length / 2).toString(16).padStart(2, '0') + content

const CA_CONTENT: CertificateContent = {
  kind: 'ca',
  serial: 0x7f00_0000_0000_0000_0000_0000_0000_0000_0000_00ffn,
  issuer: ta.id,
  subject: ca.id,
  notBefore: at('2026-01-01T00:00:00Z'),
  notAfter: at('2050-01-01T00:00:00Z'),
  spki: ca.spki,
  aki: ta.id,
  crl: uri('repo/ta.crl'),
  aia: uri('ta/ta.cer'),
  sia: { kind: 'ca', caRepository: uri('r/'), manifest: uri('r/a.mft'), notify: 'https://rpki.example.test/n.xml' },
  resources: { asn: [{ min: 64496, max: 64496 }], ipv4: [{ min: 0xc0000200n, max: 0xc00002ffn }], ipv6: 'inherit' },
}

const { aki: _aki, crl: _crl, aia: _aia, ...rootless } = CA_CONTENT
const TA_CONTENT: CertificateContent = {
  ...rootless,
  kind: 'ta',
  subject: ta.id,
  spki: ta.spki,
  resources: { asn: [{ min: 0, max: 0xffffffff }] },
}

const EE_CONTENT: CertificateContent = { ...CA_CONTENT, kind: 'ee', sia: { kind: 'ee', signedObject: uri('r/a.roa') } }

describe('a CA certificate', async () => {
  const bytes = await signCertificate(CA_CONTENT, ta.sign)
  const read = readCertificate(bytes)

  test('names, number and validity', () => {
    expect(read.version).toBe(2)
    expect(read.serialNumber.toBigInt()).toBe(CA_CONTENT.serial)
    const name = (of: typeof read.issuer) =>
      of.typesAndValues.map((v) => [v.type, v.value.idBlock.tagNumber, v.value.valueBlock.value])
    expect(name(read.issuer)).toEqual([['2.5.4.3', 19, ta.id]])
    expect(name(read.subject)).toEqual([['2.5.4.3', 19, ca.id]])
    expect(read.notBefore).toMatchObject({ type: 0, value: new Date('2026-01-01T00:00:00Z') })
    expect(read.notAfter).toMatchObject({ type: 1, value: new Date('2050-01-01T00:00:00Z') })
    expect(Buffer.compare(new Uint8Array(read.subjectPublicKeyInfo.toSchema().toBER()), ca.spki)).toBe(0)
    expect(read.issuerUniqueID ?? read.subjectUniqueID).toBeUndefined()
  })

  test('both algorithm fields are sha256WithRSAEncryption with NULL', () => {
    const algorithm = toHex(bytes).split('300d06092a864886f70d01010b0500').length - 1
    expect(algorithm).toBe(2)
  })

  test('extensions in the order, criticality and octets of RFC 6487 section 4.8', () => {
    const extensions = (read.extensions ?? []).map((e) => [e.extnID, e.critical, extensionOf([e], e.extnID)?.hex])
    const gn = (text: string) => tlv('86', ascii(text))
    const access = (method: string, location: string) => tlv('30', `06082b060105050730${method}${gn(location)}`)
    const ad = [access('05', uri('r/')), access('0a', uri('r/a.mft')), access('0d', 'https://rpki.example.test/n.xml')]
    expect(extensions).toEqual([
      ['2.5.29.19', true, '30030101ff'],
      ['2.5.29.14', false, `0414${ca.id.toLowerCase()}`],
      ['2.5.29.35', false, `30168014${ta.id.toLowerCase()}`],
      ['2.5.29.15', true, '03020106'],
      ['2.5.29.31', false, tlv('30', tlv('30', tlv('a0', tlv('a0', gn(uri('repo/ta.crl'))))))],
      ['1.3.6.1.5.5.7.1.1', false, tlv('30', access('02', uri('ta/ta.cer')))],
      ['1.3.6.1.5.5.7.1.11', false, `3081${(ad.join('').length / 2).toString(16)}${ad.join('')}`],
      ['2.5.29.32', true, '300c300a06082b06010505070e02'],
      ['1.3.6.1.5.5.7.1.7', true, '3016300c040200013006030400c000023006040200020500'],
      ['1.3.6.1.5.5.7.1.8', true, '3009a0073005020300fbf0'],
    ])
  })

  test('the signature verifies with node:crypto and with pkijs over another implementation', async () => {
    expect(new X509Certificate(bytes).verify(ta.publicKey)).toBe(true)
    expect(new X509Certificate(bytes).verify(ca.publicKey)).toBe(false)
    await usePeculiarCrypto()
    const issuer = readCertificate(await signCertificate(TA_CONTENT, ta.sign))
    expect(await read.verify(issuer)).toBe(true)
    expect(await readCertificate(await signCertificate(CA_CONTENT, ca.sign)).verify(issuer)).toBe(false)
  })

  test('OpenSSL reads the resources', (context) => {
    const openssl = findProgram('openssl')
    if (openssl === undefined) return context.skip('openssl is missing')
    const args = ['x509', '-inform', 'DER', '-noout', '-ext', 'sbgp-ipAddrBlock,sbgp-autonomousSysNum,keyUsage']
    const text = execFileSync(openssl, args, { input: bytes }).toString().replace(/\s+/g, ' ')
    expect(text).toContain('sbgp-ipAddrBlock: critical IPv4: 192.0.2.0/24 IPv6: inherit')
    expect(text).toContain('sbgp-autonomousSysNum: critical Autonomous System Numbers: 64496')
    expect(text).toContain('X509v3 Key Usage: critical Certificate Sign, CRL Sign')
  })
})

test('a trust anchor has no CRLDP and AIA, and an AKI only when asked', async () => {
  const ids = async (content: CertificateContent) =>
    readCertificate(await signCertificate(content, ta.sign)).extensions?.map((e) => e.extnID)
  const plain = ['2.5.29.19', '2.5.29.14', '2.5.29.15', '1.3.6.1.5.5.7.1.11', '2.5.29.32', '1.3.6.1.5.5.7.1.8']
  expect(await ids(TA_CONTENT)).toEqual(plain)
  expect(await ids({ ...TA_CONTENT, aki: ta.id })).toEqual([...plain.slice(0, 2), '2.5.29.35', ...plain.slice(2)])
})

test('an EE certificate has digitalSignature, no basicConstraints and the URI of its object', async () => {
  const { extensions } = readCertificate(await signCertificate(EE_CONTENT, ta.sign))
  expect(extensionOf(extensions, '2.5.29.19')).toBeUndefined()
  expect(extensionOf(extensions, '2.5.29.15')).toEqual({ critical: true, hex: '03020780' })
  expect(extensionOf(extensions, '1.3.6.1.5.5.7.1.11')?.hex).toBe(
    tlv('30', tlv('30', `06082b0601050507300b${tlv('86', ascii(uri('r/a.roa')))}`)),
  )
})

describe('content that no relying party takes is a TypeError, and nothing is signed', () => {
  const without = (key: 'aki' | 'crl' | 'aia'): CertificateContent => {
    const { [key]: _, ...rest } = CA_CONTENT
    return rest
  }
  test.each<[string, CertificateContent]>([
    ['serial 0', { ...CA_CONTENT, serial: 0n }],
    ['a negative serial', { ...CA_CONTENT, serial: -1n }],
    ['a serial of 160 bits', { ...CA_CONTENT, serial: 1n << 159n }],
    ['no time between', { ...CA_CONTENT, notAfter: CA_CONTENT.notBefore }],
    ['an underscore in a name', { ...CA_CONTENT, subject: 'a_b' }],
    ['an empty name', { ...CA_CONTENT, issuer: '' }],
    ['no AKI', without('aki')],
    ['no CRL', without('crl')],
    ['no AIA', without('aia')],
    ['no resources', { ...CA_CONTENT, resources: {} }],
    ['a blank in a URI', { ...CA_CONTENT, crl: 'rsync://a/b c' }],
    ['no scheme in a URI', { ...CA_CONTENT, aia: 'a/b.cer' }],
    ['the SIA of an EE in a CA', { ...CA_CONTENT, sia: EE_CONTENT.sia }],
    ['the SIA of a CA in an EE', { ...EE_CONTENT, sia: CA_CONTENT.sia }],
    ['a TA with a CRL', { ...TA_CONTENT, crl: uri('a.crl') }],
    ['a TA with an AIA', { ...TA_CONTENT, aia: uri('a.cer') }],
    ['a TA that inherits', { ...TA_CONTENT, resources: { asn: 'inherit' } }],
    ['a TA of another issuer', { ...TA_CONTENT, issuer: ca.id }],
    ['a TA with the AKI of another key', { ...TA_CONTENT, aki: ca.id }],
    ['no key', { ...CA_CONTENT, spki: new Uint8Array([1, 2, 3]) }],
  ])('%s', async (_, content) => {
    let signatures = 0
    const sign = async () => new Uint8Array(++signatures)
    await expect(signCertificate(content, sign)).rejects.toThrow(TypeError)
    expect(signatures).toBe(0)
  })

  test('the largest serial fits', async () => {
    const bytes = await signCertificate({ ...CA_CONTENT, serial: (1n << 159n) - 1n }, ta.sign)
    expect(readCertificate(bytes).serialNumber.valueBlock.valueHexView.length).toBe(20)
  })
})
