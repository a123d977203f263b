/** Recovery of a scratch store of words, without the use case: the plan and its result. */
import { expect } from 'vitest'
import { readCommitChain } from '../../../src/core/audit/commits.js'
import { replayAggregate } from '../../../src/core/audit/replay.js'
import { directorySource } from '../../../src/core/audit/source.js'
import type { Json } from '../../../src/core/base/json.js'
import type { CommitResult } from '../../../src/core/eventsourcing/store.js'
import { type AggregateId, formatAggregateId } from '../../../src/core/eventsourcing/types.js'
import { openStore } from '../../../src/core/store/commit/file-store.js'
import { readMarker } from '../../../src/core/store/directory/data-dir.js'
import { applyRecovery } from '../../../src/core/store/recover/apply.js'
import { recoverySources } from '../../../src/core/store/recover/evidence.js'
import { loadPlanned } from '../../../src/core/store/recover/load.js'
import { planAll, type RecoveryPlan } from '../../../src/core/store/recover/plan-all.js'
import { fold, metaAt, wordRules, wordsOf } from './store.js'

export interface Recovered {
  readonly plan: RecoveryPlan
  readonly commit: CommitResult | undefined
}

export interface RecoverOptions {
  readonly from?: readonly string[]
  readonly only?: readonly AggregateId[]
}

export function planOf(dir: string, { from = [], only }: RecoverOptions = {}): RecoveryPlan {
  return planAll(recoverySources(openStore(dir).layout, from), readMarker(dir), only)
}

/** Plans a recovery and applies it under the lock. */
export async function recoverWords(dir: string, options: RecoverOptions = {}): Promise<Recovered> {
  const store = openStore(dir)
  return store.exclusive(async (fence) => {
    const plan = planOf(dir, options)
    if (plan.isEmpty) return { plan, commit: undefined }
    const commit = applyRecovery({
      layout: store.layout,
      marker: readMarker(dir),
      plan,
      meta: metaAt(plan.chain.head),
      interval: 5,
      fence,
      wipePool: () => undefined,
      warn: () => undefined,
      stage: (aggregate) => ({
        command: { type: 'recover', args: {} },
        state: fold(loadPlanned(aggregate)) as unknown as Json,
      }),
    })
    return { plan, commit }
  })
}

/** Replays every aggregate of a store of words and returns the findings; a proved state must be what a load gives. */
export async function auditWords(dir: string, archives: readonly string[] = []): Promise<readonly unknown[]> {
  const store = openStore(dir, { archives })
  return store.read(async (reader) => {
    const source = directorySource(store.layout, reader)
    const chain = readCommitChain(source)
    const found = chain.roster.map((id) => {
      const replayed = replayAggregate({
        source,
        id,
        rules: wordRules,
        commands: chain.commands.get(formatAggregateId(id)) ?? [],
        archive: chain.archive,
        full: false,
      })
      if (replayed.problems.length === 0) expect(replayed.state?.value).toEqual({ words: wordsOf(reader, id.handle) })
      return replayed
    })
    return [...chain.problems, ...found.flatMap((f) => f.problems)]
  })
}
