/** Checklists (RFC 9323), trust anchor keys (RFC 9691) and prefix lists are decoded with their content, and their defects are findings. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Instant } from '../../../src/core/base/time.js'
import { ia5, octets, seq } from '../../../src/core/der/writer.js'
import { inspectObject } from '../../../src/core/rpki/inspect/inspect.js'
import { peerDataDir } from '../../support/peers/validators.js'
import { certificate, manifest, signedObject } from '../../support/rpki/objects.js'
import { access, CA, CA_REPO, NOW, prefix, sha256, sia, TA, TA_URI } from '../../support/rpki/parts.js'
import { checklist, prefixList, trustAnchorKey } from '../../support/rpki/read-only-objects.js'

const rules = async (file: string, bytes: Uint8Array): Promise<readonly string[]> =>
  (await inspectObject(file, bytes, NOW)).faults.map(({ rule }) => rule)
const hashOf = (text: string): Uint8Array => sha256(Buffer.from(text))

describe('a signed checklist', () => {
  it('is shown with its resources and files', async () => {
    expect(await inspectObject('letter.sig', checklist(), NOW)).toMatchObject({
      type: 'checklist',
      verdict: 'valid',
      fields: {
        resources: { asn: 'AS64496', ipv4: '10.0.0.0/24' },
        files: [
          { name: 'letter.pdf', sha256: Buffer.from(hashOf('a')).toString('hex') },
          { name: null, sha256: Buffer.from(hashOf('b')).toString('hex') },
        ],
      },
      ee: { kind: 'ee', sia: null },
    })
  })

  it.each([
    ['a name twice', [seq(ia5('a'), octets(hashOf('a'))), seq(ia5('a'), octets(hashOf('b')))], 'RFC 9323 section 4.4'],
    ['a path as name', [seq(ia5('a/b'), octets(hashOf('a')))], 'RFC 9323 section 4.4.1'],
    ['a short hash', [seq(octets(hashOf('a').subarray(1)))], 'RFC 9323 section 4.4'],
    ['no file', [], 'RFC 9323 section 4.4'],
  ])('with %s is refused', async (_, files, rule) => {
    expect(await rules('a.sig', checklist(files))).toContain(rule)
  })

  it('whose EE certificate has a subject information access is refused', async () => {
    const bytes = checklist(undefined, (p) => {
      p.extensions.sia = sia(access(11, `${CA_REPO}letter.sig`))
    })
    expect(await rules('letter.sig', bytes)).toEqual(['RFC 9323 section 2'])
  })

  it('whose resources its EE certificate does not have is refused', async () => {
    const bytes = checklist(undefined, (p) => {
      delete p.extensions.ip
    })
    expect(await rules('letter.sig', bytes)).toEqual(['RFC 9323 section 5'])
  })
})

describe('trust anchor keys', () => {
  it('are shown by their identifiers', async () => {
    const file = `${TA.name}.tak`
    expect(await inspectObject(file, trustAnchorKey(), NOW)).toMatchObject({
      type: 'trust-anchor-key',
      verdict: 'valid',
      fields: { current: { comments: ['ours'], uris: [TA_URI], ski: TA.name }, successor: { ski: CA.name } },
    })
  })
})

describe('a signed prefix list', () => {
  it('is shown', async () => {
    expect(await inspectObject('AS64496.spl', prefixList(), NOW)).toMatchObject({
      type: 'prefix-list',
      verdict: 'valid',
      fields: { asn: 64496, prefixes: ['10.0.0.0/24', '10.0.1.0/24', '2001:db8::/32'] },
    })
  })

  it.each([
    ['out of order', [prefix([10, 0, 1]), prefix([10, 0, 0])]],
    ['listed twice', [prefix([10, 0, 0]), prefix([10, 0, 0])]],
  ])('with a prefix %s is refused', async (_, prefixes) => {
    expect(await rules('AS64496.spl', prefixList(prefixes))).toEqual(['SPL profile section 3'])
  })
})

it('a signed object of an unknown content type says that it is not decoded', async () => {
  const bytes = signedObject('mft', new Uint8Array([5, 0]), certificate('mft-ee', undefined, 'a.bin'), (parts) => {
    parts.contentType = '1.2.840.113549.1.9.16.1.99'
  })
  const { type, fields } = await inspectObject('a.bin', bytes, NOW)
  expect([type, fields]).toEqual([
    'signed-object',
    expect.objectContaining({ content: expect.stringContaining('not decoded') }),
  ])
  expect((await inspectObject('a.mft', manifest(), NOW)).fields).not.toHaveProperty('content')
})

const peers = join(peerDataDir, 'rpki-commons')
describe.skipIf(!existsSync(peers))('objects that other implementations made', () => {
  const real = (path: string, now: string) => inspectObject(path, readFileSync(join(peers, path)), now as Instant)

  it.each([
    ['tak-rsc/42AE70A64DA711EDB37796549E174E93.tak', '2022-11-01T00:00:00Z', 'trust-anchor-key'],
    ['tak-rsc/05F53BCE4DAA11EDB9AC0C5B9E174E93.tak', '2022-11-01T00:00:00Z', 'trust-anchor-key'],
    ['tak-rsc/B7C2334E4DA911EDAF862D5A9E174E93.tak', '2022-11-01T00:00:00Z', 'trust-anchor-key'],
    ['tak-rsc/checklist-08.sig', '2023-05-27T00:00:00Z', 'checklist'],
  ])('accepts %s', async (path, now, type) => {
    const { faults, ...inspection } = await real(path, now)
    expect(faults.filter((f) => f.tolerated !== true)).toEqual([])
    expect(inspection).toMatchObject({ type, verdict: 'untidy' })
  })

  it('shows the files of a checklist', async () => {
    const { fields } = await real('tak-rsc/checklist-08.sig', '2023-05-27T00:00:00Z')
    expect(fields).toMatchObject({ files: [{ name: 'b42_ipv6_loa.png' }, { name: null }] })
  })
})
