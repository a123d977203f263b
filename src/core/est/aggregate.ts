/**
 * Enrolment as aggregates of the kind `est`: who asked for which certificate and who may ask (handle `0`), and what was issued (books).
 * Invariant: a certificate counts once it is recorded here, and a question whose answer never came stays until somebody says what to do.
 */
import { type Handle, parseHandle } from '../base/handle.js'
import type { Json } from '../base/json.js'
import { entry, sortedEntries } from '../base/record.js'
import { addSeconds, type Instant } from '../base/time.js'
import { sha256Hex } from '../crypto/digest.js'
import type { Aggregate, CommandSummary } from '../eventsourcing/types.js'
import { nameList } from '../pki/names.js'
import { checkEst } from './check.js'
import type { Attempt, EstCommand, EstPorts, RequestOpen } from './commands.js'
import type { EstEvent } from './events.js'
import { evolveEst } from './evolve.js'
import { lapsed, sameRequest } from './requests.js'
import { type Asking, EMPTY_EST, type EstState } from './state.js'

/** Requests, passwords and the numbers of CRLs. */
export const EST_HANDLE: Handle = parseHandle('0')

export const est: Aggregate<EstState, EstCommand, EstEvent, EstPorts> = {
  kind: 'est',
  events: {
    'request.opened': true,
    'request.asked': true,
    'request.pending': true,
    'request.unknown': true,
    'request.ended': true,
    'request.served': true,
    'certificate.issued': true,
    'certificate.revoked': true,
    'password.created': true,
    'password.revoked': true,
    'crl.numbered': true,
  },
  initial: () => EMPTY_EST,
  check: checkEst,
  decide: async (state, command, { clock }) => {
    const at = clock.now()
    const past = lapsed(state, at)
    return [...past, ...decideEst(past.reduce(evolveEst, state), command, at)]
  },
  evolve: evolveEst,
  summarize,
  logical,
}

function decideEst(state: EstState, command: EstCommand, at: Instant): readonly EstEvent[] {
  switch (command.type) {
    case 'request.open':
      return opened(state, command, at)
    case 'request.ask':
      return [{ type: 'request.asked', id: command.id, asking: askingOf(command.question, at), at }]
    case 'request.serve':
      return [{ type: 'request.served', id: command.id, by: command.by, at }]
    case 'certificate.record':
      return [{ type: 'certificate.issued', id: command.id, ...command.certificate, at }]
    case 'request.wait': {
      const { id, reference, retryAfter } = command
      return [{ type: 'request.pending', id, reference, retryAt: addSeconds(at, retryAfter), at }]
    }
    case 'request.lose':
      return [{ type: 'request.unknown', id: command.id, message: command.message, at }]
    case 'request.end': {
      // a dead process's question that lapsed in this very command is gone already
      const { id, why, message } = command
      return entry(state.requests, id) === undefined ? [] : [{ type: 'request.ended', id, why, message, at }]
    }
    case 'certificate.revoke': {
      const { id, reason } = command
      return entry(state.certificates, id)?.revoked === null ? [{ type: 'certificate.revoked', id, reason, at }] : []
    }
    case 'password.create': {
      const { id, label, hash, uses, validSeconds, note } = command
      const expires = addSeconds(at, validSeconds)
      return [{ type: 'password.created', id, label, hash, uses, since: at, expires, note }]
    }
    case 'password.revoke':
      return [{ type: 'password.revoked', id: command.id, at }]
    case 'crl.number': {
      const { ca, least } = command
      return [{ type: 'crl.numbered', ca, number: Math.max((entry(state.crls, ca) ?? 0) + 1, least), at }]
    }
  }
}

function askingOf({ timeout, ...question }: Attempt, at: Instant): Asking {
  return { ...question, deadline: addSeconds(at, timeout) }
}

function opened(state: EstState, command: RequestOpen, at: Instant): readonly EstEvent[] {
  const { id, label, csr, request, by, renews, question } = command
  const key = sha256Hex(request.spki)
  const before = sameRequest(state, label, key)
  const given: readonly EstEvent[] =
    before === undefined
      ? []
      : [{ type: 'request.ended', id: before.id, why: 'superseded', message: `asked anew as ${id}`, at }]
  const subject = request.subject.text
  const names = nameList(request.names)
  const asking = askingOf(question, at)
  return [...given, { type: 'request.opened', id, label, csr, key, subject, names, by, renews, asking, at }]
}

/** Names and outcomes; no hash of a password. */
function summarize(command: EstCommand): CommandSummary {
  switch (command.type) {
    case 'request.open': {
      const { type, id, label, by, question, request } = command
      const { how, name } = by
      return { type, args: { id, label, subject: request.subject.text, by: `${how} ${name}`, ca: question.ca } }
    }
    case 'request.ask':
      return { type: command.type, args: { id: command.id, ca: command.question.ca } }
    case 'request.serve':
      return { type: command.type, args: { id: command.id } }
    case 'certificate.record': {
      const { label, ca, serial } = command.certificate
      return { type: command.type, args: { id: command.id, label, ca, serial } }
    }
    case 'password.create': {
      const { type, id, label, uses } = command
      return { type, args: { id, label, uses } }
    }
    default: {
      const { type, ...args } = command
      return { type, args }
    }
  }
}

/** Who holds what, without serials, keys, ids and times. */
function logical(state: EstState): Json {
  const certificates = Object.values(state.certificates).map(({ label, subject, names, ca, revoked }) =>
    [label, subject, names.join(' '), ca, revoked?.reason ?? ''].join('\n'),
  )
  const requests = Object.values(state.requests).map(({ label, subject, status, asking }) =>
    [label, subject, status, asking.ca].join('\n'),
  )
  const passwords = Object.values(state.passwords).map(({ label, uses, used, note }) =>
    [label, uses, used, note].join('\n'),
  )
  return {
    certificates: certificates.sort(),
    requests: requests.sort(),
    passwords: passwords.sort(),
    crls: sortedEntries(state.crls).map(([ca]) => ca),
  }
}
