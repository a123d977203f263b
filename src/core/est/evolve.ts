/** Replay: facts of enrolment applied to the state. Total and pure. */
import { entry, withEntries, withEntry, withoutEntry } from '../base/record.js'
import { addSeconds, type Instant } from '../base/time.js'
import type { EstEvent } from './events.js'
import type { EstState, OpenRequest, Requester } from './state.js'

/** Seconds for which an expired certificate or password is still shown; history keeps it for ever. */
const SHOWN = 30 * 86400

/** The state after `event`. */
export function evolveEst(state: EstState, event: EstEvent): EstState {
  switch (event.type) {
    case 'request.opened': {
      const { type: _, id, at, ...rest } = event
      const request: OpenRequest = {
        ...rest,
        since: at,
        status: 'asked',
        reference: null,
        retryAt: null,
        message: null,
      }
      return { ...state, requests: withEntry(state.requests, id, request) }
    }
    case 'request.asked':
      return withRequest(state, event.id, { asking: event.asking, since: event.at, status: 'asked', message: null })
    case 'request.pending': {
      const { reference, retryAt } = event
      return withRequest(state, event.id, { status: 'pending', reference, retryAt })
    }
    case 'request.unknown':
      return withRequest(state, event.id, { status: 'unknown', message: event.message })
    case 'request.ended':
      return { ...state, requests: withoutEntry(state.requests, event.id) }
    case 'request.served':
      return served(state, event.id, event.by)
    case 'certificate.issued': {
      const { type: _, id, ...certificate } = event
      const kept = recentCertificates(state, event.at)
      return { ...state, certificates: withEntry(kept, id, { ...certificate, revoked: null }) }
    }
    case 'certificate.revoked': {
      const certificate = entry(state.certificates, event.id)
      if (certificate === undefined) return state
      const revoked = { at: event.at, reason: event.reason }
      return { ...state, certificates: withEntry(state.certificates, event.id, { ...certificate, revoked }) }
    }
    case 'password.created': {
      const { type: _, id, ...password } = event
      const kept = recent(state.passwords, password.since)
      return { ...state, passwords: withEntry(kept, id, { ...password, used: 0 }) }
    }
    case 'password.revoked':
      return { ...state, passwords: withoutEntry(state.passwords, event.id) }
    case 'crl.numbered':
      return { ...state, crls: withEntry(state.crls, event.ca, event.number) }
  }
}

function withRequest(state: EstState, id: string, change: Partial<OpenRequest>): EstState {
  const request = entry(state.requests, id)
  return request === undefined
    ? state
    : { ...state, requests: withEntry(state.requests, id, { ...request, ...change }) }
}

function served(state: EstState, id: string, by: Requester): EstState {
  const password = by.how === 'password' ? entry(state.passwords, by.name) : undefined
  const requests = withoutEntry(state.requests, id)
  if (password === undefined) return { ...state, requests }
  return {
    ...state,
    requests,
    passwords: withEntry(state.passwords, by.name, { ...password, used: password.used + 1 }),
  }
}

function recentCertificates({ certificates }: EstState, at: Instant): EstState['certificates'] {
  const limit = addSeconds(at, -SHOWN)
  const old = Object.entries(certificates).filter(([, { notAfter }]) => notAfter < limit)
  return old.length === 0
    ? certificates
    : withEntries(
        certificates,
        [],
        old.map(([id]) => id),
      )
}

function recent(passwords: EstState['passwords'], at: Instant): EstState['passwords'] {
  const limit = addSeconds(at, -SHOWN)
  const old = Object.entries(passwords).filter(([, { expires }]) => expires < limit)
  return withEntries(
    passwords,
    [],
    old.map(([id]) => id),
  )
}
