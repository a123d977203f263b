/** The table of object kinds: names, and for every kind an encoder, a strict decoder and a profile that agree. */
import { describe, expect, it } from 'vitest'
import { roaAggregateFileName, roaFileName } from '../../../src/core/resources/roa-payload.js'
import {
  fileName,
  kindOf,
  knownKind,
  OBJECT_KINDS,
  type ObjectKind,
  READABLE_TYPES,
} from '../../../src/core/rpki/object-kinds.js'
import { decodeCertificate } from '../../../src/core/rpki/x509/decode-certificate.js'
import type { DecodedCertificate } from '../../../src/core/rpki/x509/types.js'
import { NAMED_ROUTER } from '../../support/rpki/ee-defects.js'
import { aspaContent, certificate, crl, manifestContent, roaContent } from '../../support/rpki/objects.js'
import { CA, TA } from '../../support/rpki/parts.js'

describe('names', () => {
  it.each([
    ['AS64496.roa', 'roa'],
    [roaAggregateFileName(64496), 'roa'],
    [roaFileName({ asn: 64496, prefix: { family: 4, address: 0n, length: 0 }, maxLength: 0 }), 'roa'],
    ['AS64496.asa', 'asa'],
    [`${CA.name}.cer`, 'cer'],
    [`ROUTER-0000FBF0-${CA.name}.cer`, 'router'],
    [`${CA.name}.mft`, 'mft'],
    [`${CA.name}.crl`, 'crl'],
  ])('%s is of kind %s', (name, kind) => {
    expect(kindOf(name)).toBe(kind)
    expect(knownKind(name)).toBe(kind)
  })

  it.each(['AS64496.gbr', 'ta.tal', 'x.ROA', 'x.roa.bak', 'roa', '.roa', ''])('%j is of no kind', (name) => {
    expect(kindOf(name)).toBeUndefined()
    expect(() => knownKind(name)).toThrow(
      expect.objectContaining({
        code: 'object-kind-unknown',
        message: expect.stringContaining('.roa .asa .cer .mft .crl'),
      }),
    )
  })

  it('come from the suffix of the kind', () => {
    expect(Object.keys(OBJECT_KINDS).map((kind) => fileName(kind as ObjectKind, 'x'))).toEqual([
      'x.roa',
      'x.asa',
      'x.cer',
      'x.cer',
      'x.cer',
      'x.mft',
      'x.crl',
    ])
  })
})

/** A good object of each kind: the whole file, for signed objects the eContent. */
const GOOD: Readonly<Record<ObjectKind, Uint8Array>> = {
  roa: roaContent(),
  asa: aspaContent(),
  cer: certificate('ca'),
  router: certificate('router', NAMED_ROUTER),
  ta: certificate('ta'),
  mft: manifestContent(),
  crl: crl(),
}

describe.each(Object.keys(GOOD) as readonly ObjectKind[])('kind %s', (kind) => {
  it('decodes a good object, and its profile accepts the content', async () => {
    const codec = await OBJECT_KINDS[kind].codec()
    const { content, findings } = codec.decode(GOOD[kind], undefined)
    expect(findings).toEqual([])
    expect(content).toBeDefined()
    expect((codec.profile as (value: unknown) => unknown)(content)).toEqual([])
  })

  it('loads its codec once', () => {
    expect(OBJECT_KINDS[kind].codec()).toBe(OBJECT_KINDS[kind].codec())
  })
})

describe('encoders', () => {
  it.each(['roa', 'mft'] as const)('of %s write what the decoder reads', async (kind) => {
    const { encode, decode } = await OBJECT_KINDS[kind].codec()
    const { content } = decode(GOOD[kind], undefined)
    expect(Buffer.from((encode as (value: unknown) => Uint8Array)(content))).toEqual(Buffer.from(GOOD[kind]))
  })

  it.each(['cer', 'ta'] as const)('of %s write what the decoder reads', async (kind) => {
    const { encode, decode } = await OBJECT_KINDS[kind].codec()
    const content = decode(GOOD[kind]).content as DecodedCertificate
    const written = await encode(content, async () => content.signature)
    expect(Buffer.from(written)).toEqual(Buffer.from(GOOD[kind]))
    expect(decodeCertificate(written).content?.subject).toBe(kind === 'ta' ? TA.name : CA.name)
  })

  it('of router write what the decoder reads', async () => {
    const { encode, decode } = await OBJECT_KINDS.router.codec()
    const { content } = decode(GOOD.router)
    if (content === undefined) throw new Error('no content')
    expect(Buffer.from(await encode(content, async () => content.signature))).toEqual(Buffer.from(GOOD.router))
  })

  it('of crl write what the decoder reads', async () => {
    const { encode, decode } = await OBJECT_KINDS.crl.codec()
    const { content } = decode(GOOD.crl)
    if (content === undefined) throw new Error('no content')
    expect(Buffer.from(await encode(content, async () => content.signature))).toEqual(Buffer.from(GOOD.crl))
  })
})

it('reads ghostbusters records, checklists, trust anchor keys and prefix lists, and publishes none of them', () => {
  expect(READABLE_TYPES.map(({ suffix, type }) => [suffix, type])).toEqual([
    ['.roa', 'roa'],
    ['.asa', 'aspa'],
    ['.mft', 'manifest'],
    ['.gbr', 'ghostbusters'],
    ['.sig', 'checklist'],
    ['.tak', 'trust-anchor-key'],
    ['.spl', 'prefix-list'],
  ])
})
