/**
 * Renumbering of every published aggregate after a promote, a restore or a recovery that lost something, in batches of one commit each.
 * Invariant: an aggregate that cannot be renumbered keeps no other one from it, and publishes nothing until a later command renumbers it.
 */
import { AppError } from '../../base/errors.js'
import type { AggregateId } from '../../eventsourcing/types.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { refuseStandby } from '../session/role.js'
import type { Session } from '../session/session.js'
import { NeedsRenumbering } from './commit.js'
import { concernsWholeDirectory } from './errors.js'
import { type HighWaterMark, readHighWaterMark, refuseClockBehind } from './high-water-mark.js'
import type { PublishedTree } from './publish-tree.js'
import { needsRenumbering, renumber } from './renumbering.js'
import { commitWithRetry, pause } from './retry.js'

export interface RenumberReport {
  readonly renumbered: readonly AggregateId[]
  /** Aggregates that could not be renumbered, with the cause. Each waits for the next command, and publishes nothing until then. */
  readonly failed: readonly FailedAggregate[]
  /** The published tree after the last batch; undefined if nothing was published. */
  readonly tree: PublishedTree | undefined
}

interface FailedAggregate {
  readonly id: AggregateId
  readonly error: AppError
}

/** Aggregates in one batch: keeps each hold of the lock short. */
const BATCH = 500

/**
 * Renumbers every aggregate of `idsOf` that is still on the numbers of an earlier generation; does nothing in a directory that was never promoted.
 * Throws `clock-behind` if a later time has been published, and every error that concerns the whole directory.
 */
export async function renumberAll(
  session: Session,
  idsOf: (reader: StoreReader) => readonly AggregateId[] = (reader) => reader.roster(),
): Promise<RenumberReport> {
  refuseStandby(session)
  const [all, now] = await session.store.read(async (reader) => [
    needsRenumbering(reader, idsOf(reader)),
    session.clockFor(reader).now(),
  ])
  if (all.length === 0) return { renumbered: [], failed: [], tree: undefined }
  const mark = await readHighWaterMark(session)
  refuseClockBehind(now, mark)
  // thisUpdate must rise beyond the published one as well
  if (now === mark.at) await pause(1000)
  const failed: FailedAggregate[] = []
  let tree: PublishedTree | undefined
  // the publication server first: what follows is published in the new RRDP session
  const ordered = [...all.filter((id) => id.kind === 'pubd'), ...all.filter((id) => id.kind !== 'pubd')]
  for (let start = 0; start < ordered.length; start += BATCH)
    tree = (await renumberBatch(session, ordered.slice(start, start + BATCH), mark, failed)) ?? tree
  return { renumbered: all.filter((id) => !failed.some((f) => f.id === id)), failed, tree }
}

/** Renumbers `ids` in one commit; where that fails, each of them in a commit of its own. Adds those that still fail to `failed`. */
async function renumberBatch(
  session: Session,
  ids: readonly AggregateId[],
  mark: HighWaterMark,
  failed: FailedAggregate[],
): Promise<PublishedTree | undefined> {
  refuseStandby(session)
  try {
    const done = await commitWithRetry(session, (tx) => renumber(tx, ids, mark), { renumbers: true })
    return done instanceof NeedsRenumbering ? undefined : done.tree
  } catch (error) {
    if (!(error instanceof AppError) || concernsWholeDirectory(error)) throw error
    const [only] = ids
    if (ids.length === 1 && only !== undefined) failed.push({ id: only, error })
    if (ids.length < 2) return undefined
  }
  let tree: PublishedTree | undefined
  for (const id of ids) tree = (await renumberBatch(session, [id], mark, failed)) ?? tree
  return tree
}
