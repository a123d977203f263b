/**
 * STORED. State of enrolment. `est/0` holds the requests that are open, one-time passwords and the numbers of CRLs; certificates are in books
 * (`est/2026-11_1`, by month and number), so that no commit grows with all that was ever issued.
 */
import type { Table } from '../base/record.js'
import {
  type Check,
  isFlag,
  isHash,
  isOneOf,
  isText,
  isTime,
  listOf,
  objectOf,
  orNull,
  type ShapeOf,
} from '../base/shape.js'
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'

/** The requester: an actor at the command line, the subject of a client certificate, or the id of a one-time password. */
export interface Requester {
  readonly how: 'operator' | 'certificate' | 'password'
  readonly name: string
}

export const isRequester: Check<Requester> = objectOf<Requester>({
  how: isOneOf('operator', 'certificate', 'password'),
  name: isText,
})

/** Content of a certificate request: the label, the key and the names. */
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

export const SPEC = {
  label: isText,
  key: isHash,
  subject: isText,
  names: listOf(isText),
  by: isRequester,
  renews: orNull(isText),
} satisfies ShapeOf<RequestSpec>

/** A request sent to one CA. */
export interface Attempt {
  /** Id, the same as in `ha/0`. */
  readonly attempt: string
  readonly ca: string
  /** The process waits for the response no longer than this. */
  readonly deadline: Instant
  /** The CA's key signs in the process itself: a certificate that was not recorded was not handed out. */
  readonly here: boolean
}

export const isAttempt: Check<Attempt> = objectOf<Attempt>({
  attempt: isText,
  ca: isText,
  deadline: isTime,
  here: isFlag,
})

/** `asked`: a process waits for the response. `pending`: the CA has to approve it. `unknown`: the CA may have issued a certificate that never arrived. */
export type RequestStatus = 'asked' | 'pending' | 'unknown'

export interface OpenRequest extends RequestSpec {
  /** PKCS#10. */
  readonly csr: Sha256
  readonly since: Instant
  readonly status: RequestStatus
  readonly asking: Attempt
  /** Identifies a pending request at its CA. */
  readonly reference: string | null
  /** Time to ask the CA again for a pending certificate. */
  readonly retryAt: Instant | null
  /** One sentence on the outcome; null without one. */
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
  /** Reason why it was not handed out, although the CA issued it; missing for a certificate that was. */
  readonly refused?: string
  readonly revoked: Revocation | null
}

/** A secret that can be used for `uses` certificates of one label; the secret itself is not stored. */
export interface OneTimePassword {
  readonly label: string
  /** Of the secret, which has 160 random bits: no slower hash than SHA-256 is needed. */
  readonly hash: Sha256
  readonly uses: number
  readonly used: number
  readonly since: Instant
  readonly expires: Instant
  /** Text of the operator, for example the holder; empty without. */
  readonly note: string
}

/** A CA certificate under which certificates were issued. */
export interface Issuer {
  readonly ca: string
  /** The certificate of the CA, then those above it; empty if it is not known. */
  readonly chain: readonly Sha256[]
  /** The latest notAfter of its certificates, by label. */
  readonly labels: Table<Instant>
}

/** The CA of one certificate. */
export interface IssuedBy {
  readonly ca: string
  readonly chain: readonly Sha256[]
  readonly label: string
  readonly notAfter: Instant
}

/** The newest CRL of a CA that was signed here and is known to be. */
export interface SignedCrl {
  readonly number: number
  readonly at: Instant
  readonly nextUpdate: Instant
}

export interface CompromisedKey {
  /** SHA-256 of the SubjectPublicKeyInfo. */
  readonly key: Sha256
  readonly at: Instant
}

/** Seconds for which what has expired stays in the state; history keeps it forever. */
export const KEPT = 30 * 86400

export interface EstState {
  readonly requests: Table<OpenRequest>
  /** Certificates of a book by the id of the request. Those that expired more than 30 days ago are only in history. */
  readonly certificates: Table<IssuedCertificate>
  readonly passwords: Table<OneTimePassword>
  /** The number of each CA's newest CRL (RFC 5280 section 5.2.3). */
  readonly crls: Table<number>
  /** By CA; undefined until the first CRL was signed by a version that records it. */
  readonly signedCrls?: Table<SignedCrl>
  /** The CA certificates under which certificates were issued; undefined until the books were surveyed or the first one is issued. */
  readonly issuers?: readonly Issuer[]
  /** Time at which each key (SHA-256 of the SubjectPublicKeyInfo) became known as compromised. */
  readonly compromised?: Table<Instant>
}

export const EMPTY_EST: EstState = { requests: {}, certificates: {}, passwords: {}, crls: {} }
