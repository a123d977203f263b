/**
 * Check of a certificate that a CA returned for a request. Every certificate is checked here before it is handed out.
 * Invariant: what the policy of a CA added or dropped (`policy`) is a kind of its own, apart from faults of the CA.
 */
import { addSeconds, type Instant, secondsBetween } from '../base/time.js'
import { isSignedBy, type PlainCertificate, readPlainCertificate } from './certificate.js'
import { namesViolations } from './check-csr.js'
import type { CertificateRequest } from './csr.js'
import { isSameName } from './name-comparison.js'
import { type AlternativeNames, nameList } from './names.js'
import { type CertificateProfile, type Difference, EXTENDED_KEY_USAGES } from './profile.js'

/** Seconds by which the clock of a CA may be ahead. */
const CLOCK_SKEW = 300
/** anyExtendedKeyUsage, codeSigning, timeStamping, OCSPSigning (RFC 5280 section 4.2.1.12). */
const BROAD_USAGES: readonly string[] = ['2.5.29.37.0', '1.3.6.1.5.5.7.3.3', '1.3.6.1.5.5.7.3.8', '1.3.6.1.5.5.7.3.9']

/**
 * Kinds of findings. `not-ours`: no certificate for the key of the request, so that one may have been issued that did not arrive.
 * `other-ca`: another CA signed it. `clock`: the clock of the CA is wrong. `policy`: a difference that the profile does not accept.
 */
export type IssuedFault = 'not-ours' | 'other-ca' | 'clock' | 'policy'

export interface IssuedCheck {
  /** Undefined for `not-ours`. */
  readonly certificate: PlainCertificate | undefined
  readonly fault: IssuedFault | undefined
  /** The first finding as a sentence; undefined without a fault. */
  readonly finding: string | undefined
  /** Differences that the profile accepts, a sentence each. */
  readonly differences: readonly string[]
}

/** Decodes and checks a certificate. `ca` is undefined if its own certificate cannot be read. */
export function checkIssued(
  der: Uint8Array,
  request: CertificateRequest,
  ca: PlainCertificate | undefined,
  profile: CertificateProfile,
  now: Instant,
): IssuedCheck {
  const certificate = readPlainCertificate(der)
  const found = (fault: IssuedFault, finding: string): IssuedCheck => {
    return { certificate: fault === 'not-ours' ? undefined : certificate, fault, finding, differences: [] }
  }
  if (certificate === undefined) return found('not-ours', 'the response is not a certificate')
  if (!Buffer.from(certificate.spki).equals(request.spki))
    return found('not-ours', `the certificate ${certificate.serial} is for another key`)
  if (ca === undefined) return found('other-ca', 'the certificate of the CA cannot be read')
  if (!isSignedBy(certificate, ca)) return found('other-ca', `the certificate is not signed by ${ca.subject.text}`)
  if (certificate.notBefore > addSeconds(now, CLOCK_SKEW))
    return found('clock', `the certificate is not valid before ${certificate.notBefore}`)
  if (certificate.notAfter <= now) return found('clock', `the certificate expired at ${certificate.notAfter}`)
  if (certificate.isCa) return found('policy', 'the certificate is a CA certificate')
  const all = [
    ...subjectDifference(certificate, request),
    ...nameDifferences(certificate, request, profile),
    ...usageDifference(certificate, profile),
    ...validityDifference(certificate, ca, profile, now),
  ]
  const refused = all.find(({ kind }) => kind === undefined || !profile.accepts.includes(kind))
  if (refused === undefined)
    return { certificate, fault: undefined, finding: undefined, differences: all.map(({ what }) => what) }
  const advice = refused.kind === undefined ? '' : `; ${profile.name} does not accept ${refused.kind}`
  return found('policy', `${refused.what}${advice}`)
}

interface Found {
  /** Undefined for a difference that no profile can accept. */
  readonly kind: Difference | undefined
  readonly what: string
}

function subjectDifference({ subject }: PlainCertificate, request: CertificateRequest): readonly Found[] {
  if (isSameName(subject.der, request.subject.der)) return []
  const what = `the certificate has the subject ${subject.text || '(none)'}, requested was ${request.subject.text || '(none)'}`
  return [{ kind: 'subject', what }]
}

function nameDifferences(
  { names }: PlainCertificate,
  request: CertificateRequest,
  profile: CertificateProfile,
): readonly Found[] {
  const [got, requested] = [comparable(names), comparable(request.names)]
  const added = got.filter((name) => !requested.includes(name))
  const dropped = requested.filter((name) => !got.includes(name))
  if (added.length === 0 && dropped.length === 0) return []
  // what the CA added must keep the rules for requested names, or a commonName would get around them
  const [violation] = namesViolations(names, profile)
  if (violation !== undefined)
    return [{ kind: undefined, what: `the certificate has a name that ${profile.name} refuses: ${violation.message}` }]
  const common = request.subject.commonName?.toLowerCase().replace(/\.$/, '') ?? ''
  const fromCommonName = (name: string): boolean => name === `DNS:${common}` || name === `IP:${common}`
  const [copied, other] = [added.filter(fromCommonName), added.filter((name) => !fromCommonName(name))]
  const list = (kind: Difference, what: string, of: readonly string[]): readonly Found[] =>
    of.length === 0 ? [] : [{ kind, what: `the certificate ${what} ${of.join(', ')}` }]
  return [
    ...(got.length === 0 && profile.requireSan
      ? [{ kind: undefined, what: `the certificate has no names, and ${profile.name} requires one` }]
      : []),
    ...list('dropped-names', 'lacks the requested', dropped),
    ...list('added-names', 'has the additional', other),
    ...list('cn-as-name', 'has the commonName as', copied),
  ]
}

/** Returns each name once; DNS names without the dot of the root. */
function comparable(names: AlternativeNames): readonly string[] {
  const dns = names.dns.map((name) => name.replace(/\.$/, ''))
  return [...new Set(nameList({ ...names, dns }))]
}

function usageDifference({ extendedKeyUsages: got }: PlainCertificate, profile: CertificateProfile): readonly Found[] {
  const allowed: readonly string[] = profile.extendedKeyUsages.map((usage) => EXTENDED_KEY_USAGES[usage])
  if (allowed.length === 0) return []
  if (got.length === 0)
    return [{ kind: 'any-usage', what: 'the certificate has no extended key usage and so allows every use' }]
  const surplus = got.filter((usage) => !allowed.includes(usage))
  const missing = allowed.filter((usage) => !got.includes(usage))
  if (surplus.length === 0 && missing.length === 0) return []
  const kind = surplus.some((usage) => BROAD_USAGES.includes(usage)) ? 'any-usage' : 'usages'
  const what = `the certificate has the extended key usage ${got.map(usageName).join(', ')}, not ${allowed.map(usageName).join(', ')}`
  return [{ kind, what }]
}

function usageName(usage: string): string {
  return Object.entries(EXTENDED_KEY_USAGES).find(([, id]) => id === usage)?.[0] ?? usage
}

function validityDifference(
  { notAfter }: PlainCertificate,
  ca: PlainCertificate,
  profile: CertificateProfile,
  now: Instant,
): readonly Found[] {
  const until = `the certificate is valid until ${notAfter}`
  if (notAfter > ca.notAfter)
    return [{ kind: 'longer-validity', what: `${until}, longer than its CA, which expires at ${ca.notAfter}` }]
  if (secondsBetween(now, notAfter) <= profile.validSeconds + CLOCK_SKEW) return []
  const days = Math.round(profile.validSeconds / 86400)
  return [{ kind: 'longer-validity', what: `${until}, longer than the ${days} days of ${profile.name}` }]
}
