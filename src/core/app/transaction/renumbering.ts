/**
 * Renumbering in a new generation. A promote, a restore and a recovery that lost something begin one, because more may have been published than
 * this directory knows.
 * Invariant: the first commit that touches a published aggregate in a new generation renumbers it, so that no manifest number is used twice
 * (RFC 9286 section 4.2.1) and no RRDP serial has two contents (RFC 8182 section 3.3.1). Each commit record holds its generation.
 */
import { AppError } from '../../base/errors.js'
import type { AggregateId } from '../../eventsourcing/types.js'
import { Work } from '../../eventsourcing/work.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { caState, pubdState, runCa, runPubd, runTa, type TransactionContext, taState } from '../session/context.js'
import { type HighWaterMark, numberBeyond } from './high-water-mark.js'

/**
 * Returns those of `ids` that publish and have not been renumbered in this generation, the trust anchor first. A damaged aggregate is left
 * out: it publishes nothing, and is found again once it is repaired.
 */
export function needsRenumbering(reader: StoreReader, ids: readonly AggregateId[]): readonly AggregateId[] {
  // generation 1 began with `init`: nothing was published before it, so nothing needs to be read
  if (reader.generation === 1) return []
  const work = new Work(reader)
  const rank = (id: AggregateId): number => (id.kind === 'ta' ? 0 : 1)
  return ids.filter((id) => hasOldNumbers(reader, work, id)).sort((a, b) => rank(a) - rank(b))
}

function hasOldNumbers(reader: StoreReader, work: Work, id: AggregateId): boolean {
  try {
    const loaded = reader.load(id)
    if (loaded === undefined) return false
    const { commit, effect } = reader.command(id, loaded.sequence)
    // the record of a recovery carries the new generation, and the renumbering follows it; after a recovery that lost nothing it is harmless
    const isOld = effect.result === 'recovered' || reader.commitAt(commit).record.generation < reader.generation
    return isOld && publishes(work, id)
  } catch (error) {
    if (error instanceof AppError && error.kind === 'corrupt') return false
    throw error
  }
}

function publishes(work: Work, { kind, handle }: AggregateId): boolean {
  if (kind === 'ca') return caState(work, handle).status === 'active'
  if (kind === 'ta') return taState(work, handle).status === 'active'
  return kind === 'pubd' && pubdState(work).serial > 0
}

/**
 * Raises the numbers of manifests and CRLs to the Unix time and begins a new RRDP session. No number that was used before can be higher:
 * after a renumbering a number rises by one while thisUpdate rises by at least a second and never passes the clock, so the number never passes
 * the Unix time of its issue. A clock that was ahead meanwhile breaks this rule; hence the numbers also go beyond `mark`, the published ones.
 */
export async function renumber(
  tx: TransactionContext,
  ids: readonly AggregateId[],
  mark: HighWaterMark,
): Promise<void> {
  const atLeast = numberBeyond(tx.ports.clock.now(), mark)
  for (const { kind, handle } of ids) {
    if (kind === 'pubd') await runPubd(tx, { type: 'session.reset' })
    const run = kind === 'ca' ? runCa : kind === 'ta' ? runTa : undefined
    await run?.(tx, handle, { type: 'numbers.raise', atLeast })
    await run?.(tx, handle, { type: 'republish', force: true })
  }
}
