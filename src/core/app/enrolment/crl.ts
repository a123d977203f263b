/** `est crl`: the CRL of a CA whose key signs here. Other CAs publish their own. */
import { AppError } from '../../base/errors.js'
import { addSeconds, epochOf, type Instant } from '../../base/time.js'
import { type CrlContent, REVOCATION_REASONS, type RevocationReason } from '../../ha/backend.js'
import { callCa } from '../failover/call-ca.js'
import { refuseUnknownCas } from '../failover/commit.js'
import type { OpenBackend } from '../failover/probe.js'
import type { Session } from '../session/session.js'
import { transactEst } from './commit.js'
import { signsHere } from './labels.js'

export interface CrlReport {
  readonly ca: string
  readonly number: number
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant
  readonly revoked: number
  /** DER; null in a dry run. */
  readonly crl: Uint8Array | null
}

/**
 * Signs the next CRL of a CA, valid for `validSeconds`. Its number is recorded before it is signed, so that no two CRLs have the same
 * number (RFC 5280 section 5.2.3). Throws `ha-ca-unknown`, `est-crl-elsewhere` (usage), `est-crl-failed` (credentials or remote).
 */
export async function signCrl(
  session: Session,
  ca: string,
  validSeconds: number,
  open: OpenBackend,
): Promise<CrlReport> {
  refuseUnknownCas(session, [ca])
  if (!signsHere(session, ca)) throw elsewhere(ca)
  const content = await transactEst(session, async (tx): Promise<CrlContent> => {
    // after a restore or a recovery, CRLs may have been signed that are no longer recorded here
    const least = session.store.marker.generation > 1 ? epochOf(tx.at) : 1
    await tx.run({ type: 'crl.number', ca, least })
    const { crls } = tx.state()
    const revoked = [...tx.certificates()].flatMap(({ certificate: one }) =>
      one.ca === ca && one.revoked !== null
        ? [{ serial: one.serial, revokedAt: one.revoked.at, reason: reasonOf(one.revoked.reason) }]
        : [],
    )
    const nextUpdate = addSeconds(tx.at, validSeconds)
    return { number: BigInt(crls[ca] ?? 0), thisUpdate: tx.at, nextUpdate, revoked }
  })
  const { thisUpdate, nextUpdate, revoked } = content
  const report = { ca, number: Number(content.number), thisUpdate, nextUpdate, revoked: revoked.length }
  if (session.options.dryRun === true) return { ...report, crl: null }
  const { outcome, message, value } = await callCa(
    () => open(session, ca),
    session.enrolment.attemptTimeout,
    'ca-fault',
    async (backend, signal) => {
      if (backend.crl === undefined) throw elsewhere(ca)
      return { outcome: 'ok', message: 'signed', value: await backend.crl(content, signal) }
    },
  )
  if (value === undefined)
    throw new AppError(
      outcome === 'config-fault' ? 'credentials' : 'remote',
      'est-crl-failed',
      `no CRL of ${ca}: ${message}`,
      {
        hint: `brine ha status; CRL number ${content.number} is skipped, which is allowed`,
        details: { ca, outcome },
        changed: 'yes',
      },
    )
  await recordSigned(session, report)
  return { ...report, crl: value }
}

/** Records the CRL for `status` and `tick`. The CRL is valid without it, so a failure is only a notice. */
async function recordSigned(session: Session, { ca, number, nextUpdate }: Omit<CrlReport, 'crl'>): Promise<void> {
  try {
    await transactEst(session, (tx) => tx.run({ type: 'crl.record', ca, number, nextUpdate }))
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    session.options.onNotice?.(`CRL ${number} of ${ca} is signed but not recorded: ${error.message}`)
  }
}

function elsewhere(ca: string): AppError {
  return new AppError(
    'usage',
    'est-crl-elsewhere',
    `the key of ${ca} does not sign here: that CA publishes its own CRL`,
    {
      hint: 'brine est crl is for CAs with the backend file or pkcs11',
    },
  )
}

function reasonOf(name: string): RevocationReason {
  const found = Object.keys(REVOCATION_REASONS).find((reason) => reason === name)
  return (found as RevocationReason | undefined) ?? 'unspecified'
}
