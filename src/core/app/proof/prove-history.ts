/**
 * Proof of a history from any source: replays and summarises every aggregate, and builds the Merkle tree over the commits on the way.
 * Invariant: damage becomes a finding, so that one run reports all of it.
 */
import { type RootRecorder, rootRecorder } from '../../audit/checkpoint.js'
import { type CommitChain, readCommitChain } from '../../audit/commits.js'
import { type Finding, noteMalformed } from '../../audit/finding.js'
import { type Replayed, replayAggregate, type Watcher } from '../../audit/replay.js'
import type { HistorySource } from '../../audit/source.js'
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import { AccountedObjects } from './accounted-objects.js'
import { rulesOf, type Summary, summaryOf } from './digest.js'

export interface ProvedAggregate {
  readonly id: AggregateId
  readonly replayed: Replayed
  /** Undefined if the state cannot be replayed. */
  readonly summary: Summary | undefined
}

export interface Proof {
  readonly chain: CommitChain
  /** In the order of kind and handle. */
  readonly audited: readonly ProvedAggregate[]
  /** Published objects that no event of their publisher references. */
  readonly unaccounted: readonly Finding[]
  readonly roots: RootRecorder
}

export interface ProofOptions {
  /** Archived files must be available too. */
  readonly full: boolean
  /** Numbers of commits at which the root is needed, for checkpoints. */
  readonly sizes: readonly number[]
  /** Returns what else watches the replay of an aggregate. */
  readonly watcher?: (id: AggregateId) => Watcher | undefined
  readonly onProgress?: CommandContext['onProgress']
}

/** Reads and replays a whole history. Throws `format` for a history of a newer program. */
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
  // the publication server first: what it holds must be referenced by the events of the others
  const order = [...chain.roster].sort((a, b) => Number(b.kind === 'pubd') - Number(a.kind === 'pubd'))
  const audited = new Map<string, ProvedAggregate>()
  for (const [i, id] of order.entries()) {
    onProgress?.(i, order.length, 'aggregates')
    const watcher = together(accounts.watcher(id), options.watcher?.(id))
    const one = proveAggregate(source, chain, watcher, id, options.full)
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

/** Returns a watcher that calls both. */
function together(one: Watcher, other: Watcher | undefined): Watcher {
  if (other === undefined) return one
  return {
    command(record, before, after) {
      one.command?.(record, before, after)
      other.command?.(record, before, after)
    },
    event(event) {
      one.event?.(event)
      other.event?.(event)
    },
    base(state, sequence) {
      one.base?.(state, sequence)
      other.base?.(state, sequence)
    },
  }
}

function proveAggregate(
  source: HistorySource,
  chain: CommitChain,
  watcher: Watcher,
  id: AggregateId,
  full: boolean,
): ProvedAggregate {
  const rules = rulesOf(id)
  const named = chain.commands.get(formatAggregateId(id)) ?? []
  const { archive } = chain
  const replayed = replayAggregate({ source, id, rules, commands: named, archive, full, watcher })
  if (replayed.state === undefined) return { id, replayed, summary: undefined }
  const { value } = replayed.state
  const problems = [...replayed.problems]
  const summary = noteMalformed(problems, source.nameOf(id, ''), () => summaryOf(id, rules, value))
  return { id, replayed: { ...replayed, problems }, summary }
}

/** Throws `audit-broken` (corrupt) with the first finding, if there is any. For use cases that rely on an intact history. */
export function refuseBroken(problems: readonly Finding[]): void {
  const [first] = problems
  if (first === undefined) return
  const { file, path, problem } = first
  throw new AppError('corrupt', 'audit-broken', `${path === '$' ? file : `${file} ${path}`}: ${problem}`, {
    hint: 'brine audit verify lists every finding',
    details: { path: file, faults: problems.length },
  })
}
