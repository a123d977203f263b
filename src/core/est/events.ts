/** Events of enrolment: what is stored of each, and what it makes of the state. */
import { entry, type Table, withEntries, withEntry, withoutEntry } from '../base/record.js'
import { isCount, isHash, isOneOf, isPositive, isText, isTime, listOf, objectOf } from '../base/shape.js'
import { addSeconds, type Instant } from '../base/time.js'
import { type EventOf, eventsOn, joined } from '../eventsourcing/declare.js'
import { clockEvents } from './clock.js'
import { withIssued } from './issuers.js'
import {
  type CompromisedKey,
  type EstState,
  type IssuedBy,
  isAttempt,
  isRequester,
  KEPT,
  type OpenRequest,
  type Requester,
  SPEC,
} from './state.js'

const event = eventsOn<EstState>()

const isIssuedBy = objectOf<IssuedBy>({ ca: isText, chain: listOf(isHash), label: isText, notAfter: isTime })

const requestEvents = {
  'request.opened': event(
    { id: isText, csr: isHash, asking: isAttempt, at: isTime, ...SPEC },
    (state, { type: _, id, at, ...rest }) => {
      const opened = { since: at, status: 'asked', reference: null, retryAt: null, message: null } as const
      return { ...state, requests: withEntry(state.requests, id, { ...rest, ...opened }) }
    },
  ),
  /** The request is sent to the next CA, after the one before it failed. */
  'request.asked': event({ id: isText, asking: isAttempt, at: isTime }, (state, { id, asking, at }) =>
    withRequest(state, id, { asking, since: at, status: 'asked', message: null }),
  ),
  'request.pending': event(
    { id: isText, reference: isText, retryAt: isTime, at: isTime },
    (state, { id, reference, retryAt }) => withRequest(state, id, { status: 'pending', reference, retryAt }),
  ),
  'request.unknown': event({ id: isText, message: isText, at: isTime }, (state, { id, message }) =>
    withRequest(state, id, { status: 'unknown', message }),
  ),
  /** The request ended without a certificate. */
  'request.ended': event(
    { id: isText, why: isOneOf('refused', 'failed', 'died', 'superseded'), message: isText, at: isTime },
    (state, { id }) => ({ ...state, requests: withoutEntry(state.requests, id) }),
  ),
  /** The certificate is recorded in a book by the same commit; events of before do not say of which CA it is. */
  'request.served': event(
    { id: isText, by: isRequester, at: isTime, 'issued?': isIssuedBy },
    (state, { id, by, at, issued }) => {
      const requests = withoutEntry(state.requests, id)
      const issuers = issued === undefined ? {} : { issuers: withIssued(state.issuers ?? [], issued, at) }
      return { ...state, ...issuers, requests, passwords: withUse(state.passwords, by) }
    },
  ),
  'records.surveyed': event(
    {
      issuers: listOf(isIssuedBy),
      compromised: listOf(objectOf<CompromisedKey>({ key: isHash, at: isTime })),
      at: isTime,
    },
    (state, { issuers, compromised, at }) => ({
      ...state,
      issuers: issuers.reduce<NonNullable<EstState['issuers']>>((all, one) => withIssued(all, one, at), []),
      compromised: Object.fromEntries(compromised.map((one) => [one.key, one.at])),
    }),
  ),
  'key.compromised': event({ key: isHash, at: isTime }, (state, { key, at }) => {
    return { ...state, compromised: withEntry(state.compromised ?? {}, key, at) }
  }),
  /** An entry of a book, complete by itself, so that a certificate that arrives late is recorded like any other. */
  'certificate.issued': event(
    {
      ...{ id: isText, ...SPEC, ca: isText },
      /** Lower-case hex. */
      serial: isText,
      ...{ notBefore: isTime, notAfter: isTime, at: isTime },
      /** The certificate, DER. */
      sha256: isHash,
      'refused?': isText,
    },
    (state, { type: _, id, ...certificate }) => {
      const kept = withoutExpired(state.certificates, ({ notAfter }) => notAfter, certificate.at)
      return { ...state, certificates: withEntry(kept, id, { ...certificate, revoked: null }) }
    },
  ),
  'certificate.revoked': event({ id: isText, reason: isText, at: isTime }, (state, { id, reason, at }) => {
    const certificate = entry(state.certificates, id)
    if (certificate === undefined) return state
    // a reason that becomes known later does not change when the certificate was revoked
    const revoked = { at: certificate.revoked?.at ?? at, reason }
    return { ...state, certificates: withEntry(state.certificates, id, { ...certificate, revoked }) }
  }),
  'password.created': event(
    { id: isText, label: isText, hash: isHash, uses: isPositive, since: isTime, expires: isTime, note: isText },
    (state, { type: _, id, ...password }) => {
      const kept = withoutExpired(state.passwords, ({ expires }) => expires, password.since)
      return { ...state, passwords: withEntry(kept, id, { ...password, used: 0 }) }
    },
  ),
  'password.revoked': event({ id: isText, at: isTime }, (state, { id }) => {
    return { ...state, passwords: withoutEntry(state.passwords, id) }
  }),
  /** Without nextUpdate a number is taken before the CRL is signed; with it, the CRL of that number was signed. */
  'crl.numbered': event(
    { ca: isText, number: isCount, at: isTime, 'nextUpdate?': isTime },
    (state, { ca, number, at, nextUpdate }) => {
      const crls = withEntry(state.crls, ca, Math.max(entry(state.crls, ca) ?? 0, number))
      if (nextUpdate === undefined) return { ...state, crls }
      return { ...state, crls, signedCrls: withEntry(state.signedCrls ?? {}, ca, { number, at, nextUpdate }) }
    },
  ),
}

export const estEvents = joined(requestEvents, clockEvents)

/** STORED. Types and members are never renamed: a new shape is a new type. */
export type EstEvent = EventOf<typeof estEvents>

function withRequest(state: EstState, id: string, change: Partial<OpenRequest>): EstState {
  const request = entry(state.requests, id)
  if (request === undefined) return state
  return { ...state, requests: withEntry(state.requests, id, { ...request, ...change }) }
}

function withUse(passwords: EstState['passwords'], { how, name }: Requester): EstState['passwords'] {
  const password = how === 'password' ? entry(passwords, name) : undefined
  return password === undefined ? passwords : withEntry(passwords, name, { ...password, used: password.used + 1 })
}

function withoutExpired<T>(table: Table<T>, endOf: (value: T) => Instant, at: Instant): Table<T> {
  const limit = addSeconds(at, -KEPT)
  const expired = Object.entries(table).flatMap(([id, value]) => (endOf(value) < limit ? [id] : []))
  return expired.length === 0 ? table : withEntries(table, [], expired)
}
