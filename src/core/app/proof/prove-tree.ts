/**
 * Proof of the tree that a migration built: replays it from the first event, as `audit verify` does.
 * Invariant: a tree is swapped in only after it was read and proved completely.
 */
import { readCommitChain } from '../../audit/commits.js'
import type { Finding } from '../../audit/finding.js'
import { replayAggregate } from '../../audit/replay.js'
import { directorySource } from '../../audit/source.js'
import { AppError } from '../../base/errors.js'
import type { Sha256 } from '../../crypto/ports.js'
import { formatAggregateId } from '../../eventsourcing/types.js'
import { replay } from '../../eventsourcing/work.js'
import { openStore } from '../../store/commit/file-store.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { hasAllReferences } from '../session/revision-completeness.js'
import { type Digest, digestOf, rulesOf, type Summary, summaryOf } from './digest.js'

export interface Proof {
  readonly digest: Digest
  /** The newest commit. */
  readonly head: number
  readonly sha256: Sha256
}

/**
 * Replays the data directory `tree`, which must hold `commits` commits; what was archived elsewhere may be missing.
 * Throws `upgrade-unproved` (corrupt) with every finding.
 */
export async function proveMigratedTree(tree: string, commits: number): Promise<Proof> {
  const store = openStore(tree)
  return store.read(async (reader) => {
    const source = directorySource(store.layout, reader)
    const chain = readCommitChain(source, {})
    const problems: Finding[] = [...chain.problems]
    const summaries: Summary[] = []
    for (const id of reader.roster()) {
      const named = chain.commands.get(formatAggregateId(id)) ?? []
      const rules = rulesOf(id)
      const replayed = replayAggregate({ source, id, rules, commands: named, archive: chain.archive, full: false })
      problems.push(...replayed.problems)
      // a state with findings has no digest
      if (replayed.state === undefined || replayed.problems.length > 0) continue
      const summary = summaryOf(id, rules, replayed.state.value)
      const loaded = summaryOf(id, rules, replay(rules, id.handle, reader.load(id)))
      if (loaded.stateDigest !== summary.stateDigest)
        problems.push({
          file: formatAggregateId(id),
          path: '$',
          problem: 'loads a state that differs from the replayed one',
        })
      summaries.push(summary)
    }
    if (reader.head !== commits)
      problems.push({ file: 'commits', path: '$', problem: `${reader.head} of ${commits} commits can be read` })
    if (problems.length === 0 && !hasObjects(reader))
      problems.push({ file: 'objects', path: '$', problem: 'an object that a state references is missing or damaged' })
    if (problems.length > 0) throw unproved(tree, problems)
    return { digest: digestOf(summaries), head: reader.head, sha256: chain.head ?? ('' as Sha256) }
  })
}

/** Returns true if every referenced object exists. Keys are not checked: a migration leaves them in place. */
function hasObjects(reader: StoreReader): boolean {
  return hasAllReferences(reader, { keys: { has: () => true } })
}

function unproved(tree: string, problems: readonly Finding[]): AppError {
  const [first] = problems
  const more = problems.length > 1 ? ` and ${problems.length - 1} more` : ''
  return new AppError(
    'corrupt',
    'upgrade-unproved',
    `the migrated data does not replay: ${first?.file} ${first?.problem}${more}`,
    {
      hint: 'run brine recover with the version that wrote the data, or restore a backup; then: brine upgrade',
      details: { tree, problems: problems.slice(0, 100).map(({ file, path, problem }) => ({ file, path, problem })) },
    },
  )
}
