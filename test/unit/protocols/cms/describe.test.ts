/** Descriptions: what can be read of a message in any state, and every rule that it breaks. */
import { describe, expect, it } from 'vitest'
import type { Instant } from '../../../../src/core/base/time.js'
import { describeIdCertificate, describeMessage } from '../../../../src/core/protocols/cms/describe.js'
import { bpkiCa, CONTENT, craft, messageCrl, SIGNED_AT } from '../../../support/peers/crafted-message.js'
import { CA, OTHER, TA } from '../../../support/rpki/parts.js'
import { CERTIFICATES } from './bad-certificates.js'
import { GOOD } from './good-messages.js'

describe('the description of a message', () => {
  it('has its parts', () => {
    const described = describeMessage({ cms: craft(), id: CA.spki })
    expect(described).toMatchObject({ signingTime: SIGNED_AT, judgedAt: SIGNED_AT, findings: [], isVerified: true })
    expect(described.fields).toEqual({
      contentType: '1.2.840.113549.1.9.16.1.28',
      signingTime: SIGNED_AT,
      digestAlgorithm: '2.16.840.1.101.3.4.2.1',
      signatureAlgorithm: '1.2.840.113549.1.1.1',
      signedAttributes: ['1.2.840.113549.1.9.3', '1.2.840.113549.1.9.5', '1.2.840.113549.1.9.4'],
      signer: described.fields['signer'],
      ee: {
        subject: `CN=${described.fields['signer']}`,
        issuer: `CN=${CA.name}`,
        serial: '1267',
        notBefore: '2026-06-01T11:55:00Z',
        notAfter: '2026-06-01T12:05:00Z',
        ski: described.fields['signer'],
        aki: CA.name,
        ca: false,
        key: 'RSA 2048',
      },
      crl: {
        issuer: `CN=${CA.name}`,
        aki: CA.name,
        number: '7',
        thisUpdate: '2026-06-01T11:55:00Z',
        nextUpdate: '2026-06-01T12:05:00Z',
        revoked: 0,
      },
      issuedBy: CA.name,
    })
  })

  it('has the content also where the sender is not known', () => {
    const { content, isVerified, findings, fields } = describeMessage({ cms: craft() })
    expect(Buffer.from(content ?? [])).toEqual(CONTENT)
    expect({ isVerified, findings, issuedBy: fields['issuedBy'] }).toEqual({
      isVerified: undefined,
      findings: [],
      issuedBy: null,
    })
  })

  it('lists every broken rule, and then what is tolerated', () => {
    const cms = craft({
      crl: (p) => {
        p.signer = OTHER
        p.extensions = []
      },
      cms: (p) => {
        p.breakSignature = true
      },
    })
    const at = '2026-06-02T12:00:00Z' as Instant
    const { findings, content, isVerified } = describeMessage({ cms, id: CA.spki, at })
    expect(findings.map(({ message, tolerated }) => [tolerated === true, message.slice(0, 45)])).toEqual([
      [false, 'the signature does not verify under the key o'],
      [false, 'the EE certificate is valid from 2026-06-01T1'],
      [false, `the CRL is not signed by ${CA.name.slice(0, 20)}`],
      [false, 'the CRL was valid until 2026-06-01T12:05:00Z,'],
      [true, 'the CRL has no CRL number'],
    ])
    expect(isVerified).toBe(false)
    expect(Buffer.from(content ?? [])).toEqual(CONTENT)
  })

  it('has the CA certificates of a chain', () => {
    const { fields } = describeMessage({ cms: craft(GOOD['a chain of one CA certificate']), id: CA.spki })
    expect(fields).toMatchObject({ issuedBy: OTHER.name, otherCertificates: [{ ca: true, ski: OTHER.name }] })
  })

  it.each([
    ['nothing', new Uint8Array()],
    ['text', Buffer.from('<message/>')],
    ['a certificate', bpkiCa(CA, CA)],
    ['a CRL', messageCrl()],
  ])('of what is no message has the reason: %s', (_, cms) => {
    const { findings, content } = describeMessage({ cms, id: CA.spki })
    expect(findings[0]?.message).toMatch(/not CMS SignedData|malformed|no octets/)
    expect(content).toBeUndefined()
  })

  it('of each message with a wrong certificate or CRL names the reason', () => {
    for (const bad of Object.values(CERTIFICATES).flatMap((all) => Object.values(all)))
      expect(describeMessage({ cms: bad.message(), id: CA.spki, at: SIGNED_AT }).findings).not.toEqual([])
  })
})

describe('the description of an ID certificate', () => {
  it('has its fields', () => {
    const { fields, findings } = describeIdCertificate(bpkiCa(CA, TA))
    expect(fields).toMatchObject({ subject: `CN=${CA.name}`, issuer: `CN=${TA.name}`, ca: true, selfSigned: false })
    expect(findings).toEqual([])
  })

  it('lists every broken rule', () => {
    const der = bpkiCa(CA, CA, (p) => {
      p.extensions = {}
      p.signer = OTHER
    })
    const { findings } = describeIdCertificate(der, '2030-01-01T00:00:00Z' as Instant)
    expect(findings.map(({ message }) => message)).toEqual([
      'the ID certificate has no subject key identifier',
      'the ID certificate is not of a CA (basicConstraints cA)',
      'the ID certificate names itself as issuer, and its own key does not verify its signature',
      'the ID certificate is valid from 2026-01-01T00:00:00Z to 2027-01-01T00:00:00Z, not at 2030-01-01T00:00:00Z',
    ])
  })

  it('of other octets has the reason', () => {
    expect(describeIdCertificate(Buffer.from('x')).findings).not.toEqual([])
    expect(describeIdCertificate(Buffer.from('x')).fields).toEqual({ selfSigned: null })
  })
})
