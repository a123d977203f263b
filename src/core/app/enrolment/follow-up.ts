/** `est status`: the state of a request. The CA of a pending request is polled. */
import { AppError } from '../../base/errors.js'
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import { isWaiting } from '../../est/requests.js'
import type { IssuedCertificate, OpenRequest, Requester } from '../../est/state.js'
import type { PlainCertificate } from '../../pki/certificate.js'
import { callCa, type Reply } from '../failover/call-ca.js'
import type { OpenBackend } from '../failover/probe.js'
import { refuseStandby } from '../session/role.js'
import type { Session } from '../session/session.js'
import { compromisedAt, type EstRevision, readEst, transactEst } from './commit.js'
import { type Enrolled, errorForRefused } from './enrolment-run.js'
import { labelOf } from './labels.js'
import { recordRefused, revokeRefused } from './refused.js'
import { requestOf } from './request.js'
import { type Refused, recordOf, type Verified, verifyResponse } from './response.js'

export interface RequestReport {
  readonly id: string
  readonly status: 'issued' | 'revoked' | 'asked' | 'pending' | 'unknown'
  readonly label: string
  readonly ca: string
  readonly subject: string
  readonly names: readonly string[]
  readonly by: Requester
  readonly since: Instant
  readonly retryAt: Instant | null
  readonly message: string | null
  readonly serial: string | null
  readonly notAfter: Instant | null
}

/** Lists the open requests (sent, pending, or with an unknown outcome), oldest first. */
export function openRequests(session: Session): Promise<readonly RequestReport[]> {
  return readEst(session, ({ state, at }) =>
    Object.entries(state().requests)
      .map(([id, request]) => openReport(id, request, at))
      .sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : a.id < b.id ? -1 : 1)),
  )
}

export interface ClosedRequest {
  readonly id: string
  readonly dryRun: boolean
}

/**
 * Closes an abandoned request: its outcome is unknown, or the CA never decides. Throws `est-request-unknown` (usage),
 * `est-request-running` (rejected) while a process waits for the response.
 */
export async function closeRequest(session: Session, id: string): Promise<ClosedRequest> {
  const found = await readEst(session, ({ state, at }) => {
    const request = entry(state().requests, id)
    return request === undefined ? undefined : { isRunning: isWaiting(request, at) }
  })
  if (found === undefined) throw unknownRequest(id)
  if (found.isRunning)
    throw new AppError('rejected', 'est-request-running', `request ${id} is already in progress`, {
      retry: true,
    })
  const message = session.options.reason ?? 'closed by the operator'
  await transactEst(session, (tx) => tx.run({ type: 'request.end', id, why: 'failed', message }))
  return { id, dryRun: session.options.dryRun === true }
}

/** Returns the state of a request, with its certificate if there is one. Throws `est-request-unknown` (usage). */
export async function requestStatus(session: Session, id: string, open: OpenBackend): Promise<RequestReport> {
  const found = await readEst(session, (view) => reportOf(view, id))
  if (found === undefined) throw unknownRequest(id)
  if (found.status !== 'pending') return found
  try {
    await followUp(session, id, open)
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== 'pending') throw error
  }
  return (await readEst(session, (view) => reportOf(view, id))) ?? found
}

function reportOf(view: EstRevision, id: string): RequestReport | undefined {
  const request = entry(view.state().requests, id)
  if (request !== undefined) {
    // the key signs in our own process: a certificate that is not recorded was never returned
    const hasFailed = request.status === 'asked' && request.asking.here && !isWaiting(request, view.at)
    return hasFailed ? undefined : openReport(id, request, view.at)
  }
  const found = view.find(id)
  return found === undefined ? undefined : issuedReport(id, found.certificate)
}

function issuedReport(
  id: string,
  { label, ca, subject, names, by, at, serial, notAfter, revoked }: IssuedCertificate,
): RequestReport {
  const status = revoked === null ? 'issued' : 'revoked'
  return {
    id,
    status,
    label,
    ca,
    subject,
    names,
    by,
    since: at,
    retryAt: null,
    message: revoked?.reason ?? null,
    serial,
    notAfter,
  }
}

function openReport(id: string, request: OpenRequest, at: Instant): RequestReport {
  const { label, subject, names, by, since, retryAt, message, asking } = request
  const hasLapsed = request.status === 'asked' && !isWaiting(request, at)
  const status = hasLapsed ? 'unknown' : request.status
  return { id, status, label, ca: asking.ca, subject, names, by, since, retryAt, message, serial: null, notAfter: null }
}

/**
 * Polls the CA of a pending request and returns the certificate. Throws `est-pending` (pending) while there is none, `est-refused`
 * (rejected) if the CA refused the request, `est-poll-failed` (remote) if it cannot be reached: then nothing has changed.
 */
export async function followUp(session: Session, id: string, open: OpenBackend): Promise<Enrolled> {
  // some CAs issue when they are polled, and a stand-by could not record the certificate
  refuseStandby(session)
  const { request, csr } = await readEst(session, ({ state, object }) => {
    const found = entry(state().requests, id)
    if (found === undefined || found.reference === null)
      throw new AppError('usage', 'est-request-unknown', `unknown pending request ${JSON.stringify(id)}`)
    return { request: found, csr: object(found.csr) }
  })
  const reply = await poll(session, request, csr, open)
  const { outcome, message, value } = reply
  if (value !== undefined && 'certificate' in value) return recordPolled(session, id, request, reply, value)
  if (value !== undefined && 'refused' in value) throw await recordRefusal(session, id, request, reply, value, open)
  const { ca } = request.asking
  const rest = { details: { id, ca }, hint: `brine est status ${id}` }
  if (value !== undefined)
    throw new AppError('pending', 'est-pending', `request ${id} is still pending at ${ca}: ${message}`, {
      ...rest,
      retryAfter: value.retryAfter,
    })
  if (outcome !== 'request-fault')
    throw new AppError(
      'remote',
      'est-poll-failed',
      `request ${id} is pending at ${ca}, which could not be polled: ${message}`,
      rest,
    )
  await transactEst(session, async (tx) => {
    tx.counts.add('failed', request.label, ca, outcome)
    await tx.run({ type: 'request.end', id, why: 'refused', message })
  })
  throw new AppError('rejected', 'est-refused', `${ca} refused request ${id}: ${message}`, {
    details: { id, ca },
    changed: 'yes',
  })
}

function poll(session: Session, request: OpenRequest, csr: Uint8Array, open: OpenBackend): Promise<Reply<Verified>> {
  const { profile } = labelOf(session, request.label)
  const wanted = requestOf(csr)
  return callCa(
    () => open(session, request.asking.ca),
    session.enrolment.attemptTimeout,
    'ca-fault',
    async (backend, signal) =>
      verifyResponse(await backend.poll(request.reference ?? '', signal), backend, wanted, profile, session.now),
  )
}

async function recordPolled(
  session: Session,
  id: string,
  request: OpenRequest,
  { outcome, latencyMs }: Reply<Verified>,
  { certificate, chain, differences }: Extract<Verified, { readonly certificate: PlainCertificate }>,
): Promise<Enrolled> {
  const { ca } = request.asking
  const { serial, notBefore, notAfter, der } = certificate
  await transactEst(session, async (tx) => {
    // another process may have fetched it meanwhile
    if (entry(tx.state().requests, id) === undefined && tx.find(id) !== undefined) return
    await tx.record(id, recordOf(certificate, ca, request), der, chain)
  })
  await refuseCompromised(session, id, request.key)
  const attempts = [{ ca, outcome, ms: latencyMs }]
  return {
    ...{ id, label: request.label, ca, serial, notBefore, notAfter, differences },
    ...{ failover: false, attempts, candidates: [], certificate: der },
  }
}

/** Records a certificate that is not handed out, ends its request, and revokes it. Returns the error to throw. */
async function recordRefusal(
  session: Session,
  id: string,
  request: OpenRequest,
  { message }: Reply<Verified>,
  value: Refused,
  open: OpenBackend,
): Promise<AppError> {
  const { asking } = request
  const isRecorded = await transactEst(session, async (tx) => {
    // another process may have fetched it meanwhile
    if (entry(tx.state().requests, id) === undefined) return false
    await recordRefused(tx, asking, value, request)
    await tx.run({ type: 'request.end', id, why: 'refused', message })
    return true
  })
  const revoked = isRecorded ? [await revokeRefused(session, asking, value, open)] : []
  const certificates = revoked.map((one) => ({ ...one }))
  return errorForRefused(message, revoked, { id, ca: asking.ca, certificates })
}

/** Throws `csr-key-compromised` (rejected) if the key was revoked while its request was pending: the certificate is not handed out. */
async function refuseCompromised(session: Session, id: string, key: Sha256): Promise<void> {
  const at = await readEst(session, (view) => compromisedAt(view, key))
  if (at === undefined) return
  throw new AppError(
    'rejected',
    'csr-key-compromised',
    `this key was revoked as compromised at ${at}; the certificate of request ${id} is recorded and not handed out`,
    { hint: `brine est cert revoke ${id} --because keyCompromise --yes`, details: { id }, changed: 'yes' },
  )
}

function unknownRequest(id: string): AppError {
  return new AppError(
    'usage',
    'est-request-unknown',
    `unknown request ${JSON.stringify(id)}: it does not exist or it has failed`,
    {
      hint: 'brine est status; brine history list est/0',
    },
  )
}
