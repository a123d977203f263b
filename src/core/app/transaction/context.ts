/**
 * The desk: a unit of work with every port that rules need, and the few things that all use cases share.
 * Invariant: a use case may run more than once (rehearsed, drafted, again when overtaken); it must not remember anything between the runs.
 */
import { AppError } from '../../base/errors.js'
import { type Handle, parseHandle } from '../../base/handle.js'
import type { Clock, Random } from '../../base/ports.js'
import type { Instant } from '../../base/time.js'
import { type CaAggregate, type CaCommand, type CaEvent, ca } from '../../ca/aggregate.js'
import type { CaState } from '../../ca/state.js'
import type { Signer } from '../../crypto/ports.js'
import type { Work } from '../../eventsourcing/work.js'
import type { IssuingPorts } from '../../issuing/ports.js'
import { PUBD_HANDLE, type PubdCommand, type PubdEvent, pubd } from '../../pubd/aggregate.js'
import type { PubdPorts } from '../../pubd/ports.js'
import type { PubdState } from '../../pubd/state.js'
import { type TaAggregate, type TaCommand, type TaEvent, ta } from '../../ta/aggregate.js'
import type { TaState } from '../../ta/state.js'

export interface ContextPorts extends IssuingPorts {
  readonly retention: PubdPorts['retention']
}

export interface TransactionContext {
  readonly work: Work
  readonly ports: ContextPorts
}

export const CA: CaAggregate = ca
export const TA: TaAggregate = ta

export function caState(work: Work, handle: Handle): CaState {
  return work.state(CA, handle)
}

export function taState(work: Work, handle: Handle): TaState {
  return work.state(TA, handle)
}

export function pubdState(work: Work): PubdState {
  return work.state(pubd, PUBD_HANDLE)
}

export function runCa(tx: TransactionContext, handle: Handle, command: CaCommand): Promise<readonly CaEvent[]> {
  return tx.work.run(CA, handle, command, tx.ports)
}

export function runTa(tx: TransactionContext, handle: Handle, command: TaCommand): Promise<readonly TaEvent[]> {
  return tx.work.run(TA, handle, command, tx.ports)
}

export function runPubd(tx: TransactionContext, command: PubdCommand): Promise<readonly PubdEvent[]> {
  return tx.work.run(pubd, PUBD_HANDLE, command, tx.ports)
}

export interface ReadCas {
  /** Active ones, sorted by handle. */
  readonly cas: readonly CaState[]
  readonly failed: readonly { readonly ca: Handle; readonly error: AppError }[]
}

/** Every CA that can be read, and the damage of those that cannot: one must not keep the others from being served. */
export function readCas(work: Work): ReadCas {
  const cas: CaState[] = []
  const failed: { ca: Handle; error: AppError }[] = []
  for (const handle of work.handles('ca')) {
    try {
      const state = caState(work, handle)
      if (state.status === 'active') cas.push(state)
    } catch (error) {
      if (!(error instanceof AppError) || error.kind !== 'corrupt') throw error
      failed.push({ ca: handle, error })
    }
  }
  return { cas, failed }
}

/** A CA that exists. Throws `ca-unknown` (rejected) with the names there are. */
export function knownCa(work: Work, handle: Handle): CaState {
  const state = work.exists('ca', handle) ? caState(work, handle) : undefined
  if (state?.status === 'active') return state
  throw new AppError('rejected', 'ca-unknown', `there is no CA ${handle}`, { hint: 'brine ca list shows the CAs' })
}

/** Is this handle our trust anchor? */
export function isTa(work: Work, handle: Handle): boolean {
  return work.exists('ta', handle) && taState(work, handle).status === 'active'
}

/** The trust anchor of this data directory. Throws `ta-unknown`. */
export function theTa(work: Work): Handle {
  const [first] = work.handles('ta')
  if (first !== undefined) return first
  throw new AppError('rejected', 'ta-unknown', 'there is no trust anchor here', {
    hint: 'brine ta init --tal-https https://…/ta.cer --tal-rsync rsync://…/ta.cer',
  })
}

export const TA_HANDLE: Handle = parseHandle('ta')

export interface SystemPorts {
  readonly clock: Clock
  readonly random: Random
  readonly signer: Signer
}

/** A clock that stands still: one command, one present. */
export function fixedClock(at: Instant): Clock {
  return { now: () => at }
}
