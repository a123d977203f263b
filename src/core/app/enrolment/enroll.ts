/**
 * `est enroll`: gets one certificate from a healthy CA of the label's group.
 * Invariants: each CA is tried once at most, within a deadline; a request is recorded before it is sent and the certificate before it is
 * returned; a certificate that may have been issued is requested again only with `--allow-duplicate`.
 */
import type { OpenRequestNotice } from '../../base/context.js'
import { entry } from '../../base/record.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { NewAttempt } from '../../est/enrolments.js'
import { sameRequest } from '../../est/requests.js'
import type { RequestSpec } from '../../est/state.js'
import type { HaCommand } from '../../ha/aggregate.js'
import { candidates } from '../../ha/select.js'
import type { PlainCertificate } from '../../pki/certificate.js'
import { nameList } from '../../pki/names.js'
import { callCa, type Reply, withOpenRequest } from '../failover/call-ca.js'
import { newAttempt, type OpenBackend, owner } from '../failover/probe.js'
import type { Session } from '../session/session.js'
import { type EstContext, readEst, transactEst } from './commit.js'
import {
  type AttemptReport,
  type Enrolled,
  type EnrolmentPlan,
  type EnrolmentRun,
  type EnrolOptions,
  errorForEnded,
  errorForUnavailable,
  errorForUnrecorded,
} from './enrolment-run.js'
import { followUp } from './follow-up.js'
import { labelOf, memberOf, signsHere } from './labels.js'
import { recordRefused, refusedText, revokeRefused } from './refused.js'
import { certificateSerial, requestOf } from './request.js'
import { recordOf, type Verified, verifyResponse } from './response.js'

/** Seconds for which an attempt keeps its claim after its timeout, while the response is being recorded. */
const GRACE = 10

/**
 * Enrols and returns the certificate. Throws the violations of the profile (`rejected`, recorded), `est-pending` (pending),
 * `est-unknown` (uncertain), `est-unavailable` with `retryAfter`, `est-refused` (rejected) if the CA refuses the request,
 * `est-label-unknown`, `ha-ca-unknown`.
 */
export async function enroll(session: Session, enrolOptions: EnrolOptions, open: OpenBackend): Promise<Enrolled> {
  const run = await prepareRun(session, enrolOptions, open)
  return typeof run === 'string' ? followUp(session, run, open) : tryCas(run)
}

/** Returns the CA that `enroll` would try first and all candidates, without a request to a CA. Throws as `enroll` does. */
export async function planEnrolment(
  session: Session,
  enrolOptions: EnrolOptions,
  open: OpenBackend,
): Promise<EnrolmentPlan> {
  const run = await prepareRun(session, enrolOptions, open)
  const plan = { label: enrolOptions.label, dryRun: true } as const
  if (typeof run === 'string') return { ...plan, ca: null, pending: run, candidates: [] }
  const next = await transactEst({ ...session, options: { ...session.options, dryRun: true } }, (tx) =>
    openRequest(run, tx),
  )
  return { ...plan, ca: next?.ca ?? null, pending: null, candidates: run.candidates }
}

/** Checks the options and returns a new run, or the id of a request for the same key that is pending. */
async function prepareRun(
  session: Session,
  enrolOptions: EnrolOptions,
  open: OpenBackend,
): Promise<EnrolmentRun | string> {
  const label = labelOf(session, enrolOptions.label)
  if (enrolOptions.ca !== undefined) memberOf(label, enrolOptions.ca)
  const request = requestOf(enrolOptions.csr)
  const renews =
    enrolOptions.renews === undefined
      ? null
      : await certificateSerial(session, label, request, enrolOptions.renews, open)
  const key = sha256Hex(request.spki)
  const same = await readEst(session, (view) => sameRequest(view.state(), enrolOptions.label, key))
  if (same?.request.status === 'pending' && enrolOptions.duplicate !== true) return same.id
  const subject = request.subject.text
  const requestSpec: RequestSpec = {
    label: enrolOptions.label,
    key,
    subject,
    names: nameList(request.names),
    by: enrolOptions.by,
    renews,
  }
  const until = performance.now() + session.enrolment.requestDeadline * 1000
  const id = newAttempt().slice(0, 16)
  const results = { attempts: [], candidates: [], refused: [], revoked: [] }
  return { session, enrolOptions, label, request, requestSpec, id, open, until, ...results }
}

async function tryCas(run: EnrolmentRun): Promise<Enrolled> {
  const { session } = run
  let next = await transactEst(session, (tx) => openRequest(run, tx))
  for (;;) {
    if (next === undefined) throw errorForUnavailable(run)
    const attempt: NewAttempt = next
    const { ca } = attempt
    const { reply, after } = await withOpenRequest(session, noticeOf(run, attempt), () => attemptAt(run, attempt))
    next = after
    // the next CA has its own claim already, so a slow revocation must not use up its time
    if (reply.value !== undefined && 'refused' in reply.value) run.refused.push([attempt, reply.value])
    if (next === undefined) await revokeAll(run)
    if (reply.outcome === 'ok' && reply.value !== undefined && 'certificate' in reply.value)
      return enrolled(run, ca, reply.value.certificate, reply.value.differences)
    if (reply.outcome !== 'ca-fault' && reply.outcome !== 'config-fault') throw errorForEnded(run, ca, reply)
  }
}

/** Sends the request to one CA and records the response, together with the next attempt if there is one. */
async function attemptAt(
  run: EnrolmentRun,
  attempt: NewAttempt,
): Promise<{ readonly reply: Reply<Verified>; readonly after: NewAttempt | undefined }> {
  const { session, open, enrolOptions, request, label } = run
  const { ca, timeout, here } = attempt
  const reply = await callCa(
    () => open(session, ca),
    timeout - GRACE,
    here ? 'ca-fault' : 'unknown',
    async (backend, signal) => {
      const response = await backend.issue({ csr: enrolOptions.csr, profile: label.profile, signal })
      return verifyResponse(response, backend, request, label.profile, session.now)
    },
  )
  run.attempts.push(attemptOf(ca, reply))
  try {
    return { reply, after: await transactEst(session, (tx) => settle(run, tx, attempt, reply)) }
  } catch (error) {
    throw errorForUnrecorded(run, attempt, reply, error)
  }
}

/** Returns the notice that is printed if the operator interrupts the command while the CA is working on the request. */
function noticeOf({ id }: EnrolmentRun, { ca, here }: NewAttempt): OpenRequestNotice {
  return here
    ? { kind: 'pending', message: `request ${id} has no certificate`, hint: 'run the same command again in a minute' }
    : { kind: 'uncertain', message: `${ca} may issue a certificate for request ${id}`, hint: `brine est status ${id}` }
}

/** Chooses the first CA and opens the request. Throws `est-unavailable` if no CA can serve. */
async function openRequest(run: EnrolmentRun, tx: EstContext): Promise<NewAttempt | undefined> {
  const { enrolOptions, id, request, label, requestSpec } = run
  await tx.ready()
  run.candidates = candidates(tx.ha.state(), label.group, [], tx.at, run.session.enrolment.breaker)
  const attempt = await choose(run, tx)
  const csr = tx.work.put(enrolOptions.csr, tx.at)
  const { by, renews } = requestSpec
  const { profile } = label
  await tx.run({
    type: 'request.open',
    ...{
      id,
      label: enrolOptions.label,
      csr,
      request,
      profile,
      by,
      renews,
      duplicate: enrolOptions.duplicate ?? false,
      at: tx.at,
    },
    attempt: attempt ?? { attempt: '', ca: '', timeout: 0, here: true },
  })
  // the rules are checked first, so that a request that breaks one is rejected and does not get a Retry-After
  if (attempt === undefined) throw errorForUnavailable(run, tx)
  return attempt
}

/** Claims the next CA that can serve and was not tried yet; undefined if there is none or the time is up. */
async function choose(
  { session, enrolOptions, label, attempts, until }: EnrolmentRun,
  tx: EstContext,
): Promise<NewAttempt | undefined> {
  const secondsLeft = Math.floor((until - performance.now()) / 1000)
  if (secondsLeft < 1) return undefined
  const timeout = Math.min(session.enrolment.attemptTimeout, secondsLeft) + GRACE
  const claim = { attempt: newAttempt(), owner: owner(session), timeout }
  const tried = attempts.map(({ ca }) => ca)
  if (enrolOptions.ca !== undefined && tried.includes(enrolOptions.ca)) return undefined
  const command: HaCommand =
    enrolOptions.ca === undefined
      ? { type: 'enroll.start', group: label.group, tried, probed: tx.probed, ...claim }
      : { type: 'enroll.direct', ca: enrolOptions.ca, ...claim }
  const started = (await tx.ha.run(command)).find((event) => event.type === 'attempt.started')
  if (started === undefined) return undefined
  return { attempt: started.attempt, ca: started.ca, timeout, here: signsHere(session, started.ca) }
}

/** Records the outcome of an attempt. Returns the next attempt if another CA has to be tried. */
async function settle(
  run: EnrolmentRun,
  tx: EstContext,
  { ca, attempt }: NewAttempt,
  reply: Reply<Verified>,
): Promise<NewAttempt | undefined> {
  const { id, requestSpec } = run
  const { outcome, message, value } = reply
  const { value: _, ...result } = reply
  await tx.ha.run({ type: 'enroll.finish', ca, attempt, ...result })
  if (value !== undefined && 'certificate' in value) {
    await tx.record(id, recordOf(value.certificate, ca, requestSpec), value.certificate.der, value.chain)
    return undefined
  }
  if (value !== undefined && 'reference' in value) return void (await tx.run({ type: 'request.wait', id, ...value }))
  if (value !== undefined) await recordRefused(tx, { attempt, ca }, value, requestSpec)
  else tx.counts.add('failed', requestSpec.label, ca, outcome)
  if (outcome === 'unknown') return void (await tx.run({ type: 'request.lose', id, message }))
  const next = outcome === 'request-fault' ? undefined : await choose(run, tx)
  if (next !== undefined) {
    tx.counts.add('failovers', requestSpec.label, ca)
    await tx.run({ type: 'request.ask', id, attempt: next })
  }
  // a request that lapsed in the meantime may be gone from the state, and then there is nothing to end
  else if (entry(tx.state().requests, id) !== undefined)
    await tx.run({ type: 'request.end', id, why: outcome === 'request-fault' ? 'refused' : 'failed', message })
  return next
}

function attemptOf(ca: string, { outcome, message, latencyMs }: Reply<Verified>): AttemptReport {
  const isSuccess = outcome === 'ok' || outcome === 'pending'
  return { ca, outcome, ...(isSuccess ? {} : { error: message }), ms: latencyMs }
}

/** Revokes what the CAs issued and the profile refused, once no other CA is to be tried. */
async function revokeAll(run: EnrolmentRun): Promise<void> {
  for (const [attempt, value] of run.refused.splice(0))
    run.revoked.push(await revokeRefused(run.session, attempt, value, run.open))
}

function enrolled(
  run: EnrolmentRun,
  ca: string,
  { serial, notBefore, notAfter, der }: PlainCertificate,
  differences: readonly string[],
): Enrolled {
  const { session, id, enrolOptions, attempts, candidates, revoked } = run
  if (revoked.length > 0) session.options.onNotice?.(`refused certificates: ${refusedText(revoked)}`)
  return {
    ...{ id, label: enrolOptions.label, ca, serial, notBefore, notAfter, differences },
    ...{ failover: attempts.length > 1, attempts, candidates, certificate: der },
  }
}
