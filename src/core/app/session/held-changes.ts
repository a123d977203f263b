/**
 * Changes that the limits or the guard have held, in `status/`: the newest one of each CA, until a change of it is made. History has each of
 * them as a rejected command; this is what `status` shows of it.
 */
import { AppError, faultsOf } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { isObject } from '../../base/shape.js'
import { type Instant, parseInstant } from '../../base/time.js'
import type { AggregateId } from '../../eventsourcing/types.js'
import type { Session } from './session.js'

export interface HeldChange {
  readonly kind: string
  readonly handle: string
  readonly at: Instant
  readonly code: string
  /** The first line of the message. */
  readonly message: string
}

const RECORD = 'held-changes'
const MAX_MESSAGE = 300

/** Codes of rejections that hold a change which the rules of its aggregate would allow. */
export const HELD_CODES = [
  'removals-held',
  'publisher-emptied',
  'repository-emptied',
  'expiry-earlier',
  'repository-endangered',
  'object-too-large',
] as const

/** Returns what is held, by the order of aggregates. What is not as it was written is left out. */
export function heldChanges({ store }: Pick<Session, 'store'>): readonly HeldChange[] {
  const value = store.status.read(RECORD)
  const rows = isObject(value) && Array.isArray(value['held']) ? value['held'] : []
  return rows.flatMap((row) => {
    if (!isObject(row)) return []
    const { kind, handle, at, code, message } = row
    const time = typeof at === 'string' ? parseInstant(at) : undefined
    if (time === undefined || typeof kind !== 'string' || typeof handle !== 'string') return []
    return typeof code === 'string' && typeof message === 'string' ? [{ kind, handle, at: time, code, message }] : []
  })
}

/** Returns true for a rejection by limits or guard. */
export function isHeldChange(error: AppError): boolean {
  return heldCode(error) !== undefined
}

function heldCode({ details }: AppError): string | undefined {
  const faults = faultsOf({ details })
  return faults.map((fault) => fault.code).find((one) => (HELD_CODES as readonly string[]).includes(one))
}

/** Adds a rejection if it holds a change. */
export function noteHeld(session: Session, { kind, handle }: AggregateId, at: Instant, error: AppError): void {
  const code = heldCode(error)
  if (code === undefined) return
  const message = error.message
    .split('\n')
    .map((line) => line.trim())
    .slice(0, 2)
    .join(' ')
    .slice(0, MAX_MESSAGE)
  const others = heldChanges(session).filter((held) => held.kind !== kind || held.handle !== handle)
  write(session, [...others, { kind, handle, at, code, message }])
}

/** Removes the changes of CAs that a reviewed command has changed now. */
export function forgetHeld(session: Session, cas: readonly Handle[]): void {
  const held = heldChanges(session)
  const left = held.filter(({ kind, handle }) => kind !== 'ca' || !cas.includes(handle as Handle))
  if (left.length < held.length) write(session, left)
}

/** Writes the record. It is replaceable: the outcome of the command stands where it cannot be written. */
function write({ store }: Session, held: readonly HeldChange[]): void {
  try {
    const rows = held
      .map((row) => ({ ...row }))
      .toSorted((a, b) => (`${a.kind}/${a.handle}` < `${b.kind}/${b.handle}` ? -1 : 1))
    if (rows.length === 0) store.status.remove(RECORD)
    else store.status.write(RECORD, { held: rows })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
  }
}
