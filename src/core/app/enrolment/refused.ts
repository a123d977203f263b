/**
 * Certificates that a CA issued and that are not handed out: recorded, revoked at that CA, and reported.
 * Invariant: a revocation that fails changes nothing about the record, so that the operator can repeat it.
 */
import { AppError } from '../../base/errors.js'
import type { RequestSpec } from '../../est/state.js'
import type { RevocationReason } from '../../ha/backend.js'
import { callCa } from '../failover/call-ca.js'
import type { OpenBackend } from '../failover/probe.js'
import type { Session } from '../session/session.js'
import { type EstContext, readEst, transactEst } from './commit.js'
import { type Refused, recordOf } from './response.js'

/** The reason in the CRL: the certificate was never used. */
const REASON: RevocationReason = 'cessationOfOperation'

/** A refused certificate with its id in the records. */
export interface RefusedCertificate {
  readonly id: string
  readonly ca: string
  readonly serial: string
  /** Reason for which it is not revoked; null once it is. */
  readonly notRevoked: string | null
}

/** Records a refused certificate. Its id is that of the attempt, since a request may end with several. */
export async function recordRefused(
  tx: EstContext,
  attempt: { readonly attempt: string; readonly ca: string },
  { refused, why }: Refused,
  spec: RequestSpec,
): Promise<void> {
  await tx.recordRefused(refusedId(attempt), recordOf(refused, attempt.ca, spec, why), refused.der)
}

function refusedId({ attempt }: { readonly attempt: string }): string {
  return attempt.slice(0, 16)
}

/** Revokes a recorded certificate at its CA and records that. Never throws for a CA or a store that fails: the record stays as it is. */
export async function revokeRefused(
  session: Session,
  attempt: { readonly attempt: string; readonly ca: string },
  { refused: { serial } }: Refused,
  open: OpenBackend,
): Promise<RefusedCertificate> {
  const { ca } = attempt
  const id = refusedId(attempt)
  const { outcome, message } = await callCa(
    () => open(session, ca),
    session.enrolment.attemptTimeout,
    'unknown',
    async (backend, signal) => {
      await backend.revoke(serial, REASON, signal)
      return { outcome: 'ok', message: 'revoked', value: undefined }
    },
  )
  const notRevoked = outcome === 'ok' ? await recordRevocation(session, id) : message
  return { id, ca, serial, notRevoked }
}

/** Records the revocation; returns the message of an error. */
async function recordRevocation(session: Session, id: string): Promise<string | null> {
  try {
    const found = await readEst(session, (view) => view.find(id))
    if (found !== undefined) await transactEst(session, (tx) => tx.revoke(found, REASON))
    return null
  } catch (error) {
    if (error instanceof AppError) return `its revocation could not be recorded: ${error.message}`
    throw error
  }
}

/** Returns one sentence about what became of the certificates. */
export function refusedText(certificates: readonly RefusedCertificate[]): string {
  return certificates
    .map(({ ca, serial, notRevoked }) =>
      notRevoked === null
        ? `${serial} is recorded and was revoked at ${ca}`
        : `${serial} is recorded, but it is not revoked at ${ca}: ${notRevoked}`,
    )
    .join('; ')
}

/** Returns the next command to paste: the revocation that is missing, else where the differences of a profile are described. */
export function refusedHint(certificates: readonly RefusedCertificate[]): string {
  const [open] = certificates.filter(({ notRevoked }) => notRevoked !== null)
  return open === undefined
    ? 'set accept in the [[est.profile]] of the label, or change the profile of the CA: man brine.toml'
    : `brine est cert revoke ${open.id} --because ${REASON} --yes`
}
