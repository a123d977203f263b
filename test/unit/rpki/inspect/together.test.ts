/** Files that are inspected together are checked against each other; without their relatives each is checked on its own. */
import { describe, expect, it } from 'vitest'
import { integer, seq, utcOrGeneralized } from '../../../../src/core/der/writer.js'
import { type Inspection, inspectTogether, type NamedBytes } from '../../../../src/core/rpki/inspect/inspect.js'
import { encodeTal } from '../../../../src/core/rpki/tal.js'
import { type CertPatch, certificate, crl, manifest, manifestContent, roa } from '../../../support/rpki/objects.js'
import {
  as,
  at,
  CA,
  INHERIT_AS,
  INHERIT_IP,
  ip,
  NOW,
  name,
  OTHER,
  prefix,
  sha256,
  TA,
  TA_URI,
  v4,
} from '../../../support/rpki/parts.js'
import { checklist, trustAnchorKey } from '../../../support/rpki/read-only-objects.js'

const ROA = roa()
const CRL = crl()
const listing = (files: readonly (readonly [string, Uint8Array])[], number = 7): Uint8Array =>
  manifest(
    undefined,
    manifestContent((p) => {
      p.number = integer(number)
      p.files = files.map(([file, bytes]) => [file, sha256(bytes)])
    }),
  )
const CRL_NAME = `${CA.name}.crl`

/** A complete set of files in which nothing is wrong; `files` replaces some by name. */
function set(files: Readonly<Record<string, Uint8Array | undefined>> = {}): readonly NamedBytes[] {
  const all: Record<string, Uint8Array | undefined> = {
    'ta.tal': Buffer.from(encodeTal({ comments: [], uris: [TA_URI], spki: TA.spki })),
    'ta.cer': certificate('ta'),
    'ca.cer': certificate('ca'),
    [CRL_NAME]: CRL,
    [`${CA.name}.mft`]: listing([
      [CRL_NAME, CRL],
      ['AS64496.roa', ROA],
    ]),
    'AS64496.roa': ROA,
    ...files,
  }
  return Object.entries(all).flatMap(([file, bytes]) => (bytes === undefined ? [] : [{ name: file, bytes }]))
}

/** Returns `file: rule` of each finding. */
async function findings(files: readonly NamedBytes[]): Promise<readonly string[]> {
  const all: readonly Inspection[] = await inspectTogether(files, NOW)
  return all.flatMap(({ file, faults }) => faults.map(({ rule }) => `${file}: ${rule}`))
}

describe('files given together', () => {
  it('are accepted where they agree, and say what each was checked against', async () => {
    const all = await inspectTogether(set(), NOW)
    expect(all.flatMap(({ faults }) => faults)).toEqual([])
    expect(Object.fromEntries(all.map(({ file, checkedAgainst }) => [file, checkedAgainst]))).toEqual({
      'ta.tal': undefined,
      'ta.cer': { tal: 'ta.tal' },
      'ca.cer': { issuer: 'ta.cer' },
      [CRL_NAME]: { issuer: 'ca.cer', manifest: `${CA.name}.mft` },
      [`${CA.name}.mft`]: { issuer: 'ca.cer', crl: CRL_NAME },
      'AS64496.roa': { issuer: 'ca.cer', crl: CRL_NAME, manifest: `${CA.name}.mft` },
    })
  })

  const ca = (patch: CertPatch): Readonly<Record<string, Uint8Array>> => ({ 'ca.cer': certificate('ca', patch) })
  const RULE = 'RFC 6487 section 7.2'
  it.each<[string, Readonly<Record<string, Uint8Array | undefined>>, readonly string[]]>([
    [
      'a TAL of another key',
      { 'ta.tal': Buffer.from(encodeTal({ comments: [], uris: [TA_URI], spki: OTHER.spki })) },
      ['ta.cer: RFC 8630 section 3'],
    ],
    [
      'a certificate that another key signed',
      ca((p) => {
        p.signer = OTHER
      }),
      [`ca.cer: ${RULE}`],
    ],
    [
      'a certificate that names another issuer',
      ca((p) => {
        p.issuer = name('other')
      }),
      [`ca.cer: ${RULE}`],
    ],
    [
      'a CRL that another key signed',
      {
        [CRL_NAME]: undefined,
        'x.crl': crl((p) => {
          p.signer = OTHER
        }),
      },
      [`x.crl: ${RULE}`, 'x.crl: RFC 9286 section 6.4'],
    ],
    [
      'a ROA that its EE certificate permits and its CA does not',
      ca((p) => {
        p.extensions.ip = ip(v4(prefix([192, 0, 2])))
      }),
      [`AS64496.roa: ${RULE}`],
    ],
    [
      'a CA that has more AS numbers than the trust anchor',
      {
        'ta.cer': certificate('ta', (p) => {
          p.extensions.as = as(integer(1))
        }),
      },
      [`ca.cer: ${RULE}`],
    ],
    [
      'a ROA under a CA that inherits from a trust anchor without the prefix',
      {
        'ta.cer': certificate('ta', (p) => {
          p.extensions.ip = ip(v4(prefix([192])))
        }),
        ...ca((p) => {
          p.extensions.ip = INHERIT_IP
          p.extensions.as = INHERIT_AS
        }),
      },
      [`AS64496.roa: ${RULE}`],
    ],
    [
      'a revoked ROA',
      {
        [CRL_NAME]: undefined,
        'new.crl': crl((p) => {
          p.revoked = seq(seq(integer(4711), utcOrGeneralized(at('2026-05-01T00:00:00Z'))))
        }),
      },
      [`${CA.name}.mft: ${RULE}`, `AS64496.roa: ${RULE}`, 'new.crl: RFC 9286 section 6.4'],
    ],
    [
      'a ROA that is not the one on the manifest',
      {
        'AS64496.roa': roa(undefined, undefined, (p) => {
          p.serial = integer(5)
        }),
      },
      ['AS64496.roa: RFC 9286 section 6.5'],
    ],
    [
      'a ROA that is not on the manifest',
      {
        'AS64496.roa': undefined,
        'AS1.roa': roa(undefined, undefined, (p) => {
          p.serial = integer(5)
        }),
      },
      ['AS1.roa: RFC 6487 section 4.8.8.2', 'AS1.roa: RFC 9286 section 6.4'],
    ],
    ['a TAK of its trust anchor', { [`${TA.name}.tak`]: trustAnchorKey() }, []],
    [
      'a TAK whose current key is not the one of its trust anchor',
      { [`${TA.name}.tak`]: trustAnchorKey(CA.spki, OTHER.spki) },
      [`${TA.name}.tak: RFC 9691 section 2.3`],
    ],
    ['a checklist, which is on no manifest', { 'a.sig': checklist() }, []],
  ])('with %s', async (_, files, expected) => {
    expect(await findings(set(files))).toEqual(expected)
  })

  it('uses the newest manifest of a CA', async () => {
    const old = listing([[CRL_NAME, CRL]], 6)
    expect(await findings(set({ 'old.mft': old }))).toEqual(['old.mft: RFC 6487 section 4.8.8.2'])
  })

  it('are checked alone where their relatives are absent', async () => {
    const alone = set().filter(({ name: file }) => file === 'AS64496.roa')
    const [inspection] = await inspectTogether(alone, NOW)
    expect([inspection?.verdict, inspection?.checkedAgainst]).toEqual(['valid', undefined])
  })
})
