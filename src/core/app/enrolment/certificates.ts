/** Issued certificates: listed, found by request id or serial, and revoked at the CA that issued them. */
import { AppError, rewrap } from '../../base/errors.js'
import { type Instant, secondsBetween } from '../../base/time.js'
import { COMPROMISE } from '../../est/issuers.js'
import type { IssuedCertificate } from '../../est/state.js'
import { REVOCATION_REASONS, type RevocationReason } from '../../ha/backend.js'
import { callCa, withOpenRequest } from '../failover/call-ca.js'
import type { OpenBackend } from '../failover/probe.js'
import type { Session } from '../session/session.js'
import { type Entry, type EstRevision, readEst, transactEst } from './commit.js'

export interface CertificateRow {
  readonly id: string
  readonly label: string
  readonly ca: string
  readonly serial: string
  readonly subject: string
  readonly names: readonly string[]
  readonly by: IssuedCertificate['by']
  readonly at: Instant
  readonly notBefore: Instant
  readonly notAfter: Instant
  /** `refused`: it was issued but not handed out, and is not revoked. */
  readonly state: 'valid' | 'expired' | 'revoked' | 'refused'
  readonly revoked: IssuedCertificate['revoked']
  /** Reason why it was not handed out; null for one that was. */
  readonly refused: string | null
  readonly renews: string | null
}

export interface CertificateFilter {
  readonly label?: string | undefined
  readonly ca?: string | undefined
  /** Seconds: only valid certificates that expire within this time. */
  readonly within?: number | undefined
}

/** Lists the certificates that match the filter, soonest expiry first. */
export function listCertificates(session: Session, filter: CertificateFilter): Promise<readonly CertificateRow[]> {
  return readEst(session, ({ certificates, at }) =>
    [...certificates()]
      .map(({ id, certificate }) => rowOf(id, certificate, at))
      .filter((row) => matches(row, filter, at))
      .sort((a, b) => (a.notAfter < b.notAfter ? -1 : a.notAfter > b.notAfter ? 1 : a.id < b.id ? -1 : 1)),
  )
}

function matches(row: CertificateRow, { label, ca, within }: CertificateFilter, at: Instant): boolean {
  if (label !== undefined && row.label !== label) return false
  if (ca !== undefined && row.ca !== ca) return false
  return within === undefined || (row.state === 'valid' && secondsBetween(at, row.notAfter) <= within)
}

function rowOf(id: string, certificate: IssuedCertificate, at: Instant): CertificateRow {
  const { key: _key, sha256: _sha256, refused = null, ...rest } = certificate
  const usable = refused === null ? 'valid' : 'refused'
  const state = rest.revoked !== null ? 'revoked' : at >= rest.notAfter ? 'expired' : usable
  return { id, ...rest, refused, state }
}

export interface FoundCertificate {
  readonly row: CertificateRow
  readonly der: Uint8Array
}

/** Finds a certificate by request id or serial. Throws `est-certificate-unknown`, `est-certificate-ambiguous` (usage). */
export function findCertificate(session: Session, name: string): Promise<FoundCertificate> {
  return readEst(session, ({ certificates, at, object }) => {
    const { id, certificate } = oneNamed(certificates(), name)
    return { row: rowOf(id, certificate, at), der: object(certificate.sha256) }
  })
}

/** Returns the row of a certificate, found as `findCertificate` does; its bytes may be lost. */
export function findRow(session: Session, name: string): Promise<CertificateRow> {
  return readEst(session, ({ certificates, at }) => {
    const { id, certificate } = oneNamed(certificates(), name)
    return rowOf(id, certificate, at)
  })
}

function oneNamed(certificates: Iterable<Entry>, name: string): Entry {
  const wanted = name.toLowerCase().replaceAll(':', '')
  const found = [...certificates].filter(({ id, certificate }) => id === wanted || certificate.serial === wanted)
  const [first] = found
  if (first === undefined)
    throw new AppError('usage', 'est-certificate-unknown', `unknown certificate ${JSON.stringify(name)}`, {
      hint: 'brine est cert list',
    })
  if (found.length > 1)
    throw new AppError('usage', 'est-certificate-ambiguous', `several certificates have the serial ${name}`, {
      hint: `use the id of one: ${found.map(({ id }) => id).join(', ')}`,
    })
  return first
}

export interface RevokeReport {
  readonly id: string
  readonly ca: string
  readonly serial: string
  readonly reason: string
  readonly changed: boolean
  readonly dryRun: boolean
  /** False if the revocation is only recorded here: the CA is not in the configuration, or it had revoked the certificate before. */
  readonly informed: boolean
  /** Valid certificates of the same key, if the reason is that it was compromised: they have to be revoked as well. */
  readonly sameKey: readonly { readonly id: string; readonly ca: string; readonly serial: string }[]
}

/**
 * Revokes a certificate at the CA that issued it, even if its circuit is open or it left its group, and then records it. If the CA is no
 * longer in the configuration the revocation is only recorded: the certificate is not renewed and authenticates no client here. Throws `est-certificate-unknown`
 * (usage), `est-revoke-failed` (remote, rejected, credentials or uncertain, by the response of the CA): then nothing is recorded.
 */
export async function revokeCertificate(
  session: Session,
  name: string,
  reason: RevocationReason,
  open: OpenBackend,
): Promise<RevokeReport> {
  // the bytes of the certificate may be lost, but its serial is enough
  const { found, sameKey } = await readEst(session, (view) => {
    const one = oneNamed(view.certificates(), name)
    return { found: one, sameKey: reason === COMPROMISE ? withSameKey(view, one) : [] }
  })
  const { id, certificate } = found
  const { ca, serial, revoked } = certificate
  const dryRun = session.options.dryRun === true
  const report = { id, ca, serial, dryRun, sameKey }
  if (revoked !== null && (revoked.reason === COMPROMISE || reason !== COMPROMISE))
    return { ...report, reason: revoked.reason, changed: false, informed: false }
  const isInformed = revoked === null && session.enrolment.cas.some((one) => one.id === ca)
  if (dryRun) return { ...report, reason, changed: true, informed: isInformed }
  // fails before the CA revokes anything if this process cannot record it (a stand-by, a clock that is behind)
  await transactEst(session, async () => undefined)
  if (isInformed) await revokeAtCa(session, found, reason, open)
  else await transactEst(session, (tx) => tx.revoke(found, reason))
  return { ...report, reason, changed: true, informed: isInformed }
}

function withSameKey({ certificates, at }: EstRevision, { id, certificate: { key } }: Entry): RevokeReport['sameKey'] {
  return [...certificates()].flatMap(({ id: other, certificate: one }) =>
    other !== id && one.key === key && one.revoked === null && one.notAfter > at
      ? [{ id: other, ca: one.ca, serial: one.serial }]
      : [],
  )
}

async function revokeAtCa(session: Session, found: Entry, reason: RevocationReason, open: OpenBackend): Promise<void> {
  const { ca, serial } = found.certificate
  const notice = { kind: 'uncertain', message: `${ca} may have revoked ${serial}`, hint: AGAIN } as const
  await withOpenRequest(session, notice, async () => {
    const { outcome, message } = await callCa(
      () => open(session, ca),
      session.enrolment.attemptTimeout,
      'unknown',
      async (backend, signal) => {
        await backend.revoke(serial, reason, signal)
        return { outcome: 'ok', message: 'revoked', value: undefined }
      },
    )
    if (outcome !== 'ok') throw failed(ca, serial, outcome, message)
    await transactEst(session, (tx) => tx.revoke(found, reason)).catch((cause: unknown) => {
      throw unrecorded(ca, serial, cause)
    })
  })
}

const AGAIN = 'the certificate is recorded as not revoked; run the same command again to retry'

const KINDS = {
  'request-fault': 'rejected',
  'config-fault': 'credentials',
  unknown: 'uncertain',
} as const

function unrecorded(ca: string, serial: string, cause: unknown): unknown {
  if (!(cause instanceof AppError)) return cause
  return rewrap(cause, {
    message: `${ca} revoked ${serial}, but that could not be recorded: ${cause.message}`,
    hint: 'fix the cause, then run the same command again',
    changed: 'yes',
    retry: true,
  })
}

function failed(ca: string, serial: string, outcome: string, message: string): AppError {
  const kind = Object.hasOwn(KINDS, outcome) ? KINDS[outcome as keyof typeof KINDS] : 'remote'
  return new AppError(kind, 'est-revoke-failed', `${ca} did not revoke ${serial}: ${message}`, {
    hint: AGAIN,
    details: { ca, serial, outcome },
    retry: true,
  })
}

/** Returns the revocation reason of that name (RFC 5280 section 5.3.1). Throws `est-reason-unknown` (usage). */
export function revocationReason(name: string): RevocationReason {
  const reasons = Object.keys(REVOCATION_REASONS) as RevocationReason[]
  const found = reasons.find((reason) => reason.toLowerCase() === name.toLowerCase())
  if (found !== undefined) return found
  throw new AppError('usage', 'est-reason-unknown', `unknown revocation reason: ${JSON.stringify(name)}`, {
    hint: `known reasons: ${reasons.join(', ')} (RFC 5280 section 5.3.1)`,
  })
}
