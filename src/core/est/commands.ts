/** Intents of enrolment, and the ports that deciding them needs. */
import type { Clock } from '../base/ports.js'
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import type { CertificateRequest } from '../pki/csr.js'
import type { CertificateProfile } from '../pki/profile.js'
import type { Asking, IssuedCertificate, Requester } from './state.js'

/** The question that is about to be sent. */
export type Attempt = Omit<Asking, 'deadline'> & {
  /** Seconds after which nobody waits for the answer. */
  readonly timeout: number
}

export type EstCommand =
  | RequestOpen
  | { readonly type: 'request.ask'; readonly id: string; readonly question: Attempt }
  /** The request has its certificate: it is open no more, and its password is spent. */
  | { readonly type: 'request.serve'; readonly id: string; readonly by: Requester }
  /** To a book, in the same commit. */
  | {
      readonly type: 'certificate.record'
      readonly id: string
      readonly certificate: Omit<IssuedCertificate, 'at' | 'revoked'>
    }
  | { readonly type: 'request.wait'; readonly id: string; readonly reference: string; readonly retryAfter: number }
  /** The outcome is unknown. */
  | { readonly type: 'request.lose'; readonly id: string; readonly message: string }
  | { readonly type: 'request.end'; readonly id: string; readonly why: 'refused' | 'failed'; readonly message: string }
  | { readonly type: 'certificate.revoke'; readonly id: string; readonly reason: string }
  | {
      readonly type: 'password.create'
      readonly id: string
      readonly label: string
      readonly hash: Sha256
      readonly uses: number
      readonly validSeconds: number
      readonly note: string
    }
  | { readonly type: 'password.revoke'; readonly id: string }
  /** `least`: no lower number, where lists may have been signed that this history does not know. */
  | { readonly type: 'crl.number'; readonly ca: string; readonly least: number }

export interface RequestOpen {
  readonly type: 'request.open'
  readonly id: string
  readonly label: string
  readonly csr: Sha256
  readonly request: CertificateRequest
  readonly profile: CertificateProfile
  readonly by: Requester
  readonly renews: string | null
  /** A request whose outcome is unknown is given up for this one. */
  readonly duplicate: boolean
  readonly question: Attempt
  readonly at: Instant
}

export interface EstPorts {
  readonly clock: Clock
}
