/** CRLs as pkijs reads them, and the strict decoder. */
import { verify } from 'node:crypto'
import type { Integer } from 'asn1js'
import { PublicKeyInfo } from 'pkijs'
import { describe, expect, it, test } from 'vitest'
import type { Instant } from '../../../src/core/base/time.js'
import { type CrlContent, decodeCrl, signCrl } from '../../../src/core/rpki/crl.js'
import { extensionOf, readAsn1, readCrl, usePeculiarCrypto } from '../../support/rpki/independent-reader.js'
import { survivors } from '../../support/rpki/mutants.js'
import { crl } from '../../support/rpki/objects.js'
import { CA, FROM, TO } from '../../support/rpki/parts.js'
import { testKey } from '../../support/rpki/test-keys.js'

const ca = testKey('ca')
const at = (text: string): Instant => text as Instant

describe('signCrl', async () => {
  const content: CrlContent = {
    issuer: ca.id,
    aki: ca.id,
    thisUpdate: at('2049-12-31T12:00:00Z'),
    nextUpdate: at('2050-01-01T12:00:00Z'),
    number: 300n,
    revoked: [
      { serial: 1n << 150n, revokedAt: at('2026-03-01T00:00:00Z') },
      { serial: 3n, revokedAt: at('2050-01-01T00:00:00Z') },
    ],
  }
  const bytes = await signCrl(content, ca.sign)
  const read = readCrl(bytes)

  test('version 2, exactly AKI and number, entries sorted by serial without extensions', () => {
    expect(read.version).toBe(1)
    expect(read.issuer.typesAndValues[0]?.value.valueBlock.value).toBe(ca.id)
    expect(read.thisUpdate).toMatchObject({ type: 0, value: new Date('2049-12-31T12:00:00Z') })
    expect(read.nextUpdate).toMatchObject({ type: 1, value: new Date('2050-01-01T12:00:00Z') })
    const { extensions } = read.crlExtensions ?? { extensions: [] }
    expect(extensions.map((e) => e.extnID)).toEqual(['2.5.29.35', '2.5.29.20'])
    expect(extensionOf(extensions, '2.5.29.35')).toEqual({ critical: false, hex: `30168014${ca.id.toLowerCase()}` })
    expect(extensionOf(extensions, '2.5.29.20')).toEqual({ critical: false, hex: '0202012c' })
    const revoked = read.revokedCertificates ?? []
    expect(revoked.map((e) => [(e.userCertificate as Integer).toBigInt(), e.revocationDate.type])).toEqual([
      [3n, 1],
      [1n << 150n, 0],
    ])
    expect(revoked.map((e) => e.crlEntryExtensions)).toEqual([undefined, undefined])
  })

  test('the signature verifies', async () => {
    expect(
      verify('sha256', new Uint8Array(read.tbsView), ca.publicKey, read.signatureValue.valueBlock.valueHexView),
    ).toBe(true)
    await usePeculiarCrypto()
    expect(await read.verify({ publicKeyInfo: new PublicKeyInfo({ schema: readAsn1(ca.spki) }) })).toBe(true)
  })

  test('revokedCertificates is absent when nothing is revoked', async () => {
    const empty = readCrl(await signCrl({ ...content, revoked: [] }, ca.sign))
    expect(empty.revokedCertificates).toBeUndefined()
    expect(empty.crlExtensions?.extensions.length).toBe(2)
  })

  test('10,000 entries come back', async () => {
    const revoked = Array.from({ length: 10_000 }, (_, i) => ({
      serial: ((BigInt(i) * 0x9e3779b97f4a7c15f39cc0605cedc834n) % (1n << 159n)) + 1n,
      revokedAt: at('2026-03-01T00:00:00Z'),
    }))
    const serials = readCrl(await signCrl({ ...content, revoked }, ca.sign)).revokedCertificates?.map((e) =>
      (e.userCertificate as Integer).toBigInt(),
    )
    expect(serials).toEqual(revoked.map((e) => e.serial).sort((a, b) => (a < b ? -1 : 1)))
  })

  test.each<[string, Partial<CrlContent>]>([
    ['a negative number', { number: -1n }],
    ['a number of 160 bits', { number: 1n << 159n }],
    ['times reversed', { nextUpdate: content.thisUpdate }],
    ['a serial twice', { revoked: [content.revoked[0]!, content.revoked[1]!, content.revoked[0]!] }],
    ['serial 0', { revoked: [{ serial: 0n, revokedAt: content.thisUpdate }] }],
  ])('%s is a TypeError', async (_, change) => {
    await expect(signCrl({ ...content, ...change }, ca.sign)).rejects.toThrow(TypeError)
  })
})

describe('decodeCrl', () => {
  it('reads a CRL into the value that the encoder takes', () => {
    expect(decodeCrl(crl()).content).toMatchObject({
      issuer: CA.name,
      number: 7n,
      revoked: [{ serial: 99n }],
      thisUpdate: FROM,
      nextUpdate: TO,
    })
  })

  it('has a finding about every element that is changed', () => {
    expect(survivors(crl(), decodeCrl)).toEqual([])
  })
})
