/** Enrolments: opening a request, sending it to one CA after another, and its outcomes. */
import type { Violation } from '../base/errors.js'
import { entry } from '../base/record.js'
import { addSeconds, type Instant } from '../base/time.js'
import { sha256Hex } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import { commandsOn } from '../eventsourcing/declare.js'
import { checkRequest } from '../pki/check-csr.js'
import type { CertificateRequest } from '../pki/csr.js'
import { nameList } from '../pki/names.js'
import type { CertificateProfile } from '../pki/profile.js'
import type { EstEvent } from './events.js'
import { usesLeft } from './passwords.js'
import type { EstPorts } from './ports.js'
import { isWaiting, sameRequest } from './requests.js'
import type { Attempt, EstState, IssuedBy, Requester } from './state.js'

/** The attempt that is about to be sent. */
export type NewAttempt = Omit<Attempt, 'deadline'> & {
  /** Seconds after which the process no longer waits for the response. */
  readonly timeout: number
}

export interface NewRequest {
  readonly id: string
  readonly label: string
  readonly csr: Sha256
  readonly request: CertificateRequest
  readonly profile: CertificateProfile
  readonly by: Requester
  readonly renews: string | null
  /** Replaces a request for the same key whose outcome is unknown or pending. */
  readonly duplicate: boolean
  readonly attempt: NewAttempt
  readonly at: Instant
}

interface ById {
  readonly id: string
}

const command = commandsOn<EstState, EstEvent, EstPorts>()

export const enrolmentCommands = {
  'request.open': command<NewRequest>({
    check: checkNew,
    decide: (state, request, { clock }) => opened(state, request, clock.now()),
    publishesOnly: false,
    summarize: ({ id, label, by: { how, name }, attempt: { ca }, request: { subject } }) => {
      return { id, label, subject: subject.text, by: `${how} ${name}`, ca }
    },
  }),
  /** Sends the request to the next CA. */
  'request.ask': command<ById & { readonly attempt: NewAttempt }>({
    check: checkOpen,
    decide: (_, { id, attempt }, { clock }) => {
      const at = clock.now()
      return [{ type: 'request.asked', id, asking: startedAt(attempt, at), at }]
    },
    publishesOnly: false,
    summarize: ({ id, attempt: { ca } }) => ({ id, ca }),
  }),
  /** The request has its certificate: it is no longer open, and its one-time password is used. */
  'request.serve': command<ById & { readonly by: Requester; readonly issued: IssuedBy }>({
    check: () => [],
    decide: (_, { id, by, issued }, { clock }) => [{ type: 'request.served', id, by, issued, at: clock.now() }],
    publishesOnly: false,
    summarize: ({ id }) => ({ id }),
  }),
  'request.wait': command<ById & { readonly reference: string; readonly retryAfter: number }>({
    check: checkOpen,
    decide: (_, { id, reference, retryAfter }, { clock }) => {
      const at = clock.now()
      return [{ type: 'request.pending', id, reference, retryAt: addSeconds(at, retryAfter), at }]
    },
    publishesOnly: false,
    summarize: ({ id, reference, retryAfter }) => ({ id, reference, retryAfter }),
  }),
  /** The outcome is unknown. */
  'request.lose': command<ById & { readonly message: string }>({
    check: checkOpen,
    decide: (_, { id, message }, { clock }) => [{ type: 'request.unknown', id, message, at: clock.now() }],
    publishesOnly: false,
    summarize: ({ id, message }) => ({ id, message }),
  }),
  'request.end': command<ById & { readonly why: 'refused' | 'failed'; readonly message: string }>({
    check: checkOpen,
    decide: (state, { id, why, message }, { clock }) =>
      // the passing of time may have ended it before this command
      entry(state.requests, id) === undefined ? [] : [{ type: 'request.ended', id, why, message, at: clock.now() }],
    publishesOnly: false,
    summarize: ({ id, why, message }) => ({ id, why, message }),
  }),
}

function startedAt({ timeout, ...attempt }: NewAttempt, at: Instant): Attempt {
  return { ...attempt, deadline: addSeconds(at, timeout) }
}

function opened(state: EstState, command: NewRequest, at: Instant): readonly EstEvent[] {
  const { id, label, csr, request, by, renews, attempt } = command
  const key = sha256Hex(request.spki)
  const before = sameRequest(state, label, key)
  const superseded: readonly EstEvent[] =
    before === undefined
      ? []
      : [{ type: 'request.ended', id: before.id, why: 'superseded', message: `superseded by request ${id}`, at }]
  const spec = { label, key, subject: request.subject.text, names: nameList(request.names), by, renews }
  return [...superseded, { type: 'request.opened', id, csr, ...spec, asking: startedAt(attempt, at), at }]
}

function checkOpen({ requests }: EstState, { id }: ById): readonly Violation[] {
  return entry(requests, id) === undefined ? [violation('est-request-unknown', `there is no open request ${id}`)] : []
}

/** Checks the label's profile, who may enroll, and that no second certificate is issued without `duplicate`. */
function checkNew(state: EstState, command: NewRequest): readonly Violation[] {
  const { id, request, profile, by, at } = command
  const found: Violation[] = [...checkRequest(request, profile)]
  const compromised = state.compromised?.[sha256Hex(request.spki)]
  if (compromised !== undefined)
    found.push(
      violation('csr-key-compromised', `this key was revoked as compromised at ${compromised}: make a new key`),
    )
  if (entry(state.requests, id) !== undefined)
    found.push(violation('est-request-exists', `request ${id} has already been opened`))
  if (by.how === 'password' && usesLeft(state, by.name, at) === 0)
    found.push(violation('est-password-spent', `the one-time password ${by.name} is spent, expired or revoked`))
  return [...found, ...checkDuplicate(state, command)]
}

function checkDuplicate(
  state: EstState,
  { label, request: { spki }, duplicate, at }: NewRequest,
): readonly Violation[] {
  const same = sameRequest(state, label, sha256Hex(spki))
  if (same === undefined) return []
  const { id, request } = same
  const { ca, deadline, here } = request.asking
  if (isWaiting(request, at)) {
    const message = `request ${id} for this key is in progress, until ${deadline} at the latest`
    return [violation('est-request-running', message)]
  }
  // a CA whose key signs in the process hands out nothing that was not recorded
  if (duplicate || (request.status === 'asked' && here)) return []
  const status = request.status === 'pending' ? `is pending at ${ca}` : `may have been served by ${ca}`
  const message = `request ${id} for this key ${status}: another certificate for it requires --allow-duplicate`
  return [violation('est-request-open', message)]
}

function violation(code: string, message: string): Violation {
  return { code, message }
}
