/** Certificates that we make: OpenSSL verifies them, and whatever is not what was asked for is told. */
import { createPrivateKey, sign } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import type { Instant } from '../../../src/core/base/time.js'
import { addSeconds } from '../../../src/core/base/time.js'
import { systemRandom } from '../../../src/core/crypto/random.js'
import { schemeOf } from '../../../src/core/pki/algorithms.js'
import { certificatesOf, type PlainCertificate, readPlainCertificate } from '../../../src/core/pki/certificate.js'
import { checkIssued } from '../../../src/core/pki/check-issued.js'
import { type CertificateRequest, readRequest } from '../../../src/core/pki/csr.js'
import { type Issuer, issueCertificate } from '../../../src/core/pki/issue.js'
import {
  BUILT_IN_PROFILES,
  type CertificateProfile,
  DIFFERENCES,
  type Difference,
} from '../../../src/core/pki/profile.js'
import { OpensslBox, type RequestOptions } from '../../support/peers/requests.js'

const box = new OpensslBox()
afterAll(() => box.remove())

const NOW = new Date().toISOString().replace(/\.\d+/, '') as Instant
const SERVER = BUILT_IN_PROFILES.find((p) => p.name === 'serverCert') as CertificateProfile

function issuerOf(name: string, kind: string, days = 3650): Issuer & { readonly cert: string } {
  const { cert, key } = box.ca(name, { key: kind, days })
  const privateKey = createPrivateKey(readFileSync(key))
  const scheme = schemeOf(privateKey.asymmetricKeyType, privateKey.asymmetricKeyDetails?.namedCurve)
  const [der] = certificatesOf(readFileSync(cert))
  const certificate = readPlainCertificate(der ?? new Uint8Array())
  if (scheme === undefined || certificate === undefined) throw new Error('no issuer')
  return { cert, certificate, scheme, sign: async (tbs) => sign(scheme.hash, tbs, privateKey) }
}

const requested = (options: RequestOptions): CertificateRequest => {
  const { request, findings } = readRequest(box.request(options))
  if (request === undefined) throw new Error(findings.map((f) => f.message).join())
  return request
}
const ASKED: RequestOptions = { subject: '/CN=www.a.example', san: 'DNS:www.a.example,IP:10.0.0.1' }

it('has each requested name once, in lower case', async () => {
  const request = requested({ san: 'DNS:WWW.a.example.,DNS:www.A.example,IP:10.0.0.1,IP:10.0.0.1' })
  const issuer = issuerOf('once', 'P-256')
  const der = await issueCertificate(issuer, request, SERVER, NOW, systemRandom)
  writeFileSync(box.path('once.der'), der)
  const text = box.run('x509', '-inform', 'DER', '-in', 'once.der', '-noout', '-ext', 'subjectAltName').toString()
  expect(text.trim().split('\n').at(-1)?.trim()).toBe('DNS:www.a.example, IP Address:10.0.0.1')
})

describe('a certificate', () => {
  it.each(['rsa', 'P-256', 'P-384', 'P-521'])(
    'of a CA with a key %s is verified by OpenSSL, and is what was asked for',
    async (kind) => {
      const issuer = issuerOf(`ca-${kind}`, kind)
      for (const key of ['rsa', 'P-256']) {
        const request = requested({ ...ASKED, key })
        const der = await issueCertificate(issuer, request, SERVER, NOW, systemRandom)
        writeFileSync(box.path('leaf.der'), der)
        box.run('x509', '-inform', 'DER', '-in', 'leaf.der', '-out', 'leaf.pem')
        expect(
          box.run('verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', issuer.cert, 'leaf.pem').toString(),
        ).toContain('OK')
        const text = box.run('x509', '-in', 'leaf.pem', '-noout', '-text').toString()
        expect(text).toContain('DNS:www.a.example, IP Address:10.0.0.1')
        expect(text).toContain('TLS Web Server Authentication')
        expect(text).toContain(key === 'rsa' ? 'Digital Signature, Key Encipherment' : 'Digital Signature\n')
        expect(checkIssued(der, request, issuer.certificate, SERVER, NOW).finding).toBeUndefined()
      }
    },
  )

  it('ends with its CA, never after it', async () => {
    const issuer = issuerOf('short', 'P-256', 3)
    const der = await issueCertificate(issuer, requested(ASKED), SERVER, NOW, systemRandom)
    expect(readPlainCertificate(der)?.notAfter).toBe(issuer.certificate.notAfter)
  })

  it('for nobody but its names has them critical', async () => {
    const der = await issueCertificate(
      issuerOf('c', 'P-256'),
      requested({ ...ASKED, subject: '/' }),
      SERVER,
      NOW,
      systemRandom,
    )
    writeFileSync(box.path('bare.der'), der)
    expect(box.run('x509', '-inform', 'DER', '-in', 'bare.der', '-noout', '-text').toString()).toContain(
      'Subject Alternative Name: critical',
    )
  })
})

describe('an answer that is not what was asked for', () => {
  const issuer = issuerOf('real', 'P-256')
  const other = issuerOf('other', 'P-256')
  const twin = issuerOf('real', 'P-256')
  const request = requested(ASKED)
  const made = (by: Issuer, of = request, profile = SERVER, now = NOW): Promise<Uint8Array> =>
    issueCertificate(by, of, profile, now, systemRandom)
  const faultOf = (der: Uint8Array, ca: PlainCertificate = issuer.certificate) =>
    checkIssued(der, request, ca, SERVER, NOW)

  it.each<[string, () => Promise<Uint8Array>, string, string]>([
    ['is nothing', async () => new Uint8Array(), 'not-ours', 'not a certificate'],
    ['is a page of HTML', async () => Buffer.from('<html>'), 'not-ours', 'not a certificate'],
    ['is for another key', () => made(issuer, requested(ASKED)), 'not-ours', 'another key'],
    ['is of another CA', () => made(other), 'other-ca', 'not signed by'],
    ['is of a CA of the same name', () => made(twin), 'other-ca', 'not signed by'],
    [
      'has expired',
      () => made(issuer, request, { ...SERVER, validSeconds: 60 }, addSeconds(NOW, -7200)),
      'clock',
      'expired',
    ],
    ['begins tomorrow', () => made(issuer, request, SERVER, addSeconds(NOW, 86_400)), 'clock', 'not valid before'],
  ])('because it %s', async (_, make, kind, message) => {
    const { fault, finding, certificate } = faultOf(await make())
    expect([fault, finding, certificate === undefined]).toEqual([
      kind,
      expect.stringContaining(message),
      kind === 'not-ours',
    ])
  })

  it('because the certificate of the CA cannot be read', async () => {
    expect(checkIssued(await made(issuer), request, undefined, SERVER, NOW)).toMatchObject({ fault: 'other-ca' })
  })
})

describe('a difference that the policy of a CA makes', () => {
  const issuer = issuerOf('policy', 'P-256')
  const short = issuerOf('soon', 'P-256', 30)
  const profile: CertificateProfile = { ...SERVER, requireSan: false, ipAddresses: true, domains: ['a.example'] }
  const request = requested({ subject: '/CN=www.a.example', san: 'DNS:b.a.example,DNS:c.a.example' })
  const names = (san: string): Pick<CertificateRequest, 'san'> => ({ san: requested({ san }).san })
  const made = (of: Partial<CertificateRequest>, by: Partial<CertificateProfile> = {}, ca: Issuer = issuer) =>
    issueCertificate(ca, { ...request, ...of }, { ...profile, ...by }, NOW, systemRandom)
  const check = async (der: Promise<Uint8Array>, accepts = profile.accepts, rules: Partial<CertificateProfile> = {}) =>
    checkIssued(await der, request, issuer.certificate, { ...profile, ...rules, accepts }, NOW)
  const BOTH = 'DNS:b.a.example,DNS:c.a.example'

  // the difference, what makes it, whether the built-in profiles accept it
  const CASES: readonly (readonly [Difference, () => Promise<Uint8Array>, boolean])[] = [
    ['subject', () => made({ subject: requested({ subject: '/O=Other/CN=www.a.example' }).subject }), true],
    ['cn-as-name', () => made(names(`${BOTH},DNS:WWW.a.example`)), true],
    ['usages', () => made({}, { extendedKeyUsages: ['clientAuth'] }), true],
    ['usages', () => made({}, { extendedKeyUsages: ['serverAuth', 'clientAuth'] }), true],
    ['added-names', () => made(names(`${BOTH},DNS:d.a.example`)), false],
    ['added-names', () => made(names(`${BOTH},IP:10.0.0.1`)), false],
    ['dropped-names', () => made(names('DNS:b.a.example')), false],
    ['dropped-names', () => made({ san: undefined }), false],
    ['any-usage', () => made({}, { extendedKeyUsages: [] }), false],
    ['any-usage', () => made({}, { extendedKeyUsages: ['serverAuth', 'codeSigning'] }), false],
    ['longer-validity', () => made({}, { validSeconds: 400 * 86_400 }), false],
  ]

  it.each(CASES)('%s is accepted by a profile that accepts it, and by no other (%#)', async (kind, make, byDefault) => {
    const der = make()
    const without = await check(
      der,
      DIFFERENCES.filter((one) => one !== kind),
    )
    expect(without).toMatchObject({ fault: 'policy', finding: expect.stringContaining(`does not accept ${kind}`) })
    expect(without.certificate).toBeDefined()
    const alone = await check(der, [kind])
    expect([alone.fault, alone.differences.length]).toEqual([undefined, 1])
    expect((await check(der)).fault).toBe(byDefault ? undefined : 'policy')
  })

  it('none is found in the certificate that was requested, in a shorter one, or in one with a name twice', async () => {
    for (const der of [
      made({}),
      made({}, { validSeconds: 3600 }),
      made(
        {},
        {},
        {
          ...short,
          certificate: { ...issuer.certificate, notAfter: short.certificate.notAfter },
          scheme: issuer.scheme,
          sign: issuer.sign,
        },
      ),
      made(names('DNS:c.a.example,DNS:B.a.example,DNS:b.a.example')),
    ])
      expect(await check(der, [])).toMatchObject({ fault: undefined, differences: [] })
  })

  it('that breaks a rule for names is accepted by no profile: a commonName does not get around the domains', async () => {
    const evil = requested({ subject: '/CN=www.bank.example', san: 'DNS:b.a.example' })
    const { san } = requested({ san: 'DNS:b.a.example,DNS:www.bank.example' })
    const der = await issueCertificate(issuer, { ...evil, san }, profile, NOW, systemRandom)
    const found = checkIssued(der, evil, issuer.certificate, { ...profile, accepts: DIFFERENCES }, NOW)
    expect([found.fault, found.finding]).toEqual(['policy', expect.stringContaining('outside of the domains')])
    const mail = await check(made(names(`${BOTH},email:a@a.example`)), DIFFERENCES)
    expect([mail.fault, mail.finding]).toEqual(['policy', expect.stringContaining('email names are not supported')])
  })

  it('that leaves no name where one is required is accepted by no profile', async () => {
    const found = await check(made({ san: undefined }), DIFFERENCES, { requireSan: true })
    expect([found.fault, found.finding]).toEqual(['policy', expect.stringContaining('requires one')])
  })

  it('that makes a CA of a device is accepted by no profile', async () => {
    writeFileSync(box.path('d.csr'), box.request({ subject: '/CN=www.a.example' }))
    const { cert, key } = box.ca('maker')
    writeFileSync(box.path('ca.ext'), 'basicConstraints=critical,CA:TRUE\nextendedKeyUsage=serverAuth\n')
    const files = ['-CA', cert, '-CAkey', key, '-extfile', 'ca.ext', '-days', '5']
    box.run('x509', '-req', '-inform', 'DER', '-in', 'd.csr', ...files, '-outform', 'DER', '-out', 'd.der')
    const { request: asked } = readRequest(new Uint8Array(readFileSync(box.path('d.csr'))))
    const maker = readPlainCertificate(certificatesOf(readFileSync(cert))[0]!)!
    const found = checkIssued(readFileSync(box.path('d.der')), asked!, maker, { ...profile, accepts: DIFFERENCES }, NOW)
    expect([found.fault, found.finding]).toEqual(['policy', 'the certificate is a CA certificate'])
  })
})
