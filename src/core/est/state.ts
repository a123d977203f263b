/**
 * STORED. What is known of certificates that were asked for by label. `est/0` has the requests that are open, one-time passwords and the
 * numbers of CRLs; certificates stand in books (`est/2026-11_1`, by month and number), so that no commit grows with all that was ever issued.
 */
import type { Table } from '../base/record.js'
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'

/** Who asked: an actor at the command line, the subject of a client certificate, the id of a one-time password. */
export interface Requester {
  readonly how: 'operator' | 'certificate' | 'password'
  readonly name: string
}

/** What a certificate is asked for: the label, the key and the names. */
export interface RequestSpec {
  readonly label: string
  /** SHA-256 of the SubjectPublicKeyInfo. */
  readonly key: Sha256
  /** RFC 4514 text. */
  readonly subject: string
  /** `dns:a.example`, `ip:192.0.2.1`. */
  readonly names: readonly string[]
  readonly by: Requester
  /** Serial of the certificate that this one renews. */
  readonly renews: string | null
}

/** One question to one CA. */
export interface Asking {
  /** The same as in `ha/0`. */
  readonly attempt: string
  readonly ca: string
  /** After this nobody waits for the answer any more. */
  readonly deadline: Instant
  /** The CA's key signs in our own process: what was not recorded was never handed out. */
  readonly here: boolean
}

/**
 * `asked`: a process waits for the answer. `pending`: somebody at the CA has to decide. `unknown`: the CA may have made a certificate that
 * never arrived.
 */
export type RequestStatus = 'asked' | 'pending' | 'unknown'

export interface OpenRequest extends RequestSpec {
  /** PKCS#10. */
  readonly csr: Sha256
  readonly since: Instant
  readonly status: RequestStatus
  readonly asking: Asking
  /** What finds a pending request again at its CA. */
  readonly reference: string | null
  /** When the CA wants to be asked again. */
  readonly retryAt: Instant | null
  /** One sentence, where there is something to say. */
  readonly message: string | null
}

export interface Revocation {
  readonly at: Instant
  /** RFC 5280 section 5.3.1, by name. */
  readonly reason: string
}

export interface IssuedCertificate extends RequestSpec {
  readonly ca: string
  /** Lower-case hex. */
  readonly serial: string
  readonly notBefore: Instant
  readonly notAfter: Instant
  readonly at: Instant
  /** The certificate, DER. */
  readonly sha256: Sha256
  readonly revoked: Revocation | null
}

/** A secret that is good for `uses` certificates of one label; the secret itself is nowhere. */
export interface OneTimePassword {
  readonly label: string
  /** Of the secret, which has 160 random bits: nothing slower than SHA-256 is needed. */
  readonly hash: Sha256
  readonly uses: number
  readonly used: number
  readonly since: Instant
  readonly expires: Instant
  /** The operator's words, for whom it is; empty without. */
  readonly note: string
}

export interface EstState {
  readonly requests: Table<OpenRequest>
  /** In a book: by the id of the request. Those that expired a while ago stand in history alone. */
  readonly certificates: Table<IssuedCertificate>
  readonly passwords: Table<OneTimePassword>
  /** The number of each CA's newest CRL (RFC 5280 section 5.2.3). */
  readonly crls: Table<number>
}

export const EMPTY_EST: EstState = { requests: {}, certificates: {}, passwords: {}, crls: {} }
