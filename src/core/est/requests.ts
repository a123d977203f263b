/** Open requests at an instant: which are waiting, which have lapsed, and which is for the same key as another. Pure. */
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import type { EstEvent } from './events.js'
import type { EstState, OpenRequest } from './state.js'

const DIED = 'the process that sent the request died before a response'

/** Returns true if a process still waits for the response at `now`. A clock that is before the request cannot tell, and counts as no. */
export function isWaiting({ status, asking, since }: OpenRequest, now: Instant): boolean {
  return status === 'asked' && now < asking.deadline && now >= since
}

/**
 * Returns the events that time alone has brought about: a request that no process waits for has failed where the CA's key signs in the process,
 * and its outcome is unknown elsewhere.
 */
export function lapsed(state: EstState, at: Instant): readonly EstEvent[] {
  return Object.entries(state.requests).flatMap(([id, request]): readonly EstEvent[] => {
    if (request.status !== 'asked' || isWaiting(request, at)) return []
    return request.asking.here
      ? [{ type: 'request.ended', id, why: 'died', message: DIED, at }]
      : [{ type: 'request.unknown', id, message: DIED, at }]
  })
}

/** Returns the open request for the same key and label. */
export function sameRequest(
  { requests }: EstState,
  label: string,
  key: Sha256,
): { readonly id: string; readonly request: OpenRequest } | undefined {
  const found = Object.entries(requests).find(([, one]) => one.label === label && one.key === key)
  return found === undefined ? undefined : { id: found[0], request: found[1] }
}
