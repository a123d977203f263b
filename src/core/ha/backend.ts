/**
 * The port to a certificate authority that issues: implemented for a key file, a token, and three protocols.
 * Invariant: every failure is a `BackendFault` with its class, so that the breaker does not depend on the kind of CA.
 */
import { AppError, type ErrorKind } from '../base/errors.js'
import type { Instant } from '../base/time.js'
import type { CertificateProfile } from '../pki/profile.js'
import type { Outcome } from './state.js'

export interface IssueRequest {
  /** PKCS#10, DER, checked against the profile by the caller. */
  readonly csr: Uint8Array
  readonly profile: CertificateProfile
  /** Aborted at the deadline. */
  readonly signal: AbortSignal
}

export type Issued =
  /** DER; not yet verified. */
  | { readonly outcome: 'ok'; readonly certificate: Uint8Array }
  /** Pending approval at the CA. `reference` identifies it there; `retryAfter` in seconds; `message` says more than that it is pending. */
  | { readonly outcome: 'pending'; readonly reference: string; readonly retryAfter: number; readonly message?: string }

/** RFC 5280 section 5.3.1, by name. */
export const REVOCATION_REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  privilegeWithdrawn: 9,
} as const
export type RevocationReason = keyof typeof REVOCATION_REASONS

/** Content of a CRL (RFC 5280 section 5). */
export interface CrlContent {
  /** Rises with every CRL of the CA. */
  readonly number: bigint
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant
  /** `serial` in hex. */
  readonly revoked: readonly {
    readonly serial: string
    readonly revokedAt: Instant
    readonly reason: RevocationReason
  }[]
}

export interface CaBackend {
  readonly ca: string
  /** Returns the CA's own certificate and those above it that are known, DER, the CA's first. Throws a BackendFault (config-fault) when a file is missing. */
  chain(): Promise<readonly Uint8Array[]>
  /** Throws a BackendFault. */
  issue(request: IssueRequest): Promise<Issued>
  /** Fetches a certificate that was pending. Throws a BackendFault. */
  poll(reference: string, signal: AbortSignal): Promise<Issued>
  /** Resolves when the CA works: where that costs no certificate, it signs something and the signature is verified. Throws a BackendFault. */
  probe(signal: AbortSignal): Promise<void>
  /** Revokes a certificate; `serial` in lower-case hex. Throws a BackendFault. */
  revoke(serial: string, reason: RevocationReason, signal: AbortSignal): Promise<void>
  /** Returns the CRL, DER, signed by the CA. Present only where the CA's key signs in this process, since other CAs publish their own. Throws a BackendFault. */
  crl?(content: CrlContent, signal: AbortSignal): Promise<Uint8Array>
}

const KINDS: Readonly<Record<Exclude<Outcome, 'ok'>, ErrorKind>> = {
  'ca-fault': 'remote',
  'request-fault': 'rejected',
  'config-fault': 'credentials',
  pending: 'pending',
  unknown: 'uncertain',
}

/** A failure at a CA, with its class. The message is one sentence without secrets. */
export class BackendFault extends AppError {
  readonly outcome: Exclude<Outcome, 'ok' | 'pending'>
  /** True if another attempt can do harm, such as lock a token or an account: only the operator may start it. */
  readonly needsOperator: boolean

  constructor(
    outcome: BackendFault['outcome'],
    code: string,
    message: string,
    cause?: unknown,
    { needsOperator = false }: { readonly needsOperator?: boolean } = {},
  ) {
    super(KINDS[outcome], code, message, cause === undefined ? {} : { cause })
    this.outcome = outcome
    this.needsOperator = needsOperator
  }
}
