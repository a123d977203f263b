/**
 * The kinds of object that Brine publishes. One entry declares all of a kind: suffix, validity, renewal margin, encoder, decoder, profile.
 * An object of a kind that is not declared here is an error, never taken for another kind.
 * Codecs load on first use: a command that only reads state needs the suffixes and the margins, and does not load encoders.
 */
import { AppError } from '../base/errors.js'
import { ROUTER_PREFIX } from '../resources/router-names.js'
import type { SignedObjectCodec } from './codec.js'
import {
  OID_CT_ASPA,
  OID_CT_CHECKLIST,
  OID_CT_GHOSTBUSTERS,
  OID_CT_MANIFEST,
  OID_CT_PREFIX_LIST,
  OID_CT_ROA,
  OID_CT_TAK,
} from './x509/oids.js'

const certificateCodec = once(async () => {
  const [{ signCertificate }, { decodeCertificate }, { checkCertificateContent }, { certificateResources }] =
    await Promise.all([
      import('./x509/certificate.js'),
      import('./x509/decode-certificate.js'),
      import('./x509/certificate-profile.js'),
      import('./x509/encode-resources.js'),
    ])
  return {
    encode: signCertificate,
    decode: decodeCertificate,
    profile: checkCertificateContent,
    resources: certificateResources,
  }
})

/** Validity and margin name settings of `Timing` (issuing/timing.ts). The suffixes are those of RFC 6481 section 2.2 and its IANA registry. */
export const OBJECT_KINDS = {
  /** RFC 9582. */
  roa: {
    suffix: '.roa',
    type: 'roa',
    contentType: OID_CT_ROA,
    validity: 'roaValidSeconds',
    margin: 'roaReissueSeconds',
    codec: once(async () => (await import('./roa.js')).roaCodec),
  },
  /** ASPA profile (draft-ietf-sidrops-aspa-profile), version 1. */
  asa: {
    suffix: '.asa',
    type: 'aspa',
    contentType: OID_CT_ASPA,
    validity: 'aspaValidSeconds',
    margin: 'aspaReissueSeconds',
    codec: once(async () => (await import('./aspa.js')).aspaCodec),
  },
  /** A certificate issued to a CA (RFC 6487). */
  cer: {
    suffix: '.cer',
    type: 'certificate',
    validity: 'childValidSeconds',
    margin: 'childReissueSeconds',
    codec: certificateCodec,
  },
  /** A certificate of a BGPsec router (RFC 8209), told from those of CAs by its name. */
  router: {
    prefix: ROUTER_PREFIX,
    suffix: '.cer',
    type: 'router-certificate',
    validity: 'routerValidSeconds',
    margin: 'routerReissueSeconds',
    codec: once(async () => (await import('./router-certificate.js')).routerCertificateCodec),
  },
  /** The self-signed certificate of a trust anchor (RFC 8630 section 2.3). */
  ta: {
    suffix: '.cer',
    type: 'certificate',
    validity: 'taValidSeconds',
    margin: 'taReissueSeconds',
    codec: certificateCodec,
  },
  /** RFC 9286. Validity and margin are those of thisUpdate and nextUpdate. */
  mft: {
    suffix: '.mft',
    type: 'manifest',
    contentType: OID_CT_MANIFEST,
    validity: 'publishNextSeconds',
    margin: 'publishBeforeNextSeconds',
    codec: once(async () => (await import('./manifest.js')).manifestCodec),
  },
  /** RFC 6487 section 5. Issued together with the manifest. */
  crl: {
    suffix: '.crl',
    type: 'crl',
    validity: 'publishNextSeconds',
    margin: 'publishBeforeNextSeconds',
    codec: once(async () => {
      const { checkCrlContent, decodeCrl, signCrl } = await import('./crl.js')
      return { encode: signCrl, decode: decodeCrl, profile: checkCrlContent }
    }),
  },
} as const

export type ObjectKind = keyof typeof OBJECT_KINDS

/** Kinds that a publication point contains; a trust anchor's own certificate has a folder of its own and is not on a manifest. */
export type PointKind = Exclude<ObjectKind, 'ta'>

/** Kinds that are signed objects (RFC 6488). */
export type SignedKind = {
  [K in ObjectKind]: (typeof OBJECT_KINDS)[K] extends { readonly contentType: string } ? K : never
}[ObjectKind]

/** A type of signed object that can be read. */
export interface ReadableType {
  readonly suffix: string
  readonly type: SignedObjectType
  /** Dotted object identifier. */
  readonly contentType: string
  readonly codec: () => Promise<SignedObjectCodec<unknown>>
}

export type SignedObjectType =
  | (typeof OBJECT_KINDS)[SignedKind]['type']
  | 'ghostbusters'
  | 'checklist'
  | 'trust-anchor-key'
  | 'prefix-list'

/** Types that are read for inspection and never published. */
const READ_ONLY: readonly ReadableType[] = [
  /** RFC 6493. */
  {
    suffix: '.gbr',
    type: 'ghostbusters',
    contentType: OID_CT_GHOSTBUSTERS,
    codec: once(async () => (await import('./ghostbusters.js')).ghostbustersCodec),
  },
  /** RFC 9323. */
  {
    suffix: '.sig',
    type: 'checklist',
    contentType: OID_CT_CHECKLIST,
    codec: once(async () => (await import('./checklist.js')).checklistCodec),
  },
  /** RFC 9691. */
  {
    suffix: '.tak',
    type: 'trust-anchor-key',
    contentType: OID_CT_TAK,
    codec: once(async () => (await import('./tak.js')).takCodec),
  },
  /** Signed prefix lists, a draft. */
  {
    suffix: '.spl',
    type: 'prefix-list',
    contentType: OID_CT_PREFIX_LIST,
    codec: once(async () => (await import('./prefix-list.js')).prefixListCodec),
  },
]

/** Every type of signed object that can be read. */
export const READABLE_TYPES: readonly ReadableType[] = [
  ...Object.values(OBJECT_KINDS).filter((kind) => 'contentType' in kind),
  ...READ_ONLY,
]

const POINT_KINDS = (Object.keys(OBJECT_KINDS) as readonly ObjectKind[]).filter((kind) => kind !== 'ta')

/** Returns the kind of an object in a publication point by its file name; undefined for a name of no declared kind. */
export function kindOf(name: string): PointKind | undefined {
  const ofSuffix = POINT_KINDS.filter(
    (kind) => name.endsWith(OBJECT_KINDS[kind].suffix) && name.length > OBJECT_KINDS[kind].suffix.length,
  )
  // a kind with a prefix comes before the others of its suffix
  return (
    ofSuffix.find((kind) => prefixOf(kind) !== '' && name.startsWith(prefixOf(kind))) ??
    ofSuffix.find((kind) => prefixOf(kind) === '')
  )
}

/** Returns the text that begins the names of a kind; empty for a kind that has its suffix alone. */
function prefixOf(kind: ObjectKind): string {
  const declared = OBJECT_KINDS[kind]
  return 'prefix' in declared ? declared.prefix : ''
}

/** Returns the kind of an object that a state holds. Throws `object-kind-unknown` for a name of no declared kind. */
export function knownKind(name: string): PointKind {
  const kind = kindOf(name)
  if (kind !== undefined) return kind
  const known = [...new Set(POINT_KINDS.map((k) => OBJECT_KINDS[k].suffix))].join(' ')
  throw new AppError('corrupt', 'object-kind-unknown', `${name} is not an object of a known kind (${known})`)
}

/** Returns the file name of an object: `<stem><suffix>`. */
export function fileName(kind: ObjectKind, stem: string): string {
  return `${stem}${OBJECT_KINDS[kind].suffix}`
}

function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined
  return () => {
    loaded ??= load()
    return loaded
  }
}
