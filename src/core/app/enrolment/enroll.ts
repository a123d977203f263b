/**
 * `est enroll`: one certificate through whichever CA of the label's group is healthy.
 * Invariants: each CA is asked once at most, within a deadline; the question is recorded before it is sent and the answer before it is handed
 * out; what may have been issued is never asked for again unless somebody says so.
 */
import type { OpenRequestNotice } from '../../base/context.js'
import { entry } from '../../base/record.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { Attempt } from '../../est/commands.js'
import { sameRequest } from '../../est/requests.js'
import type { RequestSpec } from '../../est/state.js'
import type { HaCommand } from '../../ha/commands.js'
import { candidates } from '../../ha/select.js'
import type { PlainCertificate } from '../../pki/certificate.js'
import { nameList } from '../../pki/names.js'
import { asking, callCa, type Reply } from '../failover/call-ca.js'
import { newAttempt, type OpenBackend, owner } from '../failover/probe.js'
import type { Session } from '../transaction/session.js'
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
import { certificateSerial, requestOf } from './request.js'
import { recordOf, type Verified, verified } from './response.js'

/** Seconds beyond its time for which a question keeps its claim while the answer is being written down. */
const GRACE = 10

/**
 * The certificate. Throws what the profile refuses (`rejected`, recorded), `est-pending` (pending), `est-unknown` (uncertain),
 * `est-unavailable` with `retryAfter`, `est-refused` (rejected) when the CA says no, `est-label-unknown`, `ha-ca-unknown`.
 */
export async function enroll(session: Session, order: EnrolOptions, open: OpenBackend): Promise<Enrolled> {
  const course = await begun(session, order, open)
  return typeof course === 'string' ? followUp(session, course, open) : askInTurn(course)
}

/** Who would be asked, and who might serve: the rules of `enroll`, and nobody is asked. Throws as that. */
export async function planEnrolment(session: Session, order: EnrolOptions, open: OpenBackend): Promise<EnrolmentPlan> {
  const course = await begun(session, order, open)
  const plan = { label: order.label, dryRun: true } as const
  if (typeof course === 'string') return { ...plan, ca: null, pending: course, candidates: [] }
  const next = await transactEst({ ...session, options: { ...session.options, dryRun: true } }, (tx) =>
    begin(course, tx),
  )
  return { ...plan, ca: next?.ca ?? null, pending: null, candidates: course.candidates }
}

/** The request, sound and known; the id of one for the same key that is pending. */
async function begun(session: Session, order: EnrolOptions, open: OpenBackend): Promise<EnrolmentRun | string> {
  const label = labelOf(session, order.label)
  if (order.ca !== undefined) memberOf(label, order.ca)
  const request = requestOf(order.csr)
  const renews =
    order.renews === undefined ? null : await certificateSerial(session, label, request, order.renews, open)
  const key = sha256Hex(request.spki)
  const same = await readEst(session, (view) => sameRequest(view.state(), order.label, key))
  if (same?.request.status === 'pending' && order.duplicate !== true) return same.id
  const subject = request.subject.text
  const wish: RequestSpec = { label: order.label, key, subject, names: nameList(request.names), by: order.by, renews }
  const until = performance.now() + session.enrolment.requestDeadline * 1000
  const id = newAttempt().slice(0, 16)
  return { session, order, label, request, wish, id, open, attempts: [], until, candidates: [] }
}

async function askInTurn(course: EnrolmentRun): Promise<Enrolled> {
  const { session } = course
  let next = await transactEst(session, (tx) => begin(course, tx))
  for (;;) {
    if (next === undefined) throw errorForUnavailable(course)
    const asked: Attempt = next
    const { ca } = asked
    const { reply, after } = await asking(session, questionOf(course, asked), () => askOne(course, asked))
    next = after
    if (reply.outcome === 'ok' && reply.value !== undefined && 'certificate' in reply.value)
      return enrolled(course, ca, reply.value.certificate)
    if (reply.outcome !== 'ca-fault' && reply.outcome !== 'config-fault') throw errorForEnded(course, ca, reply)
  }
}

/** Asks, and records the answer and who is asked then. */
async function askOne(
  course: EnrolmentRun,
  asked: Attempt,
): Promise<{ readonly reply: Reply<Verified>; readonly after: Attempt | undefined }> {
  const { session, open, order, request, label } = course
  const { ca, timeout, here } = asked
  const reply = await callCa(
    () => open(session, ca),
    timeout - GRACE,
    here ? 'ca-fault' : 'unknown',
    async (backend, signal) => {
      const answer = await backend.issue({ csr: order.csr, profile: label.profile, signal })
      return verified(answer, backend, request, label.profile, session.now)
    },
  )
  course.attempts.push(attemptOf(ca, reply))
  try {
    return { reply, after: await transactEst(session, (tx) => settle(course, tx, asked, reply)) }
  } catch (error) {
    throw errorForUnrecorded(course, asked, reply, error)
  }
}

/** What whoever interrupts while the CA is asked has to know. */
function questionOf({ id }: EnrolmentRun, { ca, here }: Attempt): OpenRequestNotice {
  return here
    ? { kind: 'pending', message: `request ${id} has no certificate`, hint: 'the same command asks anew in a minute' }
    : { kind: 'uncertain', message: `${ca} may issue a certificate for request ${id}`, hint: `brine est status ${id}` }
}

/** Chooses whom to ask, and opens the request. Undefined where nobody can serve. */
async function begin(course: EnrolmentRun, tx: EstContext): Promise<Attempt | undefined> {
  const { order, id, request, label, wish } = course
  tx.ready()
  course.candidates = candidates(tx.ha.state(), label.group, [], tx.at, course.session.enrolment.breaker)
  const question = await choose(course, tx)
  const csr = tx.work.put(order.csr, tx.at)
  const { by, renews } = wish
  const { profile } = label
  await tx.run({
    type: 'request.open',
    ...{ id, label: order.label, csr, request, profile, by, renews, duplicate: order.duplicate ?? false, at: tx.at },
    question: question ?? { attempt: '', ca: '', timeout: 0, here: true },
  })
  // the rules were asked first: who may not have a certificate is not told to come back
  if (question === undefined) throw errorForUnavailable(course, tx)
  return question
}

/** The next CA that can serve and was not asked yet, claimed; undefined where there is none or no time. */
async function choose(
  { session, order, label, attempts, until }: EnrolmentRun,
  tx: EstContext,
): Promise<Attempt | undefined> {
  const left = Math.floor((until - performance.now()) / 1000)
  if (left < 1) return undefined
  const timeout = Math.min(session.enrolment.attemptTimeout, left) + GRACE
  const asking = { attempt: newAttempt(), owner: owner(session), timeout }
  const tried = attempts.map(({ ca }) => ca)
  if (order.ca !== undefined && tried.includes(order.ca)) return undefined
  const command: HaCommand =
    order.ca === undefined
      ? { type: 'enroll.start', group: label.group, tried, probed: tx.probed, ...asking }
      : { type: 'enroll.direct', ca: order.ca, ...asking }
  const started = (await tx.ha.run(command)).find((event) => event.type === 'attempt.started')
  if (started === undefined) return undefined
  return { attempt: started.attempt, ca: started.ca, timeout, here: signsHere(session, started.ca) }
}

/** Records what came of a question. Returns the next one where it has to be asked elsewhere. */
async function settle(
  course: EnrolmentRun,
  tx: EstContext,
  { ca, attempt }: Attempt,
  reply: Reply<Verified>,
): Promise<Attempt | undefined> {
  const { id, wish } = course
  const { outcome, message, latencyMs, value } = reply
  await tx.ha.run({ type: 'enroll.finish', ca, attempt, outcome, message, latencyMs })
  if (value !== undefined && 'certificate' in value) {
    await tx.record(id, recordOf(value.certificate, ca, wish), value.certificate.der)
    return undefined
  }
  if (value !== undefined) return void (await tx.run({ type: 'request.wait', id, ...value }))
  if (outcome === 'unknown') return void (await tx.run({ type: 'request.lose', id, message }))
  const next = outcome === 'request-fault' ? undefined : await choose(course, tx)
  if (next !== undefined) await tx.run({ type: 'request.ask', id, question: next })
  // what lapsed while we waited may be gone from the state, and then has nothing to end
  else if (entry(tx.state().requests, id) !== undefined)
    await tx.run({ type: 'request.end', id, why: outcome === 'request-fault' ? 'refused' : 'failed', message })
  return next
}

function attemptOf(ca: string, { outcome, message, latencyMs }: Reply<Verified>): AttemptReport {
  const isGood = outcome === 'ok' || outcome === 'pending'
  return { ca, outcome, ...(isGood ? {} : { error: message }), ms: latencyMs }
}

function enrolled(course: EnrolmentRun, ca: string, { serial, notBefore, notAfter, der }: PlainCertificate): Enrolled {
  const { id, order, attempts, candidates } = course
  return {
    ...{ id, label: order.label, ca, serial, notBefore, notAfter },
    ...{ failover: attempts.length > 1, attempts, candidates, certificate: der },
  }
}
