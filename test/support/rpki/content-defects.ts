/** Single defects of the contents of signed objects: the change, and the rule that it breaks. Names are those of the matrix of validators. */
import {
  type Der,
  explicit,
  generalized,
  integer,
  octets,
  oid,
  seq,
  seqOf,
  utcOrGeneralized,
} from '../../../src/core/der/writer.js'
import type { AspaParts, ManifestParts, RoaParts } from './objects.js'
import { at, CA, FROM, prefix, sha256, TO, v4, v6 } from './parts.js'
import { type Expectation, field } from './patches.js'

type Defects<P> = Readonly<Record<string, readonly [(parts: P) => void, Expectation]>>
const roa = field<RoaParts>()
const mft = field<ManifestParts>()
const aspa = field<AspaParts>()
const gt = (text: string): Der => ({ tag: 0x18, content: text, size: text.length })
const entry = (address: Der, maxLength?: Der): Der => (maxLength === undefined ? seq(address) : seq(address, maxLength))

/** Defects of the content of a ROA. */
export const ROA: Defects<RoaParts> = {
  roaVersion0: [roa('version', explicit(0, integer(0))), 'RFC 9582 section 4.1'],
  roaVersion1: [roa('version', explicit(0, integer(1))), 'RFC 9582 section 4.1'],
  roaHostBits: [roa('blocks', [v4(entry(prefix([10, 0, 0, 5, 1])))]), 'RFC 9582 section 4.3.2.1'],
  roaPadBits: [
    roa('blocks', [v4(entry({ tag: 0x03, content: Uint8Array.of(4, 10, 0, 0x0f), size: 4 }))]),
    'X.690 section 11.2.1',
  ],
  roaSafi: [
    roa('blocks', [seq(octets(Uint8Array.of(0, 1, 1)), seqOf([entry(prefix([10, 0, 0]))]))]),
    'RFC 9582 section 4.3.1',
  ],
  roaAfi3: [
    roa('blocks', [seq(octets(Uint8Array.of(0, 3)), seqOf([entry(prefix([10, 0, 0]))]))]),
    'RFC 9582 section 4.3.1',
  ],
  roaV4Twice: [
    roa('blocks', [v4(entry(prefix([10, 0, 0]))), v4(entry(prefix([10, 0, 0, 1])))]),
    'RFC 9582 section 4.3.1',
  ],
  roaEmptyFam: [roa('blocks', [v4()]), 'RFC 9582 section 4.3.1'],
  roaNoBlocks: [roa('blocks', []), 'RFC 9582 section 4.3'],
  roaAsnBig: [roa('asn', integer(4294967296)), 'RFC 9582 section 4.2'],
  roaAsnNeg: [roa('asn', integer(-1)), 'RFC 9582 section 4.2'],
  roaTrailing: [roa('trailing', [integer(1)]), 'RFC 9582 section 4'],
  maxLenShort: [roa('blocks', [v4(entry(prefix([10, 0, 0]), integer(20)))]), 'RFC 9582 section 4.3.2.2'],
  maxLen33: [roa('blocks', [v4(entry(prefix([10, 0, 0]), integer(33)))]), 'RFC 9582 section 4.3.2.2'],
  maxLenHuge: [roa('blocks', [v4(entry(prefix([10, 0, 0]), integer(1n << 100n)))]), 'RFC 9582 section 4.3.2.2'],
  maxLenEqual: [roa('blocks', [v4(entry(prefix([10, 0, 0]), integer(24)))]), 'ok'],
  dupPrefix: [roa('blocks', [v4(entry(prefix([10, 0, 0])), entry(prefix([10, 0, 0])))]), 'ok'],
  unsortedPrefixes: [roa('blocks', [v4(entry(prefix([10, 0, 0, 9])), entry(prefix([10, 0, 0])))]), 'ok'],
  asn0: [roa('asn', integer(0)), 'ok'],
  notInEEv6: [
    (p) => {
      p.blocks = [...p.blocks, v6(entry(prefix([0x20, 1, 0x0d, 0xb8])))]
    },
    'RFC 9582 section 5',
  ],
}

/** Both families in the reverse of the order of section 4.3.3; its EE certificate must hold both. */
export const V6_FIRST: Defects<RoaParts> = {
  roaV6First: [roa('blocks', [v6(entry(prefix([0x20, 1, 0x0d, 0xb8]))), v4(entry(prefix([10, 0, 0])))]), 'ok'],
}

const file = (name: string, text = name): [string, Uint8Array] => [name, sha256(Buffer.from(text))]

/** Defects of the content of a manifest. */
export const MANIFEST: Defects<ManifestParts> = {
  mftStale: [mft('nextUpdate', generalized(at('2026-06-01T06:00:00Z'))), 'RFC 9286 section 6.3'],
  mftFuture: [mft('thisUpdate', generalized(at('2026-06-01T18:00:00Z'))), 'RFC 9286 section 6.3'],
  mftReversed: [
    (p) => {
      p.thisUpdate = generalized(TO)
      p.nextUpdate = generalized(FROM)
    },
    'RFC 9286 section 4.2.1',
  ],
  mftNoCrl: [mft('files', [file('AS64496.roa')]), 'RFC 9286 section 4.2.1'],
  mftDupName: [
    (p) => {
      p.files.push(file('a.roa', 'x'), file('a.roa', 'y'))
    },
    'RFC 9286 section 4.2.1',
  ],
  mftDupHash: [
    (p) => {
      p.files.push(file('a.roa', 'x'), file('b.roa', 'x'))
    },
    'RFC 9286 section 4.2.1',
  ],
  mftBadName: [
    (p) => {
      p.files.push(file('a b.roa'))
    },
    'RFC 9286 section 4.2.2',
  ],
  mftSlash: [
    (p) => {
      p.files.push(file('a/b.roa'))
    },
    'RFC 9286 section 4.2.2',
  ],
  mftTwoDots: [
    (p) => {
      p.files.push(file('a.b.roa'))
    },
    'RFC 9286 section 4.2.2',
  ],
  mftEmpty: [mft('files', []), 'RFC 9286 section 4.2.1'],
  mftSelf: [
    (p) => {
      p.files.push(file(`${CA.name}.mft`))
    },
    'RFC 9286 section 4.2.1',
  ],
  mftUnsorted: [
    (p) => {
      p.files.reverse()
    },
    'ok',
  ],
  mftVersion0: [mft('version', explicit(0, integer(0))), 'RFC 9286 section 4.2.1'],
  mftVersion1: [mft('version', explicit(0, integer(1))), 'RFC 9286 section 4.2.1'],
  mftNumBig: [mft('number', integer(1n << 160n)), 'RFC 9286 section 4.2.1'],
  mftNum20oct: [mft('number', integer((1n << 159n) - 1n)), 'ok'],
  mftNumNeg: [mft('number', integer(-1)), 'RFC 9286 section 4.2.1'],
  mftNumHuge: [mft('number', integer(1n << 8000n)), 'RFC 9286 section 4.2.1'],
  mftNum0: [mft('number', integer(0)), 'ok'],
  mftTimeMs: [mft('thisUpdate', gt('20260601000000.123Z')), 'RFC 9286 section 4.2.1'],
  mftTimeUtc: [mft('thisUpdate', utcOrGeneralized(FROM)), 'RFC 9286 section 4.2.1'],
  mftSha1: [mft('hash', oid('1.3.14.3.2.26')), 'RFC 9286 section 4.2.1'],
  mftShortHash: [
    (p) => {
      p.files.push(['a.roa', new Uint8Array(20)])
    },
    'RFC 9286 section 4.2.1',
  ],
  mftTrailing: [mft('trailing', [integer(1)]), 'RFC 9286 section 4.2'],
}

/** Defects of the content of an ASPA. */
export const ASPA: Defects<AspaParts> = {
  v0: [aspa('version', undefined), 'ASPA profile'],
  v0explicit: [aspa('version', explicit(0, integer(0))), 'ASPA profile'],
  v2: [aspa('version', explicit(0, integer(2))), 'ASPA profile'],
  unsorted: [
    (p) => {
      p.providers.reverse()
    },
    'ASPA profile',
  ],
  dup: [aspa('providers', [integer(64500), integer(64500)]), 'ASPA profile'],
  self: [aspa('providers', [integer(64496), integer(64500)]), 'ASPA profile'],
  empty: [aspa('providers', []), 'ASPA profile'],
  as0: [aspa('providers', [integer(0)]), 'ok'],
  as0mixed: [aspa('providers', [integer(0), integer(64500)]), 'ok'],
  oldProfile: [aspa('providers', [seq(integer(64500))]), 'ASPA profile'],
}
