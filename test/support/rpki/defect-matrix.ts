/** Matrix of single-object defects: each a file that is valid except for one defect, and the rule under which it must be refused. */

import { integer, seq, utcOrGeneralized } from '../../../src/core/der/writer.js'
import { ANY_CA, CHILD_ONLY, TA_ONLY } from './cert-defects.js'
import { ASPA, MANIFEST, ROA, V6_FIRST } from './content-defects.js'
import { ROA_EE, ROUTER, ROUTER_KEY } from './ee-defects.js'
import { CRL, ENVELOPE } from './envelope-defects.js'
import {
  aspa,
  aspaContent,
  type CertPatch,
  certificate,
  crl,
  manifest,
  manifestContent,
  roa,
  roaContent,
} from './objects.js'
import { as, at, CA, INHERIT_AS, INHERIT_IP, ip, prefix, TA, v4, v6 } from './parts.js'
import type { CertDefects, Expectation } from './patches.js'

export interface Case {
  readonly id: string
  /** Path of the object in the repository. */
  readonly path: string
  readonly bytes: () => Uint8Array
  readonly expect: Expectation
}

const REPO = 'rpki.example.test/repo'
const PATHS = {
  ta: 'rpki.example.test/ta/ta.cer',
  child: `${REPO}/ta/${CA.name}.cer`,
  taCrl: `${REPO}/ta/${TA.name}.crl`,
  crl: `${REPO}/ca/${CA.name}.crl`,
  mft: `${REPO}/ca/${CA.name}.mft`,
  roa: `${REPO}/ca/AS64496.roa`,
  aspa: `${REPO}/ca/AS64496.asa`,
  router: `${REPO}/ca/router.cer`,
} as const

/** A repository without defects; every case replaces one file of it. */
export const GOOD: readonly Case[] = [
  { id: 'ta', path: PATHS.ta, bytes: () => certificate('ta'), expect: 'ok' },
  { id: 'child', path: PATHS.child, bytes: () => certificate('ca'), expect: 'ok' },
  { id: 'ta crl', path: PATHS.taCrl, bytes: () => crl(undefined, TA), expect: 'ok' },
  { id: 'crl', path: PATHS.crl, bytes: () => crl(), expect: 'ok' },
  { id: 'manifest', path: PATHS.mft, bytes: () => manifest(), expect: 'ok' },
  { id: 'roa', path: PATHS.roa, bytes: () => roa(), expect: 'ok' },
  { id: 'aspa', path: PATHS.aspa, bytes: () => aspa(), expect: 'ok' },
  { id: 'router', path: PATHS.router, bytes: () => certificate('router', ROUTER_KEY), expect: 'ok' },
]

type Table<P> = Readonly<Record<string, readonly [P, Expectation]>>

function cases<P>(prefix: string, path: string, table: Table<P>, make: (patch: P) => Uint8Array): Case[] {
  return Object.entries(table).map(([name, [patch, expect]]) => ({
    id: `${prefix}:${name}`,
    path,
    bytes: () => make(patch),
    expect,
  }))
}

const { noSigningTime, econtentConstructed } = ENVELOPE as Readonly<
  Record<'noSigningTime' | 'econtentConstructed', (typeof ENVELOPE)[string]>
>
const mftEeTimes: CertDefects = {
  expired: [
    (p) => {
      p.notAfter = utcOrGeneralized(at('2026-06-01T06:00:00Z'))
    },
    'RFC 6487 section 4.6',
  ],
}
const mftEe: CertDefects = {
  mftNotInherit: [
    (p) => {
      p.extensions.ip = ip(v4(prefix([10])))
    },
    'RFC 9286 section 5.1',
  ],
  mftNoAs: [
    (p) => {
      delete p.extensions.as
    },
    'RFC 9286 section 5.1',
  ],
}
const aspaEe: CertDefects = {
  asRange: [
    (p) => {
      p.extensions.as = as(seq(integer(64496), integer(64500)))
    },
    'ok',
  ],
  ip: [
    (p) => {
      p.extensions.ip = ip(v4(prefix([10])))
    },
    'ASPA profile',
  ],
  asInherit: [
    (p) => {
      p.extensions.as = INHERIT_AS
    },
    'ASPA profile',
  ],
  asNotCovered: [
    (p) => {
      p.extensions.as = as({ tag: 2, content: Uint8Array.of(0, 0xfb, 0xf1), size: 3 })
    },
    'ASPA profile',
  ],
  ipInherit: [
    (p) => {
      p.extensions.ip = INHERIT_IP
    },
    'ASPA profile',
  ],
}
const router =
  (patch: CertPatch): CertPatch =>
  (p) => {
    if (patch !== ROUTER['rsa']?.[0]) ROUTER_KEY(p)
    patch(p)
  }

const bothFamilies: CertPatch = (p) => {
  p.extensions.ip = ip(v4(prefix([10])), v6(prefix([0x20, 1, 0x0d, 0xb8])))
}

/** Every defect that can be detected in one object alone. */
export const MATRIX: readonly Case[] = [
  ...cases('ta', PATHS.ta, { ...ANY_CA, ...TA_ONLY }, (patch) => certificate('ta', patch)),
  ...cases('child', PATHS.child, { ...ANY_CA, ...CHILD_ONLY }, (patch) => certificate('ca', patch)),
  ...cases('roa', PATHS.roa, ENVELOPE, (patch) => roa(patch)),
  ...cases('roa', PATHS.roa, ROA, (patch) => roa(undefined, roaContent(patch))),
  ...cases('roa', PATHS.roa, V6_FIRST, (patch) => roa(undefined, roaContent(patch), bothFamilies)),
  ...cases('roa-ee', PATHS.roa, ROA_EE, (patch) => roa(undefined, undefined, patch)),
  ...cases('childmft', PATHS.mft, MANIFEST, (patch) => manifest(undefined, manifestContent(patch))),
  ...cases('childmft', PATHS.mft, { noSigningTime, econtentConstructed }, (patch) => manifest(patch)),
  ...cases('childmft', PATHS.mft, mftEe, (patch) => manifest(undefined, undefined, patch)),
  ...cases('childmft-ee', PATHS.mft, mftEeTimes, (patch) => manifest(undefined, undefined, patch)),
  ...cases('child', PATHS.crl, CRL, (patch) => crl(patch)),
  ...cases('aspa', PATHS.aspa, ASPA, (patch) => aspa(aspaContent(patch))),
  ...cases('aspa', PATHS.aspa, aspaEe, (patch) => aspa(undefined, patch)),
  ...cases('router', PATHS.router, ROUTER, (patch) => certificate('router', router(patch))),
]
