/** What the encoders write, the decoders read back without a fault; what differs from what was meant is refused before it is published. */
import { describe, expect, it } from 'vitest'
import type { Instant } from '../../../src/core/base/time.js'
import { checkBeforePublish } from '../../../src/core/rpki/check-before-publish.js'
import { decodeCrl } from '../../../src/core/rpki/crl.js'
import { checkManifestContent, decodeManifest, encodeManifest } from '../../../src/core/rpki/manifest.js'
import { checkRoaContent, decodeRoa, encodeRoa } from '../../../src/core/rpki/roa.js'
import { decodeSignedObject } from '../../../src/core/rpki/signed-object/decode-envelope.js'
import { decodeTal, encodeTal } from '../../../src/core/rpki/tal.js'
import { checkCertificateContent } from '../../../src/core/rpki/x509/certificate-profile.js'
import { decodeCertificate } from '../../../src/core/rpki/x509/decode-certificate.js'
import { certificate, crl, manifest, roa } from '../../support/rpki/objects.js'
import { CA, CA_REPO, EE, FROM, OTHER, TA, TA_URI, TO } from '../../support/rpki/parts.js'

const rules = (findings: readonly { readonly rule: string }[]): readonly string[] => findings.map((f) => f.rule)

describe('contents', () => {
  it('reads back a ROA of both families', () => {
    const addresses = [
      { family: 4, address: 0n, length: 0 },
      { family: 4, address: 0x0a000000n, length: 24, maxLength: 26 },
      { family: 6, address: 0x20010db8n << 96n, length: 33, maxLength: 48 },
    ] as const
    expect(decodeRoa(encodeRoa({ asn: 0, addresses }))).toEqual({ content: { asn: 0, addresses }, findings: [] })
  })

  it('reads back a manifest', () => {
    const files = [
      { name: 'a.crl', sha256: new Uint8Array(32).fill(1) },
      { name: 'b.roa', sha256: new Uint8Array(32).fill(2) },
    ]
    const content = { number: (1n << 159n) - 1n, thisUpdate: FROM, nextUpdate: TO, files }
    const { content: read, findings } = decodeManifest(encodeManifest(content))
    expect(findings).toEqual([])
    expect(read).toEqual(content)
  })

  it('reads certificates, CRLs and envelopes into the values that the encoders take', () => {
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
    expect(decodeCrl(crl()).content).toMatchObject({
      issuer: CA.name,
      number: 7n,
      revoked: [{ serial: 99n }],
      thisUpdate: FROM,
      nextUpdate: TO,
    })
    expect(decodeSignedObject(roa())).toMatchObject({
      findings: [],
      content: { contentType: '1.2.840.113549.1.9.16.1.24', ee: { ski: EE.name } },
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
})

describe('profile checks before signing', () => {
  const base = { thisUpdate: FROM, nextUpdate: TO, number: 1n }
  const file = (name: string, fill: number): { name: string; sha256: Uint8Array } => ({
    name,
    sha256: new Uint8Array(32).fill(fill),
  })

  it.each([
    ['two files of one name', [file('a.crl', 1), file('b.roa', 2), file('b.roa', 3)]],
    ['two files of one hash', [file('a.crl', 1), file('b.roa', 2), file('c.roa', 2)]],
    ['a path', [file('a.crl', 1), file('../b.roa', 2)]],
    ['no CRL', [file('b.roa', 2)]],
  ])('refuses a manifest with %s', (_what, files) => {
    expect(rules(checkManifestContent({ ...base, files }))).toHaveLength(1)
  })

  it('takes a ROA in any order and refuses one that is out of range', () => {
    const address = { family: 4, address: 0x0a000000n, length: 24 } as const
    expect(checkRoaContent({ asn: 1, addresses: [{ ...address, address: 0x0b000000n }, address, address] })).toEqual([])
    expect(
      rules(
        checkRoaContent({
          asn: -1,
          addresses: [
            { ...address, maxLength: 23 },
            { ...address, address: 1n },
          ],
        }),
      ),
    ).toEqual(['RFC 9582 section 4.2', 'RFC 9582 section 4.3.2.2', 'RFC 9582 section 4.3.2.1'])
  })

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

describe('checkBeforePublish', () => {
  it.each([
    ['a ROA under another name', 'other.roa', roa(), CA],
    ['a ROA named as a manifest', `${CA.name}.mft`, roa(), CA],
    ['a ROA of another issuer', 'AS64496.roa', roa(), TA],
    [
      'a ROA whose EE certificate another key signed',
      'AS64496.roa',
      roa(undefined, undefined, (p) => {
        p.signer = OTHER
      }),
      CA,
    ],
    ['a CRL of another issuer', `${CA.name}.crl`, crl(), TA],
    [
      'a CRL with a wrong signature',
      `${CA.name}.crl`,
      crl((p) => {
        p.breakSignature = true
      }),
      CA,
    ],
    [
      'a certificate that another key signed',
      `${CA.name}.cer`,
      certificate('ca', (p) => {
        p.signer = OTHER
      }),
      TA,
    ],
    [
      'a manifest whose EE certificate lives longer',
      `${CA.name}.mft`,
      manifest(undefined, undefined, (p) => {
        p.notAfter = { tag: 0x17, content: '270101000000Z', size: 13 }
      }),
      CA,
    ],
    ['a ROA that names another issuer', 'AS64496.roa', roa(), { ...CA, subject: TA.name }],
    ['a CRL that names another issuer', `${CA.name}.crl`, crl(), { ...CA, subject: TA.name }],
    ['a file of another kind', 'x.txt', roa(), CA],
    ['nothing', 'AS64496.roa', new Uint8Array(), CA],
  ])('refuses %s', async (_what, name, bytes, issuer) => {
    expect(await checkBeforePublish(name, bytes, issuer)).not.toEqual([])
  })

  it('passes what may go out', async () => {
    expect(await checkBeforePublish('AS64496.roa', roa(), CA)).toEqual([])
    expect(await checkBeforePublish(`${CA.name}.mft`, manifest(), CA)).toEqual([])
  })
})

describe('decodeTal', () => {
  const uris = [`https://h.example/ta.cer`, 'rsync://h.example/ta/ta.cer']
  const good = encodeTal({ comments: ['ours'], uris, spki: TA.spki })
  const [head = '', key = ''] = good.split('\n\n')

  it('reads back what the encoder writes', () => {
    const { content, findings } = decodeTal(good)
    expect(findings).toEqual([])
    expect(content?.comments).toEqual(['ours'])
    expect(content?.uris).toEqual(uris)
    expect(Buffer.from(content?.spki ?? [])).toEqual(Buffer.from(TA.spki))
  })

  it.each([
    ['CRLF', good.replaceAll('\n', '\r\n')],
    ['the key in one line', `${head}\n\n${key.replaceAll('\n', '')}`],
    ['no final newline', good.trimEnd()],
    ['one URI', `${uris[0]}\n\n${key}`],
    ['an extra blank line', `${head}\n\n\n${key}`],
  ])('takes %s', (_what, text) => {
    expect(decodeTal(text).findings).toEqual([])
  })

  it.each([
    ['no blank line', `${head}\n${key}`],
    ['a leading blank line', `\n${good}`],
    ['an http URI', `http://h.example/ta.cer\n\n${key}`],
    ['a URI that does not end in .cer', `https://h.example/ta\n\n${key}`],
    ['different file names', `https://h.example/a.cer\nrsync://h.example/ta/b.cer\n\n${key}`],
    ['PEM armour', `${head}\n\n-----BEGIN PUBLIC KEY-----\n${key}-----END PUBLIC KEY-----\n`],
    ['no key', `${head}\n\n`],
    ['a damaged key', `${head}\n\n${key.slice(5)}`],
    ['nothing', ''],
    ['bytes', new Uint8Array([0xff, 0xfe, 0])],
  ])('refuses %s', (_what, text) => {
    const { findings } = decodeTal(text)
    expect(findings.some((f) => f.rule.startsWith('RFC 8630') || f.rule.startsWith('RFC 7935'))).toBe(true)
  })
})

it('names instants as text', () => {
  const instant: Instant | undefined = decodeCrl(crl()).content?.thisUpdate
  expect(instant).toBe('2026-06-01T00:00:00Z')
})
