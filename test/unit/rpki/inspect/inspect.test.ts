/** `inspectObject` on files of other origin: real objects, files that are not objects, damaged ones. It never throws. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Instant } from '../../../../src/core/base/time.js'
import { type Inspection, inspectObject } from '../../../../src/core/rpki/inspect/inspect.js'
import { peerDataDir } from '../../../support/peers/validators.js'
import { GOOD } from '../../../support/rpki/defect-matrix.js'
import { certificate, manifest, manifestContent, roa } from '../../../support/rpki/objects.js'
import { NOW, TA, TA_URI } from '../../../support/rpki/parts.js'

const objects = join(peerDataDir, 'objects')
const inspect = (file: string, bytes: Uint8Array | string, now = NOW): Promise<Inspection> =>
  inspectObject(file, typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes, now)
const broken = ({ faults }: Inspection): readonly string[] =>
  faults.filter((f) => f.tolerated !== true).map((f) => f.rule)

describe.skipIf(!existsSync(objects))('objects that other implementations made', () => {
  const real = (name: string, now: string): Promise<Inspection> =>
    inspect(name, readFileSync(join(objects, name)), now as Instant)

  it.each([
    ['ta.cer', '2019-04-06T12:00:00Z', 'certificate'],
    ['ca1.cer', '2019-04-06T12:00:00Z', 'certificate'],
    ['ca1.crl', '2019-04-06T12:00:00Z', 'crl'],
    ['ca1.mft', '2019-04-06T12:00:00Z', 'manifest'],
    ['example-ripe.roa', '2019-06-10T00:00:00Z', 'roa'],
  ])('accepts %s at %s', async (name, now, type) => {
    const inspection = await real(name, now)
    expect(broken(inspection)).toEqual([])
    expect(inspection).toMatchObject({ type, accepted: true })
  })

  it('reads the ROA in BER and reports the encoding', async () => {
    const { fields, ee, faults } = await real('example-ripe.roa', '2019-06-10T00:00:00Z')
    expect(fields).toMatchObject({ asn: 209870, vrps: [{ asn: 209870, prefix: '2a0c:b642:fc0::/43', maxLength: 43 }] })
    expect(ee).toMatchObject({ serial: '03C7D806', ski: '61879C60A53523A47E847A710EB387EFFCF3C95C' })
    expect(faults.map((f) => f.rule)).toContain('X.690 section 10.1')
  })

  it('refuses the ROA only for its age when it has expired', async () => {
    expect(broken(await real('example-ripe.roa', '2026-01-01T00:00:00Z'))).toEqual(['RFC 6487 section 4.6'])
  })

  it('refuses the ROA whose maxLength is above 32, under its section', async () => {
    expect(broken(await real('maxlen-overflow.roa', '2021-08-01T00:00:00Z'))).toContain('RFC 9582 section 4.3.2.2')
  })

  it('recognises a router certificate', async () => {
    const inspection = await real('router.cer', '2021-01-01T00:00:00Z')
    expect(inspection.type).toBe('router-certificate')
    expect(broken(inspection)).toEqual(['RFC 8209 section 3.1.3.5'])
  })
})

describe('files that are not objects', () => {
  it.each([
    ['nothing', ''],
    ['text', 'hello world\n'],
    ['XML', '<notification xmlns="http://www.ripe.net/rpki/rrdp"/>'],
    ['8 MB of junk', new Uint8Array(8_000_000).fill(0xa5)],
    ['8 MB of sequence tags', new Uint8Array(8_000_000).fill(0x30)],
    ['deep nesting', new Uint8Array(Buffer.from('3080'.repeat(100_000), 'hex'))],
    ['a short sequence', new Uint8Array([0x30, 0])],
    ['more than 8,000,000 octets', new Uint8Array(8_000_001)],
  ])('given %s, then it reports that', async (_what, bytes) => {
    const inspection = await inspect('x.roa', bytes)
    expect(inspection).toMatchObject({ type: 'unknown', accepted: false })
    // no name that contradicts it
    expect(await inspect('x', bytes)).toMatchObject({ accepted: false, verdict: 'invalid' })
    expect(inspection.faults.length).toBeGreaterThan(0)
  })

  it('removes PEM armour and reports it', async () => {
    const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(certificate('ca')).toString('base64')}\n-----END CERTIFICATE-----\n`
    const inspection = await inspect('x.cer', pem)
    expect(inspection.type).toBe('certificate')
    expect(broken(inspection)).toEqual(['RFC 6487 section 4'])
  })

  it('does not read private keys', async () => {
    const { fields } = await inspect('x.cer', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n')
    expect(fields).toEqual({})
  })
})

describe('names and types', () => {
  it('finds the type in the content and refuses a name of another type', async () => {
    expect(await inspect('a.mft', roa())).toMatchObject({ type: 'roa', accepted: false })
    expect(broken(await inspect('a.mft', roa()))).toEqual(['RFC 6481 section 2.2'])
    expect(await inspect('AS64496.roa', roa())).toMatchObject({ type: 'roa', accepted: true, faults: [] })
  })

  it('reports that the signedObject URI names another file', async () => {
    expect((await inspect('copy.roa', roa())).faults).toMatchObject([
      { rule: 'RFC 6487 section 4.8.8.2', tolerated: true },
    ])
  })

  it('reads a trust anchor locator', async () => {
    const text = `# ours\n${TA_URI}\n\n${Buffer.from(TA.spki).toString('base64')}\n`
    expect(await inspect('ta.tal', text)).toMatchObject({
      type: 'tal',
      accepted: true,
      fields: { uris: [TA_URI], ski: TA.name, key: { bits: 2048 } },
    })
  })

  it('is plain JSON', async () => {
    for (const { path, bytes } of GOOD) {
      const inspection = await inspect(path, bytes())
      expect(JSON.parse(JSON.stringify(inspection))).toEqual(inspection)
    }
  })

  it('reads a manifest of 5,000 files, by both readers', async () => {
    const many = manifestContent((p) => {
      for (let i = 0; i < 5000; i++) p.files.push([`a${i}.roa`, Buffer.from(i.toString(16).padStart(64, '0'), 'hex')])
    })
    expect(broken(await inspect('m.mft', manifest(undefined, many)))).toEqual([])
  })
})

describe('damage', () => {
  const good = GOOD.map(({ path, bytes }) => ({ path, bytes: Buffer.from(bytes()) }))

  it('never throws and never accepts a flipped bit of a signed object', async () => {
    const signed = good.filter(({ path }) => /\.(roa|mft|asa)$/.test(path) || path.endsWith('ta.cer'))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...signed),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async ({ path, bytes }, place, mask) => {
          const damaged = Buffer.from(bytes)
          const offset = place % damaged.length
          damaged[offset] = (damaged[offset] ?? 0) ^ mask
          const { faults } = await inspect(path, damaged)
          expect(faults.length + (isEeSignature(bytes, offset) ? 1 : 0)).toBeGreaterThan(0)
        },
      ),
      { numRuns: 400 },
    )
  })

  it('never throws on truncated, spliced and random bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...good),
        fc.nat(),
        fc.uint8Array({ maxLength: 40 }),
        fc.nat(60),
        async ({ path, bytes }, place, insert, drop) => {
          const offset = place % bytes.length
          const damaged = Buffer.concat([bytes.subarray(0, offset), insert, bytes.subarray(offset + drop)])
          expect(await inspect(path, damaged)).toHaveProperty('faults')
          expect(await inspect(path, insert)).toMatchObject({ accepted: false })
        },
      ),
      { numRuns: 300 },
    )
  })
})

/** Returns true for an octet of the EE certificate's to-be-signed part or signature: its signing key is not in the object, so it is verified elsewhere. */
function isEeSignature(bytes: Buffer, offset: number): boolean {
  const start = bytes.indexOf(Buffer.from('a003020102', 'hex')) - 8
  return start >= 0 && offset >= start && offset < start + 1400
}
