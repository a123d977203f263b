/** Manifest contents: octets as asn1js reads them, the strict decoder, the profile. */
import { createHash } from 'node:crypto'
import type { BitString, GeneralizedTime, IA5String, Integer, ObjectIdentifier } from 'asn1js'
import { describe, expect, it, test } from 'vitest'
import { toHex } from '../../../src/core/base/bytes.js'
import type { Instant } from '../../../src/core/base/time.js'
import {
  checkManifestContent,
  decodeManifest,
  encodeManifest,
  type ManifestContent,
  manifestResources,
} from '../../../src/core/rpki/manifest.js'
import { members, readAsn1 } from '../../support/rpki/independent-reader.js'
import { survivors } from '../../support/rpki/mutants.js'
import { manifestContent } from '../../support/rpki/objects.js'
import { FROM, TO } from '../../support/rpki/parts.js'

const at = (text: string): Instant => text as Instant
const MANIFEST: ManifestContent = {
  number: 2n ** 152n,
  thisUpdate: at('2026-11-21T23:15:00Z'),
  nextUpdate: at('2026-11-22T23:20:00Z'),
  files: ['b.roa', 'B.crl', 'a.roa'].map((name) => ({ name, sha256: createHash('sha256').update(name).digest() })),
}

const rules = (findings: readonly { readonly rule: string }[]): readonly string[] => findings.map((f) => f.rule)

describe('encodeManifest', () => {
  test('number, times, algorithm, files by name; no version', () => {
    const [number, thisUpdate, nextUpdate, algorithm, list, ...rest] = members(readAsn1(encodeManifest(MANIFEST)))
    expect((number as Integer).toBigInt()).toBe(MANIFEST.number)
    expect([thisUpdate, nextUpdate].map((t) => t?.idBlock.tagNumber)).toEqual([24, 24])
    expect((thisUpdate as GeneralizedTime).toDate()).toEqual(new Date(MANIFEST.thisUpdate))
    expect((nextUpdate as GeneralizedTime).toDate()).toEqual(new Date(MANIFEST.nextUpdate))
    expect((algorithm as ObjectIdentifier).getValue()).toBe('2.16.840.1.101.3.4.2.1')
    const files = members(list).map((file) => {
      const [name, hash] = members(file)
      return [(name as IA5String).valueBlock.value, toHex((hash as BitString).valueBlock.valueHexView)]
    })
    const hash = (name: string): string => createHash('sha256').update(name).digest('hex')
    expect(files).toEqual(['B.crl', 'a.roa', 'b.roa'].map((name) => [name, hash(name)]))
    expect(rest).toEqual([])
  })

  test.each<[string, Partial<ManifestContent>]>([
    ['no files', { files: [] }],
    ['times reversed', { thisUpdate: MANIFEST.nextUpdate }],
    ['a negative number', { number: -1n }],
    ['a number of 160 bits', { number: 1n << 159n }],
    ['a name twice', { files: [MANIFEST.files[0]!, MANIFEST.files[1]!, MANIFEST.files[0]!] }],
    ['a slash', { files: [{ name: 'a/b.roa', sha256: new Uint8Array(32) }] }],
    ['two dots', { files: [{ name: 'a.b.roa', sha256: new Uint8Array(32) }] }],
    ['a line break', { files: [{ name: 'a.roa\n', sha256: new Uint8Array(32) }] }],
    ['a short hash', { files: [{ name: 'a.roa', sha256: new Uint8Array(20) }] }],
  ])('%s is a TypeError', (_, change) => {
    expect(() => encodeManifest({ ...MANIFEST, ...change })).toThrow(TypeError)
  })
})

describe('decodeManifest', () => {
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

  it('has a finding about every element that is changed', () => {
    expect(survivors(manifestContent(), decodeManifest)).toEqual([])
  })
})

describe('checkManifestContent', () => {
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
})

test('a manifest inherits all three', () => {
  expect(manifestResources()).toEqual({ asn: 'inherit', ipv4: 'inherit', ipv6: 'inherit' })
})
