/** Signed objects and their CMS envelope as pkijs and OpenSSL read them. */
import { execFileSync } from 'node:child_process'
import { createHash, verify } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GeneralizedTime, ObjectIdentifier, OctetString } from 'asn1js'
import type { Certificate } from 'pkijs'
import { describe, expect, test } from 'vitest'
import { toHex } from '../../../../src/core/base/bytes.js'
import type { Instant } from '../../../../src/core/base/time.js'
import { encodeManifest, type ManifestContent, manifestResources } from '../../../../src/core/rpki/manifest.js'
import { encodeRoa, type RoaContent, roaResources } from '../../../../src/core/rpki/roa.js'
import { signData } from '../../../../src/core/rpki/signed-object/cms.js'
import { signObject } from '../../../../src/core/rpki/signed-object/sign-object.js'
import { findProgram } from '../../../support/peers/validators.js'
import {
  eContentOf,
  extensionOf,
  members,
  readAsn1,
  readSignedData,
  usePeculiarCrypto,
} from '../../../support/rpki/independent-reader.js'
import { testKey } from '../../../support/rpki/test-keys.js'

const ca = testKey('ca')
const key = testKey('ee-1')
const at = (text: string): Instant => text as Instant
const v4 = (text: string): bigint => text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n)

const ROA: RoaContent = { asn: 64496, addresses: [{ family: 4, address: v4('192.0.2.0'), length: 24, maxLength: 26 }] }

const MANIFEST: ManifestContent = {
  number: 2n ** 152n,
  thisUpdate: at('2026-11-21T23:15:00Z'),
  nextUpdate: at('2026-11-22T23:20:00Z'),
  files: ['b.roa', 'B.crl', 'a.roa'].map((name) => ({ name, sha256: createHash('sha256').update(name).digest() })),
}

const EE = {
  serial: 42n,
  issuer: ca.id,
  notBefore: MANIFEST.thisUpdate,
  notAfter: MANIFEST.nextUpdate,
  aki: ca.id,
  crl: 'rsync://rpki.example.test/r/a.crl',
  aia: 'rsync://rpki.example.test/ta/a.cer',
  sia: { kind: 'ee', signedObject: 'rsync://rpki.example.test/r/a.roa' },
} as const

const COMMON = { signingTime: at('2026-11-21T23:20:00Z'), issuerSign: ca.sign, key }
const roaInput = {
  ...COMMON,
  kind: 'roa',
  eContent: encodeRoa(ROA),
  ee: { ...EE, resources: roaResources(ROA) },
} as const
const mftInput = {
  ...COMMON,
  kind: 'mft',
  eContent: encodeManifest(MANIFEST),
  ee: { ...EE, resources: manifestResources() },
} as const

describe('the envelope', async () => {
  const bytes = await signObject(roaInput)
  const signed = readSignedData(bytes)
  const signer = signed.signerInfos[0]!
  const ee = signed.certificates?.[0] as Certificate

  test('version 3, one sha256 without parameters, one certificate, no CRLs, one primitive content', () => {
    expect(signed.version).toBe(3)
    expect(signed.digestAlgorithms.map((a) => [a.algorithmId, a.algorithmParams])).toEqual([
      ['2.16.840.1.101.3.4.2.1', undefined],
    ])
    expect(signed.encapContentInfo.eContentType).toBe('1.2.840.113549.1.9.16.1.24')
    expect(signed.encapContentInfo.eContent?.idBlock.isConstructed).toBe(false)
    expect(toHex(eContentOf(signed))).toBe(toHex(roaInput.eContent))
    expect(signed.certificates?.length).toBe(1)
    expect(signed.crls).toBeUndefined()
    expect(signed.signerInfos.length).toBe(1)
  })

  test('the signer: version 3, named by its key, rsaEncryption with NULL, no unsigned attributes', () => {
    expect(signer.version).toBe(3)
    expect(toHex((signer.sid as OctetString).valueBlock.valueHexView)).toBe(key.id.toLowerCase())
    expect([signer.digestAlgorithm.algorithmId, signer.digestAlgorithm.algorithmParams]).toEqual([
      '2.16.840.1.101.3.4.2.1',
      undefined,
    ])
    expect(signer.signatureAlgorithm.algorithmId).toBe('1.2.840.113549.1.1.1')
    expect(signer.signatureAlgorithm.algorithmParams?.idBlock.tagNumber).toBe(5)
    expect(signer.unsignedAttrs).toBeUndefined()
  })

  test('exactly contentType, signingTime and messageDigest, in that order', () => {
    const attributes = signer.signedAttrs?.attributes ?? []
    expect(attributes.map((a) => a.type)).toEqual([
      '1.2.840.113549.1.9.3',
      '1.2.840.113549.1.9.5',
      '1.2.840.113549.1.9.4',
    ])
    const [contentType, signingTime, digest] = attributes.map((a) => a.values[0])
    expect((contentType as ObjectIdentifier).getValue()).toBe('1.2.840.113549.1.9.16.1.24')
    expect(signingTime).toMatchObject({ idBlock: { tagNumber: 23 } })
    expect((signingTime as GeneralizedTime).toDate()).toEqual(new Date(COMMON.signingTime))
    const expected = createHash('sha256').update(roaInput.eContent).digest('hex')
    expect(toHex((digest as OctetString).valueBlock.valueHexView)).toBe(expected)
  })

  test('the EE certificate: the one-time key names itself, the CA signs it', () => {
    const names = (value: Certificate['issuer']) => value.typesAndValues.map((t) => t.value.valueBlock.value)
    expect(names(ee.subject)).toEqual([key.id])
    expect(names(ee.issuer)).toEqual([ca.id])
    expect(ee.serialNumber.toBigInt()).toBe(42n)
    expect(extensionOf(ee.extensions, '2.5.29.14')?.hex).toBe(`0414${key.id.toLowerCase()}`)
    expect(extensionOf(ee.extensions, '1.3.6.1.5.5.7.1.8')).toBeUndefined()
    expect(extensionOf(ee.extensions, '2.5.29.15')?.hex).toBe('03020780')
    expect(verify('sha256', ee.tbsView, ca.publicKey, ee.signatureValue.valueBlock.valueHexView)).toBe(true)
  })

  test('the signature covers the attributes as a SET', () => {
    const attributes = Buffer.from(signer.signedAttrs!.toSchema().toBER())
    attributes[0] = 0x31
    const signature = signer.signature.valueBlock.valueHexView
    expect(verify('sha256', attributes, key.publicKey, signature)).toBe(true)
  })

  test('pkijs verifies it with another implementation of RSA, and not when a bit of the content turns', async () => {
    await usePeculiarCrypto()
    const options = { signer: 0, trustedCerts: [], checkChain: false }
    expect(await signed.verify(options)).toBe(true)
    const turned = Uint8Array.from(bytes)
    turned[Buffer.from(bytes).indexOf(roaInput.eContent) + roaInput.eContent.length - 1]! ^= 1
    await expect(readSignedData(turned).verify(options)).rejects.toThrow()
  })

  test('OpenSSL verifies it and returns the content', (context) => {
    const openssl = findProgram('openssl')
    if (openssl === undefined) return context.skip('openssl is missing')
    const folder = mkdtempSync(join(tmpdir(), 'brine-cms-'))
    try {
      writeFileSync(join(folder, 'a.roa'), bytes)
      const args = ['cms', '-verify', '-noverify', '-inform', 'DER', '-in', join(folder, 'a.roa'), '-binary']
      expect(toHex(execFileSync(openssl, args, { stdio: 'pipe' }))).toBe(toHex(roaInput.eContent))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('signingTime is GeneralizedTime from 2050', async () => {
    const late = { ...roaInput, signingTime: at('2050-01-01T00:00:00Z') }
    const [time] = readSignedData(await signObject(late)).signerInfos[0]?.signedAttrs?.attributes[1]?.values ?? []
    expect(time).toMatchObject({ idBlock: { tagNumber: 24 } })
  })
})

test('a protocol message carries a CRL as well (RFC 6492 section 3.1)', async () => {
  const crl = Uint8Array.from([0x30, 0])
  const certificate = Uint8Array.from([0x30, 2, 5, 0])
  const bytes = await signData({
    contentType: '1.2.840.113549.1.9.16.1.28',
    eContent: Uint8Array.of(1),
    signingTime: COMMON.signingTime,
    certificates: [certificate],
    crls: [crl],
    key,
  })
  const [, explicit] = members(readAsn1(bytes))
  const tags = members(members(explicit)[0]).map((m) => [m.idBlock.tagClass, m.idBlock.tagNumber])
  expect(tags).toEqual([
    [1, 2],
    [1, 17],
    [1, 16],
    [3, 0],
    [3, 1],
    [1, 17],
  ])
})

describe('a manifest', () => {
  test('as a signed object it inherits all resources for exactly its own time', async () => {
    const signed = readSignedData(await signObject(mftInput))
    expect(signed.encapContentInfo.eContentType).toBe('1.2.840.113549.1.9.16.1.26')
    const ee = signed.certificates?.[0] as Certificate
    expect(extensionOf(ee.extensions, '1.3.6.1.5.5.7.1.7')?.hex).toBe('301030060402000105003006040200020500')
    expect(extensionOf(ee.extensions, '1.3.6.1.5.5.7.1.8')?.hex).toBe('3004a0020500')
    expect([ee.notBefore.value, ee.notAfter.value]).toEqual([
      new Date(MANIFEST.thisUpdate),
      new Date(MANIFEST.nextUpdate),
    ])
  })

  test.each([0, 1, 130, 3000])('with %i more files an EE certificate of another time is a TypeError', async (count) => {
    const more = Array.from({ length: count }, (_, i) => ({ name: `f${i}.roa`, sha256: new Uint8Array(32) }))
    const eContent = encodeManifest({ ...MANIFEST, files: [...MANIFEST.files, ...more] })
    await expect(signObject({ ...mftInput, eContent })).resolves.toBeInstanceOf(Uint8Array)
    for (const change of [{ notBefore: at('2026-11-21T23:15:01Z') }, { notAfter: at('2026-11-22T23:19:59Z') }])
      await expect(signObject({ ...mftInput, eContent, ee: { ...mftInput.ee, ...change } })).rejects.toThrow(TypeError)
  })
})
