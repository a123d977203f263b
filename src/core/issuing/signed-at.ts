/**
 * Signing time, number and thisUpdate of the next manifest.
 * Invariant: thisUpdate rises with each manifest and is never after the present (RFC 9286 section 4.2.1).
 */
import { AppError } from '../base/errors.js'
import { randomBelow } from '../base/ports.js'
import { addSeconds, clockBehind, type Instant, later } from '../base/time.js'
import { endOfValidity } from './due.js'
import type { PointIssue, PublicationPoint } from './point.js'
import type { IssuingPorts } from './ports.js'

/** Signing times are this many seconds in the past, so that a relying party with a slow clock does not see a future time. */
const BACKDATE = 300

/**
 * Returns the signing time of every object of the next manifest: the manifest's thisUpdate. It rises from one manifest to the next and is
 * also the date of the files (RFC 9589 section 5), so that rsync, which compares size and second, never takes a version for the one before it.
 * Throws `clock-behind` when the clock is before the last manifest, `wait-a-second` when a second must pass first.
 */
export function signedAt(last: Instant | null, ports: Pick<IssuingPorts, 'clock'>, backdate = BACKDATE): Instant {
  const now = ports.clock.now()
  if (last !== null && now < last) throw clockBehind(now, last, 'point')
  const back = addSeconds(now, -backdate)
  const thisUpdate = last === null ? back : later(back, addSeconds(last, 1))
  if (thisUpdate > now) {
    throw new AppError(
      'rejected',
      'wait-a-second',
      `a manifest of ${last} exists already; the next can be issued in a second`,
      {
        retry: true,
        retryAfter: 1,
      },
    )
  }
  return thisUpdate
}

/** Returns the times and the number of the next manifest. Throws what `signedAt` throws. */
export function nextIssue(
  point: PublicationPoint,
  ports: IssuingPorts,
  atLeast = 0,
): Pick<PointIssue, 'number' | 'thisUpdate' | 'nextUpdate'> {
  // numbers are raised where another host may have issued until now: thisUpdate must not be before its last one (RFC 9286 section 4.2.1)
  const isRaised = atLeast > point.number + 1
  const thisUpdate = signedAt(point.thisUpdate, ports, isRaised ? 0 : BACKDATE)
  const jitter = randomBelow(ports.random, Math.floor(ports.timing.publishJitterSeconds / 60) + 1) * 60
  const nextUpdate = addSeconds(endOfValidity('mft', ports), -jitter)
  return { number: Math.max(point.number + 1, atLeast), thisUpdate, nextUpdate }
}
