/** The strict decoder of certificates, and the profile over values. */
import { describe, expect, it } from 'vitest'
import { checkCertificateContent } from '../../../../src/core/rpki/x509/certificate-profile.js'
import { decodeCertificate } from '../../../../src/core/rpki/x509/decode-certificate.js'
import { survivors } from '../../../support/rpki/mutants.js'
import { certificate } from '../../../support/rpki/objects.js'
import { CA, CA_REPO, TA, TA_URI } from '../../../support/rpki/parts.js'

const rules = (findings: readonly { readonly rule: string }[]): readonly string[] => findings.map((f) => f.rule)

/** NULL means `inherit`. */
const ALLOWED = [/^\/0\/7\/0\/8\/2\/0\/\d\/1=NULL$/, /^\/0\/7\/0\/9\/2\/0\/0\/0=NULL$/]

describe('decodeCertificate', () => {
  it('reads a certificate into the value that the encoder takes', () => {
    const { content, findings } = decodeCertificate(certificate('ca'))
    expect(findings).toEqual([])
    expect(content).toMatchObject({
      kind: 'ca',
      serial: 4711n,
      issuer: TA.name,
      subject: CA.name,
      aki: TA.name,
      ski: CA.name,
      aia: TA_URI,
    })
    expect(content?.sia).toEqual({
      kind: 'ca',
      caRepository: CA_REPO,
      manifest: `${CA_REPO}${CA.name}.mft`,
      notify: expect.any(String),
    })
    expect(content?.resources.asn).toEqual([{ min: 64496, max: 64511 }])
    expect(content === undefined ? [] : checkCertificateContent(content)).toEqual([])
    expect(decodeCertificate(certificate('mft-ee', undefined, 'x.mft')).content?.resources).toEqual({
      asn: 'inherit',
      ipv4: 'inherit',
      ipv6: 'inherit',
    })
  })

  it('keeps what it can read of a certificate with findings, and has no content where a member is missing', () => {
    const broken = decodeCertificate(
      certificate('ca', (p) => {
        delete p.extensions.cp
      }),
    )
    expect(rules(broken.findings)).toEqual(['RFC 6487 section 4.8.9'])
    expect(broken.content?.subject).toBe(CA.name)
    expect(
      decodeCertificate(
        certificate('ca', (p) => {
          delete p.extensions.sia
        }),
      ).content,
    ).toBeUndefined()
  })

  it('reports all findings at once', () => {
    const { findings } = decodeCertificate(
      certificate('ca', (p) => {
        delete p.extensions.cp
        delete p.extensions.aia
        p.version = undefined
      }),
    )
    expect(rules(findings)).toEqual(['RFC 6487 section 4.1', 'RFC 6487 section 4.8.9', 'RFC 6487 section 4.8.7'])
  })

  it('has a finding about every element that is changed', () => {
    const paths = survivors(certificate('ca'), decodeCertificate)
    expect(paths.filter((path) => !ALLOWED.some((allowed) => allowed.test(path)))).toEqual([])
  })
})

describe('checkCertificateContent', () => {
  it.each([
    ['a path that leaves its directory', 'rsync://h.example/repo/../x/'],
    ['another scheme', 'https://h.example/repo/'],
    ['no host', 'rsync:///repo/'],
    ['no path', 'rsync://h.example/'],
    ['a space', 'rsync://h.example/re po/'],
    ['too many characters', `rsync://h.example/${'x'.repeat(2048)}/`],
  ])('refuses a caRepository with %s', (_what, caRepository) => {
    const { content } = decodeCertificate(certificate('ca'))
    if (content === undefined) throw new Error('no content')
    const sia = { kind: 'ca', caRepository, manifest: `${caRepository}x.mft` } as const
    expect(rules(checkCertificateContent({ ...content, sia }))).toContain('RFC 6487 section 4.8.8.1')
  })
})
