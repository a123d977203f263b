/** Handlers of EST over CGI: the use cases of `est`, with the CAs of the configuration. */
import { sha256Hex } from '../../crypto/digest.js'
import { backendOf } from '../failover/backends.js'
import type { Session } from '../session/session.js'
import { caCertificates, csrAttributes } from './ca-certificates.js'
import type { CertificatePorts, FindKnown } from './client-certificate.js'
import { compromisedAt, readEst } from './commit.js'
import { enroll } from './enroll.js'
import type { EnrolOptions } from './enrolment-run.js'
import { checkPassword } from './passwords.js'
import type { CheckPassword } from './requester.js'

/** The use cases that EST over CGI needs. */
export interface EstHandlers {
  readonly caCertificates: (session: Session, label: string) => Promise<readonly Uint8Array[]>
  readonly csrAttributes: (session: Session, label: string) => Uint8Array
  /** Throws as `enroll` does. */
  readonly enroll: (session: Session, enrolOptions: EnrolOptions) => Promise<{ readonly certificate: Uint8Array }>
  readonly checkPassword: (session: Session) => CheckPassword
  readonly findKnown: (session: Session) => FindKnown
  readonly compromisedAt: (session: Session) => CertificatePorts['compromisedAt']
}

export const EST_HANDLERS: EstHandlers = {
  caCertificates: (session, label) => caCertificates(session, label, backendOf),
  csrAttributes,
  enroll: (session, enrolOptions) => enroll(session, enrolOptions, backendOf),
  checkPassword: (session) => (label, id, secret) => checkPassword(session, label, id, secret),
  compromisedAt: (session) => (certificate) =>
    readEst(session, (view) => compromisedAt(view, sha256Hex(certificate.spki))),
  findKnown: (session) => async (certificate) => {
    const sha256 = sha256Hex(certificate.der)
    return readEst(session, ({ issued }) => {
      const one = issued(sha256, certificate.notBefore)
      if (one === undefined) return undefined
      return { label: one.label, revokedAt: one.revoked?.at ?? (one.refused === undefined ? undefined : one.at) }
    })
  },
}
