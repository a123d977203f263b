/** Certificates that a parent sends: what is accepted, and what is refused before it can withdraw or replace anything. */
import { describe, expect, it } from 'vitest'
import { acceptCertificates } from '../../../../../src/core/app/exchange/parent/accept-certificate.js'
import { toBase64 } from '../../../../../src/core/base/bytes.js'
import type { Instant } from '../../../../../src/core/base/time.js'
import type { ClassKey } from '../../../../../src/core/ca/state/state.js'
import type { ResourceText } from '../../../../../src/core/resources/types.js'
import { signCertificate } from '../../../../../src/core/rpki/x509/certificate.js'
import type { CertificateContent } from '../../../../../src/core/rpki/x509/types.js'
import { testKey } from '../../../../support/rpki/test-keys.js'

const [ta, ca] = [testKey('ta'), testKey('ca')]
const NOW = '2026-06-01T00:00:00Z' as Instant
const at = (text: string): Instant => text as Instant
const uri = (path: string): string => `rsync://rpki.example.test/${path}`

const CONTENT: CertificateContent = {
  kind: 'ca',
  serial: 7n,
  issuer: ta.id,
  subject: ca.id,
  notBefore: at('2026-01-01T00:00:00Z'),
  notAfter: at('2027-01-01T00:00:00Z'),
  spki: ca.spki,
  aki: ta.id,
  crl: uri('repo/ta.crl'),
  aia: uri('ta/ta.cer'),
  sia: { kind: 'ca', caRepository: uri('r/'), manifest: uri('r/a.mft'), notify: 'https://rpki.example.test/n.xml' },
  resources: { asn: [{ min: 64496, max: 64496 }], ipv4: 'inherit' },
}
const { aki: _aki, crl: _crl, aia: _aia, ...rootless } = CONTENT
const ISSUER = await signCertificate(
  {
    ...rootless,
    kind: 'ta',
    subject: ta.id,
    spki: ta.spki,
    resources: { asn: [{ min: 0, max: 0xffffffff }], ipv4: [{ min: 0n, max: 0xffffffffn }] },
  },
  ta.sign,
)
const KEY: ClassKey = {
  state: 'current',
  ski: ca.id,
  spki: toBase64(ca.spki),
  certificate: null,
  point: {} as ClassKey['point'],
}
const LISTED: ResourceText = { asn: 'AS64496', ipv4: '10.0.0.0/8', ipv6: '' }

async function accept(change: Partial<CertificateContent> = {}, resources = LISTED, sign = ta.sign) {
  const der = await signCertificate({ ...CONTENT, ...change }, sign)
  const certificate = { certUris: [uri('repo/ca.cer')], limit: {}, der }
  const offer = {
    className: '0',
    certUris: [uri('ta/ta.cer')],
    resources,
    notAfter: CONTENT.notAfter,
    certificates: [certificate],
    issuer: ISSUER,
  }
  return acceptCertificates(offer, [KEY], NOW)
}

describe('acceptCertificates', () => {
  it('takes a certificate of our key, with what the parent lists for a family that it inherits', async () => {
    expect(await accept()).toMatchObject([{ ski: ca.id, resources: LISTED, uri: uri('repo/ca.cer') }])
  })

  it('takes one that a parent whose clock is a little ahead has just made', async () => {
    expect(await accept({ notBefore: at('2026-06-01T00:10:00Z') })).toHaveLength(1)
  })

  it('passes over one of another key', async () => {
    const other = testKey('ta')
    expect(await accept({ spki: other.spki, subject: other.id })).toEqual([])
  })

  it.each<readonly [string, Partial<CertificateContent>, RegExp]>([
    ['expired', { notAfter: NOW }, /expired at 2026-06-01T00:00:00Z/],
    ['not valid yet', { notBefore: at('2026-06-01T00:10:01Z') }, /is not valid before 2026-06-01T00:10:01Z/],
    ['with another AKI', { aki: testKey('ee-1').id }, /names another issuer \(AKI\)/],
    ['with a CRL by http', { crl: 'http://rpki.example.test/ta.crl' }, /breaks the profile: RFC 6487 section 4\.8\.6/],
    ['of another kind', { kind: 'ee', sia: { kind: 'ee', signedObject: uri('r/a.roa') } }, /is not for that key/],
  ])('refuses one %s', async (_, change, message) => {
    await expect(accept(change)).rejects.toMatchObject({ kind: 'remote', code: 'answer-invalid' })
    await expect(accept(change)).rejects.toThrow(message)
  })

  it('refuses one that another key has signed', async () => {
    await expect(accept({}, LISTED, ca.sign)).rejects.toThrow(/is not signed by the issuer that is named/)
  })

  it('refuses one without any resources: it would withdraw everything at once', async () => {
    const inherited = { resources: { ipv4: 'inherit' } } as const
    await expect(accept(inherited, { asn: '', ipv4: '', ipv6: '' })).rejects.toThrow(/has no resources/)
  })
})
