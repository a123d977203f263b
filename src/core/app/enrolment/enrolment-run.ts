/** State of one enrolment attempt, and the errors for attempts that end without a certificate. */
import { AppError, rewrap } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { NewAttempt } from '../../est/enrolments.js'
import type { Requester, RequestSpec } from '../../est/state.js'
import { type Candidate, secondsUntilServed } from '../../ha/select.js'
import type { Outcome } from '../../ha/state.js'
import type { CertificateRequest } from '../../pki/csr.js'
import type { Reply } from '../failover/call-ca.js'
import type { OpenBackend } from '../failover/probe.js'
import type { Session } from '../session/session.js'
import type { EstContext } from './commit.js'
import type { Label } from './labels.js'
import { type RefusedCertificate, refusedHint, refusedText } from './refused.js'
import type { Refused, Verified } from './response.js'

export interface EnrolOptions {
  readonly label: string
  /** PKCS#10, DER. */
  readonly csr: Uint8Array
  readonly by: Requester
  /** Sends the request to this CA only. */
  readonly ca?: string
  /** Sends the request even if an earlier request for this key may have been served. */
  readonly duplicate?: boolean
  /** DER of the certificate that is renewed (RFC 7030 section 4.2.2). */
  readonly renews?: Uint8Array
}

export interface AttemptReport {
  readonly ca: string
  readonly outcome: Outcome
  readonly error?: string
  readonly ms: number | null
}

export interface Enrolled {
  readonly id: string
  readonly label: string
  readonly ca: string
  readonly serial: string
  readonly notBefore: Instant
  readonly notAfter: Instant
  /** Changes of the CA that the profile accepts, a sentence each. */
  readonly differences: readonly string[]
  /** True if another CA failed before. */
  readonly failover: boolean
  readonly attempts: readonly AttemptReport[]
  /** Every CA of the group, and why it could not serve. */
  readonly candidates: readonly Candidate[]
  /** DER. */
  readonly certificate: Uint8Array
}

/** Report of a dry run of an enrolment. */
export interface EnrolmentPlan {
  readonly label: string
  readonly dryRun: true
  /** The CA that the request would go to first; null if a pending request would be polled instead. */
  readonly ca: string | null
  readonly pending: string | null
  readonly candidates: readonly Candidate[]
}

/** State of one enrolment while the CAs of its label are tried. */
export interface EnrolmentRun {
  readonly session: Session
  readonly enrolOptions: EnrolOptions
  readonly label: Label
  readonly request: CertificateRequest
  readonly requestSpec: RequestSpec
  readonly id: string
  readonly open: OpenBackend
  readonly attempts: AttemptReport[]
  /** Certificates that were issued and refused, and have to be revoked, */
  readonly refused: (readonly [NewAttempt, Refused])[]
  /** and what became of those that were. */
  readonly revoked: RefusedCertificate[]
  /** Value of `performance.now` at which the request times out. */
  readonly until: number
  candidates: readonly Candidate[]
}

function details({ id, enrolOptions, attempts, revoked }: EnrolmentRun) {
  const certificates = revoked.map((one) => ({ ...one }))
  return {
    ...{ id, label: enrolOptions.label, attempts: attempts.map((one) => ({ ...one })) },
    ...(certificates.length > 0 && { certificates }),
  }
}

/** Returns the error for an attempt that the CA answered without a certificate: pending, unknown or refused. */
export function errorForEnded(run: EnrolmentRun, ca: string, { outcome, message, value }: Reply<Verified>): AppError {
  const { id } = run
  const rest = { details: details(run), changed: 'yes' as const }
  if (outcome === 'pending') {
    const retryAfter = value !== undefined && 'retryAfter' in value ? value.retryAfter : 60
    const hint = `brine est status ${id}`
    return new AppError('pending', 'est-pending', `request ${id} is pending at ${ca}: ${message}`, {
      ...rest,
      hint,
      retryAfter,
    })
  }
  if (outcome === 'unknown')
    return new AppError('uncertain', 'est-unknown', `request ${id}: ${ca} may have issued a certificate: ${message}`, {
      ...rest,
      hint: `check ${ca} for an issued certificate; use --allow-duplicate to retry anyway`,
    })
  if (value !== undefined && 'refused' in value) return errorForRefused(message, run.revoked, rest.details)
  return new AppError('rejected', 'est-refused', `${ca} refused the request: ${message}`, rest)
}

/** Returns the error for a certificate that was issued and is not handed out. */
export function errorForRefused(
  message: string,
  revoked: readonly RefusedCertificate[],
  details: AppError['details'],
): AppError {
  return new AppError('rejected', 'est-certificate-refused', `${message}; ${refusedText(revoked)}`, {
    hint: refusedHint(revoked),
    details,
    changed: 'yes',
  })
}

/** Returns `cause` as the error of a request that is recorded, but for which no certificate left this process. */
function withoutCertificate({ id }: EnrolmentRun, cause: unknown): unknown {
  if (!(cause instanceof AppError)) return cause
  return rewrap(cause, { message: `request ${id} has no certificate: ${cause.message}`, changed: 'yes' })
}

/** Returns the error for a response that could not be recorded. A remote CA may have issued a certificate that is not known here. */
export function errorForUnrecorded(
  run: EnrolmentRun,
  { ca, here }: NewAttempt,
  { outcome, value }: Reply<Verified>,
  cause: unknown,
): unknown {
  const mayHaveIssued = value !== undefined || outcome === 'ok' || outcome === 'pending' || outcome === 'unknown'
  if (here || !mayHaveIssued) return withoutCertificate(run, cause)
  const why = cause instanceof Error ? cause.message : String(cause)
  const { id } = run
  return new AppError(
    'uncertain',
    'est-unrecorded',
    `request ${id}: the response of ${ca} could not be recorded: ${why}`,
    {
      hint: `fix the cause, then run: brine est status ${id}`,
      details: details(run),
      changed: 'unknown',
      cause,
    },
  )
}

/** Returns the error for a request that no CA can serve. `tx` is the transaction that found this out, if no CA was tried. */
export function errorForUnavailable(run: EnrolmentRun, tx?: EstContext): AppError {
  const { enrolOptions, label, attempts, candidates, session } = run
  const { revoked } = run
  const refused = revoked.length === 0 ? '' : `; ${refusedText(revoked)}`
  const reasons =
    attempts.length > 0
      ? attempts.map(({ ca, error = '' }) => `${ca}: ${error}`)
      : candidates.map(({ ca, why }) => `${ca}: ${why ?? 'could serve'}`)
  const who = enrolOptions.ca === undefined ? `no CA in group ${label.group.name} can` : `${enrolOptions.ca} cannot`
  const at = tx?.at ?? session.now()
  return new AppError(
    'unavailable',
    'est-unavailable',
    `${who} issue for label ${enrolOptions.label}: ${reasons.join('; ')}${refused}`,
    {
      hint: 'brine ha status',
      retry: true,
      retryAfter:
        tx === undefined ? session.enrolment.breaker.checkInterval : secondsUntilServed(tx.ha.state(), label.group, at),
      details: details(run),
      changed: attempts.length > 0 ? 'yes' : 'no',
    },
  )
}
