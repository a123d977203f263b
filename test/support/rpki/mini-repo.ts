/**
 * A complete small repository: a trust anchor, one CA, ROAs at both levels (v4, v6, maxLength, AS0), an ASPA, a router certificate, manifests, CRLs, a TAL.
 * Every byte follows from the time that it is built for: keys are fixed, serials are derived from names.
 */
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import { keyIdOf, sha256 } from '../../../src/core/crypto/digest.js'
import type { OneTimeKey } from '../../../src/core/crypto/ports.js'
import { routerName } from '../../../src/core/resources/router-names.js'
import { type AspaContent, aspaCodec } from '../../../src/core/rpki/aspa.js'
import type { IssuedObjectCodec } from '../../../src/core/rpki/codec.js'
import { signCrl } from '../../../src/core/rpki/crl.js'
import { encodeManifest, manifestResources } from '../../../src/core/rpki/manifest.js'
import type { SignedKind } from '../../../src/core/rpki/object-kinds.js'
import { type RoaContent, roaCodec } from '../../../src/core/rpki/roa.js'
import { signRouterCertificate } from '../../../src/core/rpki/router-certificate.js'
import { signObject } from '../../../src/core/rpki/signed-object/sign-object.js'
import { encodeTal } from '../../../src/core/rpki/tal.js'
import { signCertificate } from '../../../src/core/rpki/x509/certificate.js'
import { certificateResources } from '../../../src/core/rpki/x509/encode-resources.js'
import type { SubjectInfoAccess } from '../../../src/core/rpki/x509/types.js'
import { testKey } from './test-keys.js'

export interface MiniRepo {
  /** By path under the rsync host: `<module>/...`. */
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly tal: string
  /** VRPs that relying parties must find: `AS64496,192.0.2.0/24,26`. */
  readonly vrps: readonly string[]
}

const HOST = 'rpki.example.test'
const NOTIFY = `https://${HOST}/rrdp/notification.xml`
const TA_CERTIFICATE = 'ta/ta.cer'
const YEAR = 365 * 86400

/** A CA for the builder: its publication point, its key, the URI of its certificate. */
interface Authority {
  readonly key: OneTimeKey
  readonly folder: string
  readonly certificate: string
  readonly files: Map<string, Uint8Array>
}

const v4 = (text: string): bigint => text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n)
const v6 = (high: string): bigint => BigInt(`0x${high.padEnd(32, '0')}`)

/** Resources of every form: prefixes, a range that is not a prefix, both families, single AS numbers and ranges. */
const TA_RESOURCES = certificateResources({
  asn: [
    { min: 64496, max: 64511 },
    { min: 4200000000, max: 4200000000 },
  ],
  ipv4: [
    { min: v4('10.0.0.0'), max: v4('10.0.2.255') },
    { min: v4('192.0.2.0'), max: v4('192.0.2.255') },
    { min: v4('198.51.100.0'), max: v4('198.51.100.255') },
  ],
  ipv6: [{ min: v6('20010db8'), max: v6('20010db9') - 1n }],
})

const CA_RESOURCES = certificateResources({
  asn: [{ min: 64496, max: 64499 }],
  ipv4: [
    { min: v4('192.0.2.0'), max: v4('192.0.2.255') },
    { min: v4('198.51.100.16'), max: v4('198.51.100.191') },
  ],
  ipv6: [{ min: v6('20010db8'), max: v6('20010db88000') - 1n }],
})

const TA_ROA: RoaContent = { asn: 4200000000, addresses: [{ family: 4, address: v4('10.0.0.0'), length: 23 }] }

const CA_ROA: RoaContent = {
  asn: 64496,
  addresses: [
    { family: 6, address: v6('20010db80001'), length: 48, maxLength: 56 },
    { family: 4, address: v4('198.51.100.64'), length: 26 },
    { family: 4, address: v4('192.0.2.0'), length: 24, maxLength: 26 },
    { family: 4, address: v4('192.0.2.0'), length: 24 },
  ],
}

const AS0_ROA: RoaContent = { asn: 0, addresses: [{ family: 4, address: v4('198.51.100.128'), length: 26 }] }

/** The largest AS number, whose INTEGER needs five octets, among its providers. */
const ASPA: AspaContent = { customer: 64496, providers: [64500, 65551, 4294967295] }

/** The public key of a router; the private one was never kept. */
const ROUTER_KEY = Buffer.from(
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEH88ccqoNDi5Kad9fCNj5M39CxcH532nTw/t2TpQNTpPDa+rwjayiiVUWMUCV29CUZgkPC7DvU7TeMOBFCcl36w==',
  'base64',
)

const VRPS: readonly string[] = [
  'AS0,198.51.100.128/26,26',
  'AS4200000000,10.0.0.0/23,23',
  'AS64496,192.0.2.0/24,24',
  'AS64496,192.0.2.0/24,26',
  'AS64496,198.51.100.64/26,26',
  'AS64496,2001:db8:1::/48,56',
]

/** Returns the repository as it is published at `now`. */
export async function buildMiniRepo(now: Instant): Promise<MiniRepo> {
  const ta: Authority = { key: testKey('ta'), folder: 'repo/ta/0/', certificate: TA_CERTIFICATE, files: new Map() }
  const key = testKey('ca')
  const ca: Authority = { key, folder: 'repo/alice/0/', certificate: `${ta.folder}${key.id}.cer`, files: new Map() }
  const [notBefore, notAfter] = [addSeconds(now, -300), addSeconds(now, YEAR)]

  const taCertificate = await signCertificate(
    {
      kind: 'ta',
      serial: serialOf('ta.cer'),
      issuer: ta.key.id,
      subject: ta.key.id,
      notBefore,
      notAfter: addSeconds(now, 10 * YEAR),
      spki: ta.key.spki,
      sia: siaOf(ta),
      resources: TA_RESOURCES,
    },
    ta.key.sign,
  )
  const caCertificate = await signCertificate(
    {
      ...issuedBy(ta, 'ca.cer', notBefore, notAfter),
      kind: 'ca',
      subject: ca.key.id,
      spki: ca.key.spki,
      sia: siaOf(ca),
      resources: CA_RESOURCES,
    },
    ta.key.sign,
  )
  ta.files.set(`${ca.key.id}.cer`, caCertificate)
  await addSigned(ta, roa('AS4200000000.roa', TA_ROA), testKey('ee-1'), now)
  await addSigned(ca, roa('AS64496.roa', CA_ROA), testKey('ee-2'), now)
  await addSigned(ca, roa('AS0.roa', AS0_ROA), testKey('ee-3'), now)
  await addSigned(ca, { kind: 'asa', codec: aspaCodec, name: 'AS64496.asa', content: ASPA }, testKey('ee-6'), now)
  await addRouter(ca, now)
  await addCrlAndManifest(ta, 1n, [], testKey('ee-4'), now)
  await addCrlAndManifest(ca, 7n, [serialOf('withdrawn'), 5n], testKey('ee-5'), now)

  const files = new Map([[TA_CERTIFICATE, taCertificate]])
  for (const { folder, files: own } of [ta, ca]) for (const [name, bytes] of own) files.set(folder + name, bytes)
  const uris = [`https://${HOST}/${TA_CERTIFICATE}`, `rsync://${HOST}/${TA_CERTIFICATE}`]
  const tal = encodeTal({ comments: ['A trust anchor for tests'], uris, spki: ta.key.spki })
  return { files, tal, vrps: VRPS }
}

/** Writes `<folder>/rsync/<module>/...` and `<folder>/ta.tal`; returns both paths. */
export async function writeMiniRepo(
  folder: string,
  repo: MiniRepo,
): Promise<{ readonly rsyncRoot: string; readonly tal: string }> {
  const rsyncRoot = join(folder, 'rsync')
  for (const [path, bytes] of repo.files) {
    const file = join(rsyncRoot, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, bytes)
  }
  const tal = join(folder, 'ta.tal')
  await writeFile(tal, repo.tal)
  return { rsyncRoot, tal }
}

/** Returns a positive serial of 20 octets that is derived from a name. */
export function serialOf(name: string): bigint {
  const hex = createHash('sha256').update(name).digest('hex').slice(0, 40)
  return BigInt(`0x${hex}`) & ((1n << 159n) - 1n)
}

interface Signed<C> {
  readonly kind: SignedKind
  readonly codec: IssuedObjectCodec<C>
  readonly name: string
  readonly content: C
}

const roa = (name: string, content: RoaContent): Signed<RoaContent> => ({ kind: 'roa', codec: roaCodec, name, content })

async function addSigned<C>(by: Authority, { kind, codec, name, content }: Signed<C>, key: OneTimeKey, now: Instant) {
  const bytes = await signObject({
    kind,
    eContent: codec.encode(content),
    signingTime: now,
    ee: {
      ...issuedBy(by, name, addSeconds(now, -300), addSeconds(now, YEAR)),
      sia: { kind: 'ee', signedObject: uriOf(by.folder + name) },
      resources: codec.resources(content),
    },
    issuerSign: by.key.sign,
    key,
  })
  by.files.set(name, bytes)
}

/** Adds the certificate of a router with the BGP Identifier 192.0.2.1. */
async function addRouter(by: Authority, now: Instant): Promise<void> {
  const spki = new Uint8Array(ROUTER_KEY)
  const name = `${routerName(64496, keyIdOf(spki))}.cer`
  const issued = issuedBy(by, name, addSeconds(now, -300), addSeconds(now, YEAR))
  const bytes = await signRouterCertificate({ ...issued, spki, asn: 64496, number: 'C0000201' }, by.key.sign)
  by.files.set(name, bytes)
}

async function addCrlAndManifest(
  by: Authority,
  number: bigint,
  revoked: readonly bigint[],
  key: OneTimeKey,
  now: Instant,
): Promise<void> {
  const thisUpdate = addSeconds(now, -300)
  const nextUpdate = addSeconds(now, 86400)
  const crl = await signCrl(
    {
      issuer: by.key.id,
      aki: by.key.id,
      thisUpdate,
      nextUpdate,
      number,
      revoked: revoked.map((serial) => ({ serial, revokedAt: addSeconds(now, -86400) })),
    },
    by.key.sign,
  )
  by.files.set(`${by.key.id}.crl`, crl)
  const files = [...by.files].map(([name, bytes]) => ({ name, sha256: sha256(bytes) }))
  const name = `${by.key.id}.mft`
  const manifest = await signObject({
    kind: 'mft',
    eContent: encodeManifest({ number, thisUpdate, nextUpdate, files }),
    signingTime: now,
    ee: {
      ...issuedBy(by, `${by.folder}mft`, thisUpdate, nextUpdate),
      sia: { kind: 'ee', signedObject: uriOf(by.folder + name) },
      resources: manifestResources(),
    },
    issuerSign: by.key.sign,
    key,
  })
  by.files.set(name, manifest)
}

/** Returns the members that refer to the issuer in every certificate that `by` issues. */
function issuedBy(by: Authority, label: string, notBefore: Instant, notAfter: Instant) {
  return {
    serial: serialOf(label),
    issuer: by.key.id,
    notBefore,
    notAfter,
    aki: by.key.id,
    crl: uriOf(`${by.folder}${by.key.id}.crl`),
    aia: uriOf(by.certificate),
  }
}

function siaOf(by: Authority): SubjectInfoAccess {
  return { kind: 'ca', caRepository: uriOf(by.folder), manifest: uriOf(`${by.folder}${by.key.id}.mft`), notify: NOTIFY }
}

function uriOf(path: string): string {
  return `rsync://${HOST}/${path}`
}
