/**
 * Path validation of client certificates (RFC 5280 section 6.1), from the certificate up to one that is trusted.
 * Invariants: only certificates of the operator are links of a path, so a client cannot make it long; every critical extension is read
 * or the certificate is refused. Name constraints are not read: a CA with them is refused.
 */
import type { Instant } from '../base/time.js'
import { isSignedBy, type PlainCertificate } from './certificate.js'
import { isSameName } from './name-comparison.js'
import { EXTENDED_KEY_USAGES } from './profile.js'

export interface Trust {
  /** Certificates of CAs that are trusted by themselves. */
  readonly anchors: readonly PlainCertificate[]
  /** Certificates of CAs that are trusted if one of `anchors` issued them, directly or not. */
  readonly intermediates: readonly PlainCertificate[]
}

export type Path =
  /** The certificate first, the trusted CA last. */
  | { readonly path: readonly PlainCertificate[]; readonly fault: undefined }
  | { readonly path: undefined; readonly fault: string }

/** Longest path in certificates. */
const LONGEST = 10
const ANY_USAGE = '2.5.29.37.0'

/**
 * Finds a valid path from `certificate` to a trusted CA at `now`, or the reason why there is none. `usage` is the purpose for which the
 * certificates must be valid, `any` for every purpose.
 */
export function findPath(
  certificate: PlainCertificate,
  trust: Trust,
  now: Instant,
  usage: keyof typeof EXTENDED_KEY_USAGES | 'any',
): Path {
  const search: Search = { trust, now, usage: usage === 'any' ? undefined : EXTENDED_KEY_USAGES[usage], faults: [] }
  const own = certificateFault(certificate, search)
  if (own !== undefined) return { path: undefined, fault: own }
  const path = climb([certificate], search)
  if (path !== undefined) return { path, fault: undefined }
  // the fault of the CA that was reached first tells most
  const [fault = `no CA that is trusted here issued ${nameOf(certificate)}`] = search.faults
  return { path: undefined, fault }
}

interface Search {
  readonly trust: Trust
  readonly now: Instant
  /** Object identifier; undefined for every purpose. */
  readonly usage: string | undefined
  readonly faults: string[]
}

/** Extends the path by one CA at a time; undefined if no valid path exists. */
function climb(below: readonly PlainCertificate[], search: Search): readonly PlainCertificate[] | undefined {
  const last = below.at(-1)
  if (last === undefined || below.length >= LONGEST) return undefined
  const { anchors, intermediates } = search.trust
  for (const ca of issuersOf(last, anchors)) if (isUsable(ca, below, search)) return [...below, ca]
  for (const ca of issuersOf(last, intermediates)) {
    if (below.some((one) => isSame(one, ca)) || !isUsable(ca, below, search)) continue
    const path = climb([...below, ca], search)
    if (path !== undefined) return path
  }
  return undefined
}

function issuersOf(certificate: PlainCertificate, cas: readonly PlainCertificate[]): readonly PlainCertificate[] {
  return cas.filter((ca) => isSignedBy(certificate, ca))
}

/** Returns true if `ca` may be above these certificates; its fault is kept otherwise. */
function isUsable(ca: PlainCertificate, below: readonly PlainCertificate[], search: Search): boolean {
  const fault = caFault(ca, below) ?? certificateFault(ca, search)
  if (fault !== undefined) search.faults.push(fault)
  return fault === undefined
}

function caFault(ca: PlainCertificate, below: readonly PlainCertificate[]): string | undefined {
  if (!ca.isCa) return `${nameOf(ca)} is not a CA`
  if (ca.keyUsages?.includes('keyCertSign') === false) return `${nameOf(ca)} may not sign certificates (keyCertSign)`
  // section 6.1.4 (l): a certificate that a CA issued to itself, for a new key, does not count
  const cas = below.slice(1).filter((one) => !isSameName(one.subject.der, one.issuer.der)).length
  if (ca.pathLength === undefined || cas <= ca.pathLength) return undefined
  return `${nameOf(ca)} allows ${ca.pathLength} CAs below itself (pathLenConstraint), the path has ${cas}`
}

function certificateFault(certificate: PlainCertificate, { now, usage }: Search): string | undefined {
  const { notBefore, notAfter, unreadCritical, extendedKeyUsages } = certificate
  if (now < notBefore || now >= notAfter) return `${nameOf(certificate)} is valid from ${notBefore} to ${notAfter}`
  const [unread] = unreadCritical
  if (unread !== undefined) return `${nameOf(certificate)} has the critical extension ${unread}, which is not supported`
  const isAllowed =
    usage === undefined ||
    extendedKeyUsages.length === 0 ||
    extendedKeyUsages.some((one) => one === usage || one === ANY_USAGE)
  return isAllowed ? undefined : `${nameOf(certificate)} is not for client authentication (extendedKeyUsage)`
}

function isSame(a: PlainCertificate, b: PlainCertificate): boolean {
  return Buffer.compare(a.der, b.der) === 0
}

function nameOf({ subject, serial }: PlainCertificate): string {
  return subject.text === '' ? `certificate ${serial}` : subject.text
}
