/**
 * When things are signed, and when the next is due.
 * Invariant: thisUpdate rises with each manifest and never lies after the present (RFC 9286 section 4.2.1).
 */
import { AppError } from '../base/errors.js'
import { randomBelow } from '../base/ports.js'
import { addSeconds, clockBehind, epochOf, type Instant, instantOf, later } from '../base/time.js'
import type { PointIssue, PublicationPoint } from './point.js'
import type { IssuingPorts } from './ports.js'

/** Signing reaches back this far, so that a relying party with a slow clock sees no future (seconds). */
const BACKDATE = 300

/**
 * When everything that the next manifest brings says it was signed: the manifest's thisUpdate. Rising from one to the next, it is also the
 * date of the files (RFC 9589 section 5), so that rsync, which compares size and second, never takes a version for the one before it.
 * Throws `clock-behind` when the clock stands before the last manifest, `wait-a-second` when time must pass first.
 */
export function signedAt(last: Instant | null, ports: Pick<IssuingPorts, 'clock'>, backdate = BACKDATE): Instant {
  const now = ports.clock.now()
  if (last !== null && now < last) throw clockBehind(now, last)
  const back = addSeconds(now, -backdate)
  const thisUpdate = last === null ? back : later(back, addSeconds(last, 1))
  if (thisUpdate > now) {
    throw new AppError(
      'rejected',
      'wait-a-second',
      `a manifest of ${last} exists already; the next may follow in a second`,
      {
        retry: true,
        retryAfter: 1,
      },
    )
  }
  return thisUpdate
}

/** The time and number of the next manifest. Throws what `signedAt` throws. */
export function nextIssue(
  point: PublicationPoint,
  ports: IssuingPorts,
  atLeast = 0,
): Pick<PointIssue, 'number' | 'thisUpdate' | 'nextUpdate'> {
  // a number jumps where another host may have issued until now: a thisUpdate of ours must not lie before its last one (RFC 9286 section 4.2.1)
  const jumps = atLeast > point.number + 1
  const thisUpdate = signedAt(point.thisUpdate, ports, jumps ? 0 : BACKDATE)
  const jitter = randomBelow(ports.random, Math.floor(ports.timing.publishJitterSeconds / 60) + 1) * 60
  const nextUpdate = addSeconds(ports.clock.now(), ports.timing.publishNextSeconds - jitter)
  return { number: Math.max(point.number + 1, atLeast), thisUpdate, nextUpdate }
}

/** When `seconds` before `end` begins. */
export function dueBefore(end: Instant, seconds: number): Instant {
  return instantOf(epochOf(end) - seconds)
}
