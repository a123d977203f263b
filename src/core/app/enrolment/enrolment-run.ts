/** A request on its way through the CAs of its label, and how it is told that no certificate came of it. */
import { AppError, rewrap } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { Attempt } from '../../est/commands.js'
import type { Requester, RequestSpec } from '../../est/state.js'
import { type Candidate, secondsUntilServed } from '../../ha/select.js'
import type { Outcome } from '../../ha/state.js'
import type { CertificateRequest } from '../../pki/csr.js'
import type { Reply } from '../failover/call-ca.js'
import type { OpenBackend } from '../failover/probe.js'
import type { Session } from '../transaction/session.js'
import type { EstContext } from './commit.js'
import type { Label } from './labels.js'
import type { Verified } from './response.js'

export interface EnrolOptions {
  readonly label: string
  /** PKCS#10, DER. */
  readonly csr: Uint8Array
  readonly by: Requester
  /** This CA and no other. */
  readonly ca?: string
  /** Even though an earlier request for this key may have been served. */
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
  /** Was another CA asked before, in vain? */
  readonly failover: boolean
  readonly attempts: readonly AttemptReport[]
  /** Everybody who might have served, and why not. */
  readonly candidates: readonly Candidate[]
  /** DER. */
  readonly certificate: Uint8Array
}

/** What an enrolment would do. */
export interface EnrolmentPlan {
  readonly label: string
  readonly dryRun: true
  /** Who would be asked first; null where a pending request would be asked for. */
  readonly ca: string | null
  readonly pending: string | null
  readonly candidates: readonly Candidate[]
}

/** A request on its way. */
export interface EnrolmentRun {
  readonly session: Session
  readonly order: EnrolOptions
  readonly label: Label
  readonly request: CertificateRequest
  readonly wish: RequestSpec
  readonly id: string
  readonly open: OpenBackend
  readonly attempts: AttemptReport[]
  /** `performance.now` at which nobody waits any more. */
  readonly until: number
  candidates: readonly Candidate[]
}

function details({ id, order, attempts }: EnrolmentRun) {
  return { id, label: order.label, attempts: attempts.map((one) => ({ ...one })) }
}

/** A question that is over and has no certificate. */
export function errorForEnded(
  course: EnrolmentRun,
  ca: string,
  { outcome, message, value }: Reply<Verified>,
): AppError {
  const { id } = course
  const rest = { details: details(course), changed: 'yes' as const }
  if (outcome === 'pending') {
    const retryAfter = value !== undefined && 'retryAfter' in value ? value.retryAfter : 60
    const hint = `brine est status ${id}`
    return new AppError('pending', 'est-pending', `request ${id} waits at ${ca}: ${message}`, {
      ...rest,
      hint,
      retryAfter,
    })
  }
  if (outcome === 'unknown')
    return new AppError('uncertain', 'est-unknown', `request ${id}: ${ca} may have issued a certificate: ${message}`, {
      ...rest,
      hint: `look at ${ca} whether it did; to ask again all the same: --allow-duplicate`,
    })
  return new AppError('rejected', 'est-refused', `${ca} refuses the request: ${message}`, rest)
}

/** The question stands in history, and no certificate left this process. */
function unserved({ id }: EnrolmentRun, cause: unknown): unknown {
  if (!(cause instanceof AppError)) return cause
  return rewrap(cause, { message: `request ${id} has no certificate: ${cause.message}`, changed: 'yes' })
}

/** What a CA elsewhere answered and could not be written down: it may have issued, and nobody here knows. */
export function errorForUnrecorded(
  course: EnrolmentRun,
  { ca, here }: Attempt,
  { outcome }: Reply<Verified>,
  cause: unknown,
): unknown {
  const hasIssued = outcome === 'ok' || outcome === 'pending' || outcome === 'unknown'
  if (here || !hasIssued) return unserved(course, cause)
  const why = cause instanceof Error ? cause.message : String(cause)
  const { id } = course
  return new AppError(
    'uncertain',
    'est-unrecorded',
    `request ${id}: ${ca} answered, which could not be recorded: ${why}`,
    {
      hint: `mend that, then: brine est status ${id}`,
      details: details(course),
      changed: 'unknown',
      cause,
    },
  )
}

/** Nobody could serve it; `desk` where nobody was asked. */
export function errorForUnavailable(course: EnrolmentRun, tx?: EstContext): AppError {
  const { order, label, attempts, candidates, session } = course
  const reasons =
    attempts.length > 0
      ? attempts.map(({ ca, error = '' }) => `${ca}: ${error}`)
      : candidates.map(({ ca, why }) => `${ca}: ${why ?? 'could serve'}`)
  const who = order.ca === undefined ? `no CA of ${label.group.name} can` : `${order.ca} cannot`
  const at = tx?.at ?? session.now()
  return new AppError('unavailable', 'est-unavailable', `${who} serve ${order.label}: ${reasons.join('; ')}`, {
    hint: 'brine ha status',
    retry: true,
    retryAfter:
      tx === undefined ? session.enrolment.breaker.checkInterval : secondsUntilServed(tx.ha.state(), label.group, at),
    details: details(course),
    changed: attempts.length > 0 ? 'yes' : 'no',
  })
}
