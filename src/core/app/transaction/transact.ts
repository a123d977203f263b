/**
 * How a change happens: a use case becomes one commit, again where another command came in between, after the jump where one is due.
 * Invariant: nothing that publishes is committed in a generation before its jump.
 */
import { AppError } from '../../base/errors.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import {
  commitOptimistic,
  commitPessimistic,
  NeedsRenumbering,
  preview,
  requiredSpace,
  type TransactionOptions,
  type TransactionResult,
} from './commit.js'
import type { UseCase } from './draft.js'
import { type HighWaterMark, readHighWaterMark, refuseClockBehind } from './high-water-mark.js'
import type { PublishedTree } from './publish-tree.js'
import { needsRenumbering, renumber } from './renumbering.js'
import { refuseStandby } from './role.js'
import type { Session } from './session.js'
import { withRequiredSpace } from './space-error.js'

export type { TransactionOptions, TransactionResult } from './commit.js'

/** Times that a command may find another writer, or its second taken, before it gives up. */
const ATTEMPTS = 8

/** Runs a use case as one commit. Throws what a rule rejected (recorded), `standby`, `locked`, `clock-behind`, `io`. */
export async function transact<R>(
  session: Session,
  useCase: UseCase<R>,
  options: TransactionOptions = {},
): Promise<TransactionResult<R>> {
  if (options.dryRun === true) return preview(session, useCase)
  refuseStandby(session)
  for (let attempt = 1; ; ) {
    try {
      const done = await (attempt === 1 ? commitOptimistic : commitPessimistic)(session, useCase, options)
      if (!(done instanceof NeedsRenumbering)) return done
      await jumpFirst(session, done.toRenumber)
    } catch (error) {
      if (!(error instanceof AppError) || attempt >= ATTEMPTS || !isPassing(error))
        throw await withRequiredSpace(error, () => requiredSpace(session, useCase))
      await pause(error.code === 'wait-a-second' ? 1000 : 20)
      attempt += 1
    }
  }
}

function isPassing(error: AppError): boolean {
  return error.code === 'commit-lost' || (error.code === 'wait-a-second' && error.retryAfter === 1)
}

async function jumpFirst(session: Session, late: readonly AggregateId[]): Promise<void> {
  const names = new Set(late.map(formatAggregateId))
  const { failed } = await renumberAll(session)
  const own = failed.find((f) => names.has(formatAggregateId(f.id)))
  if (own !== undefined) throw own.error
}

export interface RenumberReport {
  readonly renumbered: readonly AggregateId[]
  /** Those that could not, and the cause: each waits for the next command, and publishes nothing until then. */
  readonly failed: readonly { readonly id: AggregateId; readonly error: AppError }[]
  readonly tree: PublishedTree | undefined
}

/** Aggregates in one jump: a hold of the lock stays short. */
const JUMP_BATCH = 500

/** Whatever has not jumped in this generation does so now; nothing in a directory that was never promoted. Throws `clock-behind` when the world has seen a later time, what is wrong with the whole directory. */
export async function renumberAll(session: Session): Promise<RenumberReport> {
  refuseStandby(session)
  const [all, now] = await session.store.read(async (reader) => [
    needsRenumbering(reader, reader.roster()),
    session.clockFor(reader).now(),
  ])
  if (all.length === 0) return { renumbered: [], failed: [], tree: undefined }
  const seen = readHighWaterMark(session)
  refuseClockBehind(now, seen)
  // thisUpdate must rise beyond what was seen as well
  if (now === seen.at) await pause(1000)
  const failed: { id: AggregateId; error: AppError }[] = []
  let served: PublishedTree | undefined
  // the publication server first: what follows is published in the new RRDP session
  const ordered = [...all.filter((id) => id.kind === 'pubd'), ...all.filter((id) => id.kind !== 'pubd')]
  for (let at = 0; at < ordered.length; at += JUMP_BATCH)
    served = (await jumpBatch(session, ordered.slice(at, at + JUMP_BATCH), seen, failed)) ?? served
  return { renumbered: all.filter((id) => !failed.some((f) => f.id === id)), failed, tree: served }
}

async function jumpBatch(
  session: Session,
  ids: readonly AggregateId[],
  seen: HighWaterMark,
  failed: { id: AggregateId; error: AppError }[],
): Promise<PublishedTree | undefined> {
  try {
    return (await transact(session, (tx) => renumber(tx, ids, seen), { renumbers: true })).tree
  } catch (error) {
    if (!(error instanceof AppError) || concernsWholeDirectory(error)) throw error
    const [only] = ids
    if (ids.length === 1 && only !== undefined) failed.push({ id: only, error })
    if (ids.length < 2) return undefined
  }
  let served: PublishedTree | undefined
  for (const id of ids) served = (await jumpBatch(session, [id], seen, failed)) ?? served
  return served
}

/** Returns true if the error concerns the whole directory and not one aggregate: trying the others one by one would not help. */
export function concernsWholeDirectory(error: AppError): boolean {
  if (error.code === 'clock-behind') return true
  switch (error.kind) {
    case 'io':
    case 'locked':
    case 'standby':
    case 'pending':
    case 'uncertain':
    case 'interrupted':
      return true
    case 'rejected':
    case 'usage':
    case 'partial':
    case 'differs':
    case 'no-data-dir':
    case 'corrupt':
    case 'format':
    case 'remote':
    case 'unavailable':
    case 'credentials':
    case 'internal':
      return false
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
