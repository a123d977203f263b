/** STORED. The facts of enrolment: never renamed, never re-typed. */
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import type { Asking, IssuedCertificate, OneTimePassword, Requester, RequestSpec } from './state.js'

export type EstEvent =
  | RequestOpened
  /** The next CA was asked, after the one before it failed. */
  | { readonly type: 'request.asked'; readonly id: string; readonly asking: Asking; readonly at: Instant }
  | RequestPending
  | { readonly type: 'request.unknown'; readonly id: string; readonly message: string; readonly at: Instant }
  /** No certificate came of it, and none will. */
  | {
      readonly type: 'request.ended'
      readonly id: string
      readonly why: 'refused' | 'failed' | 'died' | 'superseded'
      readonly message: string
      readonly at: Instant
    }
  /** Its certificate stands in a book of the same commit. */
  | { readonly type: 'request.served'; readonly id: string; readonly by: Requester; readonly at: Instant }
  | CertificateIssued
  | {
      readonly type: 'certificate.revoked'
      readonly id: string
      readonly reason: string
      readonly at: Instant
    }
  | ({ readonly type: 'password.created'; readonly id: string } & Omit<OneTimePassword, 'used'>)
  | { readonly type: 'password.revoked'; readonly id: string; readonly at: Instant }
  | { readonly type: 'crl.numbered'; readonly ca: string; readonly number: number; readonly at: Instant }

export interface RequestOpened extends RequestSpec {
  readonly type: 'request.opened'
  readonly id: string
  readonly csr: Sha256
  readonly asking: Asking
  readonly at: Instant
}

export interface RequestPending {
  readonly type: 'request.pending'
  readonly id: string
  readonly reference: string
  readonly retryAt: Instant
  readonly at: Instant
}

/** In a book. Holds all that is known of the certificate, so that one which comes late is recorded like any other. */
export interface CertificateIssued extends Omit<IssuedCertificate, 'revoked'> {
  readonly type: 'certificate.issued'
  readonly id: string
}
