/** The certificates from a CA key up to the trust anchor, or to the topmost one of this data directory, at one revision. */
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { type CaState, type ClassKey, currentKey, issuerOf, type ResourceClass } from '../../ca/state/state.js'
import type { KeyId, Sha256 } from '../../crypto/ports.js'
import type { Work } from '../../eventsourcing/work.js'
import type { PublicationPoint } from '../../issuing/point.js'
import { fileName } from '../../rpki/object-kinds.js'
import { decodeCertificate } from '../../rpki/x509/decode-certificate.js'
import { TA_CLASS, taCertificateUri } from '../../ta/state.js'
import { caState, taState } from '../session/context.js'
import { suspendedAt } from '../session/suspended-by.js'
import { bytesOf } from './published-roa.js'

/** One certificate, and what its key publishes. */
export interface ChainLink {
  /** The CA that holds it: `ca/acme`, `ta/ta`. */
  readonly holder: string
  /** The parent that issued it; null for a trust anchor. */
  readonly issuer: string | null
  readonly ski: KeyId
  readonly uri: string
  readonly sha256: Sha256
  /** Upper hex; null if its file is archived elsewhere. */
  readonly serial: string | null
  readonly notBefore: Instant | null
  readonly notAfter: Instant
  readonly resources: string
  readonly manifest: { readonly uri: string; readonly sha256: Sha256; readonly number: number } | null
  readonly crl: { readonly uri: string; readonly sha256: Sha256 } | null
}

export interface Chain {
  /** From the CA of the ROA upwards. */
  readonly links: readonly ChainLink[]
  /** `trust-anchor`; `parent`: the last link was issued by a parent elsewhere; `broken`: a parent here does not publish it. */
  readonly end: 'trust-anchor' | 'parent' | 'broken'
  /** The break: which CA, by which parent, and since when it is suspended, if it is. */
  readonly broken?: { readonly ca: Handle; readonly parent: Handle; readonly suspendedSince?: Instant }
}

type CertifiedKey = ClassKey & { readonly certificate: NonNullable<ClassKey['certificate']> }

/** Follows the certificates from the key of a class. A circle of parents ends as broken. */
export function chainOf(work: Work, state: CaState, resourceClass: ResourceClass, key: CertifiedKey): Chain {
  const links: ChainLink[] = []
  const seen = new Set<string>()
  let [ca, own, held] = [state, resourceClass, key]
  for (;;) {
    const contact = entry(ca.parents, own.parent)
    const broken = { ca: ca.handle, parent: own.parent }
    const isLocal = contact?.transport === 'local'
    const issuer = isLocal ? `${contact.aggregate.kind}/${contact.aggregate.handle}` : own.parent
    links.push(caLink(work, ca, own, held, issuer))
    if (contact === undefined || seen.has(held.ski)) return { links, end: 'broken', broken }
    seen.add(held.ski)
    if (!isLocal) return { links, end: 'parent' }
    const suspendedSince = suspendedAt({ work }, ca, own.parent)
    if (suspendedSince !== undefined) return { links, end: 'broken', broken: { ...broken, suspendedSince } }
    const { kind, handle } = contact.aggregate
    if (kind === 'ta') {
      const link = taLink(work, handle, held)
      if (link === undefined) return { links, end: 'broken', broken }
      return { links: [...links, link], end: 'trust-anchor' }
    }
    const parent = caState(work, handle)
    const above = entry(parent.classes, own.parentClass)
    const next = above === undefined ? undefined : currentKey(above)
    if (above === undefined || next === undefined || !lists(next.point, held)) return { links, end: 'broken', broken }
    ;[ca, own, held] = [parent, above, next]
  }
}

/** Returns true if a publication point has the certificate of the key. */
function lists({ objects }: PublicationPoint, { ski, certificate }: CertifiedKey): boolean {
  return entry(objects, fileName('cer', ski))?.sha256 === certificate.sha256
}

function caLink(work: Work, ca: CaState, own: ResourceClass, key: CertifiedKey, issuer: string): ChainLink {
  const { uri, sha256, notAfter, resources } = key.certificate
  const { base } = issuerOf(ca, own, key)
  const shown = [resources.asn, resources.ipv4, resources.ipv6].filter((text) => text !== '').join(', ')
  return {
    ...{ holder: `ca/${ca.handle}`, issuer, ski: key.ski, uri, sha256, notAfter, resources: shown },
    ...decoded(work, sha256),
    ...files(base, key.ski, key.point),
  }
}

function taLink(work: Work, handle: Handle, child: CertifiedKey): ChainLink | undefined {
  const { key, place, certificate, point } = taState(work, handle)
  if (key === null || place === null || certificate === null || !lists(point, child)) return undefined
  const { sha256, notAfter } = certificate
  return {
    ...{ holder: `ta/${handle}`, issuer: null, ski: key.ski, uri: taCertificateUri(place), sha256, notAfter },
    resources: 'all',
    ...decoded(work, sha256),
    ...files(`${place.base}${TA_CLASS}/`, key.ski, point),
  }
}

function decoded(work: Work, sha256: Sha256): Pick<ChainLink, 'serial' | 'notBefore'> {
  const bytes = bytesOf(work.reader, sha256)
  const content = bytes === undefined ? undefined : decodeCertificate(bytes).content
  if (content === undefined) return { serial: null, notBefore: null }
  return { serial: content.serial.toString(16).toUpperCase(), notBefore: content.notBefore }
}

function files(
  base: string,
  ski: KeyId,
  { manifest, crl, number }: PublicationPoint,
): Pick<ChainLink, 'manifest' | 'crl'> {
  return {
    manifest: manifest === null ? null : { uri: `${base}${fileName('mft', ski)}`, sha256: manifest.sha256, number },
    crl: crl === null ? null : { uri: `${base}${fileName('crl', ski)}`, sha256: crl.sha256 },
  }
}
