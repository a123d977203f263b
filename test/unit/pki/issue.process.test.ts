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
import { BUILT_IN_PROFILES, type CertificateProfile } from '../../../src/core/pki/profile.js'
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
  const faultOf = (der: Uint8Array, ca: PlainCertificate = issuer.certificate): string | undefined =>
    checkIssued(der, request, ca, SERVER, NOW).finding

  it.each<[string, () => Promise<Uint8Array>, string]>([
    ['is nothing', async () => new Uint8Array(), 'not a certificate'],
    ['is a page of HTML', async () => Buffer.from('<html>'), 'not a certificate'],
    ['is for another key', () => made(issuer, requested(ASKED)), 'another key'],
    ['is of another CA', () => made(other), 'not signed by'],
    ['is of a CA of the same name', () => made(twin), 'not signed by'],
    ['has expired', () => made(issuer, request, { ...SERVER, validSeconds: 60 }, addSeconds(NOW, -7200)), 'expired'],
    ['begins tomorrow', () => made(issuer, request, SERVER, addSeconds(NOW, 86_400)), 'not valid before'],
    [
      'is valid for too long',
      () => made(issuer, request, { ...SERVER, validSeconds: 400 * 86_400 }),
      'longer than the profile',
    ],
    [
      'has a usage too many',
      () => made(issuer, request, { ...SERVER, extendedKeyUsages: ['serverAuth', 'codeSigning'] }),
      '1.3.6.1.5.5.7.3.3',
    ],
    ['lacks a name', () => made(issuer, { ...request, san: undefined }), 'has the names (none)'],
  ])('because it %s', async (_, make, message) => {
    expect(faultOf(await make())).toContain(message)
  })
})
