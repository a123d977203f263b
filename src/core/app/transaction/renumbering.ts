/**
 * Generations: a promote, and a recovery that lost something, begins a new one, because the world may have seen more than this directory knows.
 * Invariant: the first commit that touches a published aggregate in a new generation is its jump, so no manifest number is used twice
 * (RFC 9286 section 4.2.1) and no RRDP serial has two contents (RFC 8182 section 3.3.1). The commit record itself says the generation.
 */
import { AppError } from '../../base/errors.js'
import type { AggregateId } from '../../eventsourcing/types.js'
import { Work } from '../../eventsourcing/work.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { caState, pubdState, runCa, runPubd, runTa, type TransactionContext, taState } from './context.js'
import { type HighWaterMark, numberBeyond } from './high-water-mark.js'

/** Those of `ids` that publish and have not jumped in this generation, the trust anchor first. One that cannot be read is left out: it publishes nothing either, and is found again when it is mended. */
export function needsRenumbering(reader: StoreReader, ids: readonly AggregateId[]): readonly AggregateId[] {
  // generation 1 began with `init`: nothing came before it, and nothing need be read
  if (reader.generation === 1) return []
  const work = new Work(reader)
  const rank = (id: AggregateId): number => (id.kind === 'ta' ? 0 : 1)
  return ids.filter((id) => isOutdated(reader, work, id)).sort((a, b) => rank(a) - rank(b))
}

function isOutdated(reader: StoreReader, work: Work, id: AggregateId): boolean {
  try {
    const loaded = reader.load(id)
    if (loaded === undefined) return false
    const { commit, effect } = reader.command(id, loaded.sequence)
    // a recovery begins a generation, and the jump is still to come; one that lost nothing had its own before, or jumps for nothing
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
 * Manifests and CRLs go on at the Unix time, the RRDP session starts over. No number that was used before can be higher: after a jump a number
 * rises by one while thisUpdate rises by at least a second and stays at or before the present, so it never passes the Unix time of its issue.
 * Where a clock was wrong meanwhile that is not so: hence also beyond what the world was `seen` to have.
 */
export async function renumber(
  tx: TransactionContext,
  ids: readonly AggregateId[],
  seen: HighWaterMark,
): Promise<void> {
  const atLeast = numberBeyond(tx.ports.clock.now(), seen)
  for (const { kind, handle } of ids) {
    if (kind === 'pubd') await runPubd(tx, { type: 'session.reset' })
    const run = kind === 'ca' ? runCa : kind === 'ta' ? runTa : undefined
    await run?.(tx, handle, { type: 'numbers.raise', atLeast })
    await run?.(tx, handle, { type: 'republish', force: true })
  }
}
