/**
 * Time of our DER writer compared with pkijs and asn1js, per object and for lists of 10,000. Signatures are replaced by a constant, so
 * that only encoding is timed. Run: npm run bench -- encode
 */
import { createHash, generateKeyPairSync } from 'node:crypto'
import type { Instant } from '../src/core/base/time.js'
import { keyIdOf } from '../src/core/crypto/digest.js'
import type { CrlContent } from '../src/core/rpki/crl.js'
import { signCrl } from '../src/core/rpki/crl.js'
import type { ManifestContent } from '../src/core/rpki/manifest.js'
import { encodeManifest } from '../src/core/rpki/manifest.js'
import type { RoaContent } from '../src/core/rpki/roa.js'
import { encodeRoa, roaResources } from '../src/core/rpki/roa.js'
import { signObject } from '../src/core/rpki/signed-object/sign-object.js'
import { signCertificate } from '../src/core/rpki/x509/certificate.js'
import type { CertificateContent } from '../src/core/rpki/x509/types.js'

const importStart = performance.now()
const asn1 = await import('asn1js')
const pki = await import('pkijs')
const importTime = performance.now() - importStart

const LIST = 10_000
const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
const id = keyIdOf(spki)
const signature = new Uint8Array(256)
const sign = async (): Promise<Uint8Array> => signature
const [from, to] = ['2026-11-21T23:15:00Z', '2026-11-22T23:20:00Z'] as [Instant, Instant]
const roa: RoaContent = { asn: 64496, addresses: [{ family: 4, address: 0xc0000200n, length: 24, maxLength: 26 }] }
const common = {
  serial: 0x1234567890abcdef1234567890abcdef12345678n,
  issuer: id,
  notBefore: from,
  notAfter: to,
  aki: id,
  crl: 'rsync://rpki.example.test/repo/a/0/a.crl',
  aia: 'rsync://rpki.example.test/repo/a/0/a.cer',
  sia: { kind: 'ee', signedObject: 'rsync://rpki.example.test/repo/a/0/a.roa' },
  resources: roaResources(roa),
} as const
const certificate: CertificateContent = { ...common, kind: 'ee', subject: id, spki }
const hash = (i: number): Uint8Array => createHash('sha256').update(String(i)).digest()
const revoked = Array.from({ length: LIST }, (_, i) => ({
  serial: BigInt(`0x${Buffer.from(hash(i)).toString('hex').slice(0, 40)}`) >> 1n,
  revokedAt: from,
}))
const crl: CrlContent = { issuer: id, aki: id, thisUpdate: from, nextUpdate: to, number: 7n, revoked }
const files = Array.from({ length: LIST }, (_, i) => ({
  name: `${Buffer.from(hash(i)).toString('hex').slice(0, 40)}.roa`,
  sha256: hash(i),
}))
const manifest: ManifestContent = { number: 7n, thisUpdate: from, nextUpdate: to, files }

const rows: [string, number, number][] = [
  ['EE certificate', await time(2000, () => signCertificate(certificate, sign)), await time(200, pkiCertificate)],
  ['ROA: contents, EE, CMS', await time(2000, ourRoa), await time(200, pkiRoa)],
  [`CRL of ${LIST}`, await time(20, () => signCrl(crl, sign)), await time(5, pkiCrl)],
  [`manifest of ${LIST}`, await time(20, () => encodeManifest(manifest)), await time(5, pkiManifest)],
]
console.log(`import of pkijs and asn1js: ${importTime.toFixed(0)} ms`)
for (const [name, ours, theirs] of rows)
  console.log(
    `${name.padEnd(24)} ours ${ours.toFixed(3)} ms, pkijs ${theirs.toFixed(3)} ms, ${(theirs / ours).toFixed(0)} times`,
  )

/** Returns milliseconds per run: the median of five rounds after a warm-up. */
async function time(runs: number, work: () => unknown): Promise<number> {
  const rounds: number[] = []
  for (let round = 0; round < 6; round++) {
    const start = performance.now()
    for (let i = 0; i < runs; i++) await work()
    rounds.push((performance.now() - start) / runs)
  }
  return rounds.slice(1).sort((a, b) => a - b)[2] ?? 0
}

function ourRoa(): Promise<Uint8Array> {
  const eContent = encodeRoa(roa)
  const key = { id, spki, sign }
  return signObject({ kind: 'roa', eContent, signingTime: from, ee: common, issuerSign: sign, key })
}

function pkiName(): InstanceType<typeof pki.RelativeDistinguishedNames> {
  const value = new asn1.PrintableString({ value: id })
  return new pki.RelativeDistinguishedNames({
    typesAndValues: [new pki.AttributeTypeAndValue({ type: '2.5.4.3', value })],
  })
}

function pkiAlgorithm(algorithmId: string): InstanceType<typeof pki.AlgorithmIdentifier> {
  return new pki.AlgorithmIdentifier({ algorithmId, algorithmParams: new asn1.Null() })
}

function pkiExtensions(): InstanceType<typeof pki.Extension>[] {
  const uri = (value: string) => new pki.GeneralName({ type: 6, value })
  const access = (accessMethod: string, value: string) =>
    new pki.InfoAccess({
      accessDescriptions: [new pki.AccessDescription({ accessMethod, accessLocation: uri(value) })],
    })
  const keyId = new asn1.OctetString({ valueHex: Buffer.from(id, 'hex') })
  const prefix = new asn1.BitString({ valueHex: Buffer.from('c00002', 'hex') })
  const blocks = sequence([
    sequence([new asn1.OctetString({ valueHex: Buffer.from('0001', 'hex') }), sequence([prefix])]),
  ])
  const values: [string, boolean, { toBER(): ArrayBuffer }][] = [
    ['2.5.29.14', false, keyId],
    ['2.5.29.35', false, new pki.AuthorityKeyIdentifier({ keyIdentifier: keyId }).toSchema()],
    ['2.5.29.15', true, new asn1.BitString({ valueHex: new Uint8Array([0x80]), unusedBits: 7 })],
    [
      '2.5.29.31',
      false,
      new pki.CRLDistributionPoints({
        distributionPoints: [new pki.DistributionPoint({ distributionPoint: [uri(common.crl)] })],
      }).toSchema(),
    ],
    ['1.3.6.1.5.5.7.1.1', false, access('1.3.6.1.5.5.7.48.2', common.aia).toSchema()],
    ['1.3.6.1.5.5.7.1.11', false, access('1.3.6.1.5.5.7.48.11', common.sia.signedObject).toSchema()],
    [
      '2.5.29.32',
      true,
      new pki.CertificatePolicies({
        certificatePolicies: [new pki.PolicyInformation({ policyIdentifier: '1.3.6.1.5.5.7.14.2' })],
      }).toSchema(),
    ],
    ['1.3.6.1.5.5.7.1.7', true, blocks],
  ]
  return values.map(([extnID, critical, value]) => new pki.Extension({ extnID, critical, extnValue: value.toBER() }))
}

function pkiCertificateObject(): InstanceType<typeof pki.Certificate> {
  const made = new pki.Certificate()
  made.version = 2
  made.serialNumber = asn1.Integer.fromBigInt(common.serial)
  made.signature = pkiAlgorithm('1.2.840.113549.1.1.11')
  made.signatureAlgorithm = pkiAlgorithm('1.2.840.113549.1.1.11')
  made.issuer = pkiName()
  made.subject = pkiName()
  made.notBefore = new pki.Time({ value: new Date(from) })
  made.notAfter = new pki.Time({ value: new Date(to) })
  made.subjectPublicKeyInfo = new pki.PublicKeyInfo({ schema: asn1.fromBER(spki).result })
  made.extensions = pkiExtensions()
  made.signatureValue = new asn1.BitString({ valueHex: signature })
  return made
}

function pkiCertificate(): ArrayBuffer {
  return pkiCertificateObject().toSchema(true).toBER()
}

function pkiRoa(): ArrayBuffer {
  const prefix = sequence([
    new asn1.BitString({ valueHex: Buffer.from('c00002', 'hex') }),
    new asn1.Integer({ value: 26 }),
  ])
  const block = sequence([new asn1.OctetString({ valueHex: Buffer.from('0001', 'hex') }), sequence([prefix])])
  const eContent = new Uint8Array(sequence([new asn1.Integer({ value: 64496 }), sequence([block])]).toBER())
  const type = '1.2.840.113549.1.9.16.1.24'
  const encapContentInfo = new pki.EncapsulatedContentInfo({ eContentType: type })
  encapContentInfo.eContent = new asn1.OctetString({ valueHex: eContent })
  const digest = createHash('sha256').update(eContent).digest()
  const attributes = [
    new pki.Attribute({ type: '1.2.840.113549.1.9.3', values: [new asn1.ObjectIdentifier({ value: type })] }),
    new pki.Attribute({ type: '1.2.840.113549.1.9.5', values: [new asn1.UTCTime({ valueDate: new Date(from) })] }),
    new pki.Attribute({ type: '1.2.840.113549.1.9.4', values: [new asn1.OctetString({ valueHex: digest })] }),
  ]
  const signedAttrs = new pki.SignedAndUnsignedAttributes({ type: 0, attributes })
  signedAttrs.toSchema().toBER()
  const signerInfo = new pki.SignerInfo({
    version: 3,
    sid: new asn1.Primitive({ idBlock: { tagClass: 3, tagNumber: 0 }, valueHex: Buffer.from(id, 'hex') }),
    digestAlgorithm: new pki.AlgorithmIdentifier({ algorithmId: '2.16.840.1.101.3.4.2.1' }),
    signatureAlgorithm: pkiAlgorithm('1.2.840.113549.1.1.1'),
    signedAttrs,
    signature: new asn1.OctetString({ valueHex: signature }),
  })
  const ee = pkiCertificateObject()
  ee.tbsView = new Uint8Array(ee.encodeTBS().toBER())
  const content = new pki.SignedData({
    version: 3,
    digestAlgorithms: [new pki.AlgorithmIdentifier({ algorithmId: '2.16.840.1.101.3.4.2.1' })],
    encapContentInfo,
    certificates: [ee],
    signerInfos: [signerInfo],
  }).toSchema(true)
  return new pki.ContentInfo({ contentType: '1.2.840.113549.1.7.2', content }).toSchema().toBER()
}

function pkiCrl(): ArrayBuffer {
  const made = new pki.CertificateRevocationList()
  made.version = 1
  made.signature = pkiAlgorithm('1.2.840.113549.1.1.11')
  made.signatureAlgorithm = pkiAlgorithm('1.2.840.113549.1.1.11')
  made.issuer = pkiName()
  made.thisUpdate = new pki.Time({ value: new Date(from) })
  made.nextUpdate = new pki.Time({ value: new Date(to) })
  made.revokedCertificates = [...revoked]
    .sort((a, b) => (a.serial < b.serial ? -1 : 1))
    .map(({ serial, revokedAt }) => {
      const revocationDate = new pki.Time({ value: new Date(revokedAt) })
      return new pki.RevokedCertificate({ userCertificate: asn1.Integer.fromBigInt(serial), revocationDate })
    })
  made.crlExtensions = new pki.Extensions({ extensions: pkiExtensions().slice(0, 2) })
  made.signatureValue = new asn1.BitString({ valueHex: signature })
  return made.toSchema(true).toBER()
}

function pkiManifest(): ArrayBuffer {
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1))
  return sequence([
    new asn1.Integer({ value: 7 }),
    new asn1.GeneralizedTime({ valueDate: new Date(from) }),
    new asn1.GeneralizedTime({ valueDate: new Date(to) }),
    new asn1.ObjectIdentifier({ value: '2.16.840.1.101.3.4.2.1' }),
    sequence(
      sorted.map((f) => sequence([new asn1.IA5String({ value: f.name }), new asn1.BitString({ valueHex: f.sha256 })])),
    ),
  ]).toBER()
}

function sequence(value: InstanceType<typeof asn1.BaseBlock>[]): InstanceType<typeof asn1.Sequence> {
  return new asn1.Sequence({ value })
}
