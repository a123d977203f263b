/** Lifetimes of objects by kind: the one place that decides how long an object is valid and when it is due for renewal. */
import type { Clock } from '../base/ports.js'
import { addSeconds, earlier, epochOf, type Instant, instantOf } from '../base/time.js'
import { knownKind, OBJECT_KINDS, type ObjectKind } from '../rpki/object-kinds.js'
import type { PublicationPoint } from './point.js'
import type { Timing } from './timing.js'

interface DuePorts {
  readonly clock: Clock
  readonly timing: Timing
}

/** Returns the end of the validity of an object of `kind` that is issued now. */
export function endOfValidity(kind: ObjectKind, { clock, timing }: DuePorts): Instant {
  return addSeconds(clock.now(), timing[OBJECT_KINDS[kind].validity])
}

/** Returns the time from which an object of `kind` that is valid until `end` is due for renewal: the margin of its kind before its end. */
export function dueAt(kind: ObjectKind, end: Instant, timing: Timing): Instant {
  return instantOf(epochOf(end) - timing[OBJECT_KINDS[kind].margin])
}

/** Returns true if an object of `kind` that is valid until `end` is due for renewal now. */
export function isDue(kind: ObjectKind, end: Instant, { clock, timing }: DuePorts): boolean {
  return clock.now() >= dueAt(kind, end, timing)
}

/** Returns true if manifest and CRL of a point are due, or were never issued. */
export function isPointDue({ nextUpdate }: PublicationPoint, ports: DuePorts): boolean {
  return nextUpdate === null || isDue('mft', nextUpdate, ports)
}

/** The time of the next issue that is due, and the time at which manifest and CRL go stale. */
export interface DueTimes {
  readonly due: Instant
  readonly staleAt: Instant
}

/**
 * Returns the due times of a publication point with all its objects; null before its first manifest.
 * Throws `object-kind-unknown` for an object of a kind that is not declared.
 */
export function pointDueTimes({ nextUpdate, objects }: PublicationPoint, timing: Timing): DueTimes | null {
  if (nextUpdate === null) return null
  let due = dueAt('mft', nextUpdate, timing)
  for (const [name, object] of Object.entries(objects))
    due = earlier(due, dueAt(knownKind(name), object.notAfter, timing))
  return { due, staleAt: nextUpdate }
}
