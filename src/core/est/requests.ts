/** What an open request is at an instant, and which one stands in the way of another. Pure. */
import { entry } from '../base/record.js'
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import type { EstEvent } from './events.js'
import type { EstState, OneTimePassword, OpenRequest } from './state.js'

/** What is said of a request whose process died between question and record. */
export const DIED = 'the process that asked died before the answer'

/** Does a process still wait for the answer at `now`? A clock that stands before the question has no say. */
export function isWaiting({ status, asking, since }: OpenRequest, now: Instant): boolean {
  return status === 'asked' && now < asking.deadline && now >= since
}

/** The facts that time alone has brought about: a request that nobody waits for has failed here, and is unknown elsewhere. */
export function lapsed(state: EstState, at: Instant): readonly EstEvent[] {
  return Object.entries(state.requests).flatMap(([id, request]): readonly EstEvent[] => {
    if (request.status !== 'asked' || isWaiting(request, at)) return []
    return request.asking.here
      ? [{ type: 'request.ended', id, why: 'died', message: DIED, at }]
      : [{ type: 'request.unknown', id, message: DIED, at }]
  })
}

/** The open request for the same key and label. */
export function sameRequest(
  { requests }: EstState,
  label: string,
  key: Sha256,
): { readonly id: string; readonly request: OpenRequest } | undefined {
  const found = Object.entries(requests).find(([, one]) => one.label === label && one.key === key)
  return found === undefined ? undefined : { id: found[0], request: found[1] }
}

/** Certificates that a password is still good for: what is open may yet become one. */
export function usesLeft(state: EstState, id: string, now: Instant): number {
  const password = entry(state.passwords, id)
  if (password === undefined || isExpired(password, now)) return 0
  const open = Object.values(state.requests).filter(
    ({ by, status, asking, ...request }) =>
      by.how === 'password' &&
      by.name === id &&
      !(asking.here && status === 'asked' && !isWaiting({ by, status, asking, ...request }, now)),
  )
  return Math.max(0, password.uses - password.used - open.length)
}

/**
 * May somebody come with this password? Also once its last use is on its way and somebody at a CA has to decide: the client asks again
 * with it (RFC 7030 section 4.2.3), and for anything else the rules find it spent.
 */
export function mayAsk(state: EstState, id: string, now: Instant): boolean {
  if (entry(state.passwords, id) === undefined) return false
  // what was asked for in time is fetched in time
  const isAwaited = Object.values(state.requests).some(
    ({ by, status }) => status === 'pending' && by.how === 'password' && by.name === id,
  )
  return isAwaited || usesLeft(state, id, now) > 0
}

export function isExpired({ expires, since }: OneTimePassword, now: Instant): boolean {
  return now >= expires || now < since
}
