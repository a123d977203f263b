/**
 * The clock of enrolment is reset: requests, passwords and records of a time that is still to come get the present.
 * Invariant: what a certificate says stays as it is, and a password is valid as long as it was meant to be.
 */
import { mapEntries } from '../base/record.js'
import { isTime } from '../base/shape.js'
import { addSeconds, earlier, type Instant, secondsBetween } from '../base/time.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import type { EstPorts } from './ports.js'
import type { EstState, IssuedCertificate, OneTimePassword, OpenRequest } from './state.js'

const event = eventsOn<EstState>()

export const clockEvents = {
  'clock.reset': event({ at: isTime }, (state, { at }) => ({
    ...state,
    requests: mapEntries(state.requests, (request) => requestAt(request, at)),
    passwords: mapEntries(state.passwords, (password) => passwordAt(password, at)),
    certificates: mapEntries(state.certificates, (certificate) => certificateAt(certificate, at)),
  })),
}

function requestAt(request: OpenRequest, at: Instant): OpenRequest {
  const { since, retryAt } = request
  return { ...request, since: earlier(since, at), retryAt: retryAt === null ? null : earlier(retryAt, at) }
}

function passwordAt(password: OneTimePassword, at: Instant): OneTimePassword {
  const { since, expires } = password
  return since <= at ? password : { ...password, since: at, expires: addSeconds(at, secondsBetween(since, expires)) }
}

function certificateAt(certificate: IssuedCertificate, at: Instant): IssuedCertificate {
  const { revoked } = certificate
  return {
    ...certificate,
    at: earlier(certificate.at, at),
    revoked: revoked === null ? null : { ...revoked, at: earlier(revoked.at, at) },
  }
}

const command = commandsOn<EstState, EventOf<typeof clockEvents>, EstPorts>()

export const clockCommands = {
  'clock.reset': command({
    check: () => [],
    decide: (_, __, { clock }) => [{ type: 'clock.reset', at: clock.now() }],
    publishesOnly: false,
    summarize: () => ({}),
  }),
}

/** Returns one line for each entry of a time after `now`. */
export function estFuture({ requests, passwords, certificates }: EstState, now: Instant): readonly string[] {
  return [
    ...Object.entries(requests).flatMap(([id, { since, retryAt }]) =>
      since > now
        ? [`request ${id} of ${since}`]
        : [...(retryAt !== null && retryAt > now ? [`request ${id} waits until ${retryAt}`] : [])],
    ),
    ...Object.entries(passwords).flatMap(([id, { since }]) =>
      since > now ? [`one-time password ${id} of ${since}`] : [],
    ),
    ...Object.entries(certificates).flatMap(([id, { at, notBefore }]) =>
      at > now ? [`certificate ${id} of ${at}, valid from ${notBefore}`] : [],
    ),
  ]
}
