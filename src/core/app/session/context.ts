/**
 * Transaction context: the unit of work and the ports (clock, random, signer, object check) that rules need, with the look-ups of CAs, trust
 * anchor and publication server that use cases share.
 * Invariant: a use case may run more than once (dry run, draft, again after a conflict), so it keeps nothing between the runs.
 */
import { AppError } from '../../base/errors.js'
import { type Handle, parseHandle } from '../../base/handle.js'
import { didYouMean } from '../../base/nearest.js'
import type { Clock } from '../../base/ports.js'
import type { Instant } from '../../base/time.js'
import { type CaAggregate, type CaCommand, type CaEvent, ca } from '../../ca/aggregate.js'
import type { CaState } from '../../ca/state/state.js'
import type { Work } from '../../eventsourcing/work.js'
import type { IssuingPorts } from '../../issuing/ports.js'
import { PUBD_HANDLE, type PubdCommand, type PubdEvent, pubd } from '../../pubd/aggregate.js'
import type { PubdPorts } from '../../pubd/ports.js'
import type { PubdState } from '../../pubd/state.js'
import { type TaAggregate, type TaCommand, type TaEvent, ta } from '../../ta/aggregate.js'
import type { TaState } from '../../ta/state.js'

export interface ContextPorts extends IssuingPorts {
  /** Limits on number and age of the RRDP deltas. */
  readonly retention: PubdPorts['retention']
  /** True if the last RRDP delta is younger than the configuration allows: then a change waits for `tick`. */
  readonly holdsPublication?: boolean
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
  /** Active CAs, sorted by handle. */
  readonly cas: readonly CaState[]
  readonly failed: readonly { readonly ca: Handle; readonly error: AppError }[]
}

/** Returns every active CA, or those of `wanted`, and the damage of those that cannot be read: one damaged CA must not keep the others from being published. */
export function readCas(work: Work, wanted?: ReadonlySet<Handle>): ReadCas {
  const cas: CaState[] = []
  const failed: { ca: Handle; error: AppError }[] = []
  for (const handle of work.handles('ca')) {
    if (wanted?.has(handle) === false) continue
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

/** Returns the state of an active CA. Throws `ca-unknown` (rejected). */
export function knownCa(work: Work, handle: Handle): CaState {
  const state = work.exists('ca', handle) ? caState(work, handle) : undefined
  if (state?.status === 'active') return state
  throw new AppError('rejected', 'ca-unknown', `there is no CA ${handle}${didYouMean(handle, handlesOf(work))}`, {
    hint: 'brine ca list shows the CAs',
  })
}

/** Returns the handles of all CAs that are not removed, as far as they can be read, for suggestions. */
export function handlesOf(work: Work): readonly string[] {
  return readCas(work).cas.map(({ handle }) => handle)
}

/** Returns true if the handle is an active trust anchor of this data directory. */
export function isTa(work: Work, handle: Handle): boolean {
  return work.exists('ta', handle) && taState(work, handle).status === 'active'
}

/** Returns the handle of the trust anchor of this data directory. Throws `ta-unknown` (rejected). */
export function theTa(work: Work): Handle {
  const [first] = work.handles('ta')
  if (first !== undefined) return first
  throw new AppError('rejected', 'ta-unknown', 'this data directory has no trust anchor', {
    hint: 'brine ta init --tal-https https://…/ta.cer --tal-rsync rsync://…/ta.cer',
  })
}

export const TA_HANDLE: Handle = parseHandle('ta')

/** Returns a clock that always reads `at`: every event of one commit has the same time. */
export function fixedClock(at: Instant): Clock {
  return { now: () => at }
}
