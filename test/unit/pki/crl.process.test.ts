/** CRLs that we make: OpenSSL verifies them, and refuses what they list. */
import { spawnSync } from 'node:child_process'
import { createPrivateKey, sign } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import { systemRandom } from '../../../src/core/crypto/random.js'
import { schemeOf } from '../../../src/core/pki/algorithms.js'
import { certificatesOf, readPlainCertificate } from '../../../src/core/pki/certificate.js'
import { type RevocationList, signCrl } from '../../../src/core/pki/crl.js'
import { readRequest } from '../../../src/core/pki/csr.js'
import { type Issuer, issueCertificate } from '../../../src/core/pki/issue.js'
import { BUILT_IN_PROFILES, type CertificateProfile } from '../../../src/core/pki/profile.js'
import { OpensslBox } from '../../support/peers/requests.js'

const box = new OpensslBox()
afterAll(() => box.remove())

const NOW = new Date().toISOString().replace(/\.\d+/, '') as Instant
const PROFILE = BUILT_IN_PROFILES[0] as CertificateProfile
const LIST: RevocationList = {
  number: 7n,
  thisUpdate: addSeconds(NOW, -60),
  nextUpdate: addSeconds(NOW, 86_400),
  revoked: [],
}

function issuerOf(name: string, kind: string): Issuer & { readonly cert: string } {
  const { cert, key } = box.ca(name, { key: kind })
  const privateKey = createPrivateKey(readFileSync(key))
  const scheme = schemeOf(privateKey.asymmetricKeyType, privateKey.asymmetricKeyDetails?.namedCurve)
  const [der] = certificatesOf(readFileSync(cert))
  const certificate = readPlainCertificate(der ?? new Uint8Array())
  if (scheme === undefined || certificate === undefined) throw new Error('no issuer')
  return { cert, certificate, scheme, sign: async (tbs) => sign(scheme.hash, tbs, privateKey) }
}

/** A certificate of the issuer as a PEM file; its serial. */
async function issued(issuer: Issuer, file: string): Promise<string> {
  const { request } = readRequest(box.request())
  if (request === undefined) throw new Error('no request')
  const der = await issueCertificate(issuer, request, PROFILE, NOW, systemRandom)
  writeFileSync(box.path('leaf.der'), der)
  box.run('x509', '-inform', 'DER', '-in', 'leaf.der', '-out', file)
  return readPlainCertificate(der)?.serial ?? ''
}

async function written(issuer: Issuer, list: RevocationList): Promise<string> {
  writeFileSync(box.path('crl.der'), await signCrl(issuer, list))
  box.run('crl', '-inform', 'DER', '-in', 'crl.der', '-out', 'crl.pem')
  return box.run('crl', '-in', 'crl.pem', '-noout', '-text').toString()
}

/** What `openssl verify` says with the CRL at hand. */
function verdict(issuer: { readonly cert: string }, file: string): string {
  try {
    return box
      .run('verify', '-x509_strict', '-crl_check', '-CRLfile', 'crl.pem', '-CAfile', issuer.cert, file)
      .toString()
  } catch (error) {
    return String((error as { readonly stderr?: Buffer }).stderr)
  }
}

describe('a CRL', () => {
  it.each(['rsa', 'P-256', 'P-384', 'P-521'])(
    'of a CA with a key %s is verified by OpenSSL, lets the good certificate pass and stops the revoked one',
    async (kind) => {
      const issuer = issuerOf(`crl-${kind}`, kind)
      await issued(issuer, 'good.pem')
      const serial = await issued(issuer, 'bad.pem')
      await written(issuer, { ...LIST, revoked: [{ serial, revokedAt: NOW, reason: 1 }] })
      // ends with 0 whatever it finds
      const asked = ['crl', '-in', 'crl.pem', '-noout', '-CAfile', issuer.cert, '-verify']
      expect(spawnSync('openssl', asked, { cwd: box.dir }).stderr.toString()).toBe('verify OK\n')
      expect(verdict(issuer, 'good.pem')).toBe('good.pem: OK\n')
      expect(verdict(issuer, 'bad.pem')).toContain('certificate revoked')
    },
  )

  const issuer = issuerOf('lister', 'P-256')

  it('says number, times, AKI, and each reason but unspecified, in the order of serials', async () => {
    const reasons = [6, 0, 9, 1]
    const revoked = ['1ff', '0a', 'ff', '7b'].map((serial, n) => ({
      serial,
      revokedAt: '2026-01-02T03:04:05Z' as Instant,
      reason: reasons[n] ?? 0,
    }))
    const text = await written(issuer, { ...LIST, number: 1n << 130n, revoked })
    expect([...text.matchAll(/Serial Number: (\w+)/g)].map(([, serial]) => serial)).toEqual(['0A', '7B', 'FF', '01FF'])
    expect([...text.matchAll(/CRL Reason Code:[^\n]*\n\s+(.+)/g)].map(([, reason]) => reason)).toEqual([
      'Key Compromise',
      'Privilege Withdrawn',
      'Certificate Hold',
    ])
    expect(text).toContain('Version 2 (0x1)')
    expect(text).toContain('Jan  2 03:04:05 2026 GMT')
    const ski = box.run('x509', '-in', issuer.cert, '-noout', '-ext', 'subjectKeyIdentifier').toString().split('\n')[1]
    expect(text).toContain(`Authority Key Identifier: \n                ${ski?.trim()}`)
    expect(text).toMatch(/CRL Number: \n\s+(?:1361129467683753853853498429727072845824|0x0?4(?:0{32}))\n/)
  })

  it('of nothing has no list at all', async () => {
    const text = await written(issuer, LIST)
    expect(text).toContain('No Revoked Certificates.')
    // RFC 5280 section 5.1.2.6: not even an empty one
    const parsed = box.run('asn1parse', '-inform', 'DER', '-in', 'crl.der').toString()
    expect(parsed).toMatch(/UTCTIME .*\n.*UTCTIME .*\n.*cont \[ 0 \]/)
    await issued(issuer, 'good.pem')
    expect(verdict(issuer, 'good.pem')).toBe('good.pem: OK\n')
  })

  it('that has expired lets nothing pass', async () => {
    await written(issuer, { ...LIST, thisUpdate: addSeconds(NOW, -7200), nextUpdate: addSeconds(NOW, -3600) })
    await issued(issuer, 'good.pem')
    expect(verdict(issuer, 'good.pem')).toContain('CRL has expired')
  })

  it.each<[string, Partial<RevocationList>]>([
    ['whose times are reversed', { nextUpdate: LIST.thisUpdate }],
    ['with a negative number', { number: -1n }],
    ['with a number of 21 octets', { number: 1n << 159n }],
    ['with a serial that is none', { revoked: [{ serial: 'xyz', revokedAt: NOW, reason: 0 }] }],
    ['with a serial of 21 octets', { revoked: [{ serial: 'f'.repeat(40), revokedAt: NOW, reason: 0 }] }],
    [
      'with a serial twice',
      {
        revoked: [
          { serial: '0a', revokedAt: NOW, reason: 0 },
          { serial: 'a', revokedAt: NOW, reason: 1 },
        ],
      },
    ],
  ])('%s is not signed', async (_, wrong) => {
    await expect(signCrl(issuer, { ...LIST, ...wrong })).rejects.toThrow(TypeError)
  })
})
