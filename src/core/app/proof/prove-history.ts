/**
 * Every aggregate of a history replayed and summed up, from any source, and the commits' tree on the way.
 * Invariant: damage becomes a problem, so that one run names all of it.
 */
import { type RootRecorder, rootRecorder } from '../../audit/checkpoint.js'
import { type CommitChain, readCommitChain } from '../../audit/commits.js'
import { type Finding, shaped } from '../../audit/finding.js'
import { type Replayed, replayAggregate } from '../../audit/replay.js'
import type { HistorySource } from '../../audit/source.js'
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import { AccountedObjects } from './accounted-objects.js'
import { rulesOf, type Summary, summaryOf } from './digest.js'

export interface Audited {
  readonly id: AggregateId
  readonly replayed: Replayed
  /** Undefined when the state cannot be made. */
  readonly summary: Summary | undefined
}

export interface Proof {
  readonly chain: CommitChain
  /** In the order of kind and handle. */
  readonly audited: readonly Audited[]
  /** Published objects that no event of their publisher named. */
  readonly unaccounted: readonly Finding[]
  readonly roots: RootRecorder
}

export interface ProofOptions {
  /** What is archived must be here too. */
  readonly full: boolean
  /** Sizes at which a checkpoint was made. */
  readonly sizes: readonly number[]
  readonly onProgress?: CommandContext['onProgress']
}

/** Reads and replays everything. Throws `format` for a history of a newer program. */
export function proveHistory(source: HistorySource, options: ProofOptions): Proof {
  const { onProgress } = options
  const roots = rootRecorder(options.sizes)
  const chain = readCommitChain(source, {
    step(done) {
      if (done % 500 === 0) onProgress?.(done, source.head, 'commits')
    },
    ...(options.sizes.length === 0 ? {} : { leaf: roots.add }),
  })
  const accounts = new AccountedObjects(source)
  // the publication server first: what it serves must come up in the events of the others
  const order = [...chain.roster].sort((a, b) => Number(b.kind === 'pubd') - Number(a.kind === 'pubd'))
  const audited = new Map<string, Audited>()
  for (const [i, id] of order.entries()) {
    onProgress?.(i, order.length, 'aggregates')
    const one = proveAggregate(source, chain, accounts, id, options.full)
    accounts.close(one.id, one.replayed)
    audited.set(formatAggregateId(id), one)
  }
  return {
    chain,
    audited: chain.roster.flatMap((id) => audited.get(formatAggregateId(id)) ?? []),
    unaccounted: accounts.unaccounted(),
    roots,
  }
}

function proveAggregate(
  source: HistorySource,
  chain: CommitChain,
  accounts: AccountedObjects,
  id: AggregateId,
  full: boolean,
): Audited {
  const rules = rulesOf(id)
  const named = chain.named.get(formatAggregateId(id)) ?? []
  const replayed = replayAggregate({ source, id, rules, named, full, watcher: accounts.watcher(id) })
  if (replayed.state === undefined) return { id, replayed, summary: undefined }
  const { value } = replayed.state
  const problems = [...replayed.problems]
  const summary = shaped(problems, source.nameOf(id, ''), () => summaryOf(id, rules, value))
  return { id, replayed: { ...replayed, problems }, summary }
}

/** For what says something of a history, where nothing may be wrong with it. Throws `audit-broken` (corrupt) that names the first fault. */
export function refuseBroken(problems: readonly Finding[]): void {
  const [first] = problems
  if (first === undefined) return
  const { file, path, problem } = first
  throw new AppError('corrupt', 'audit-broken', `${path === '$' ? file : `${file} ${path}`}: ${problem}`, {
    hint: 'brine audit verify names every fault',
    details: { path: file, faults: problems.length },
  })
}
