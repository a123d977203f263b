/**
 * Comparison of `archived.json` with the commits and the records of an aggregate: it says where archived files are, and proves nothing.
 */

import { relative } from 'node:path'
import type { CommitChain } from '../../audit/commits.js'
import { type Finding, noteDamage } from '../../audit/finding.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import { readCommand } from '../../store/commit/aggregate-files.js'
import { archivedIndexPath, readArchivedIndex } from '../../store/commit/archived-index.js'
import type { ArchivedRange } from '../../store/commit/archived-ranges.js'
import { covers, joinRanges } from '../../store/commit/archiving-commit.js'
import { unlessCorrupt } from '../../store/disk/damage.js'
import type { Layout } from '../../store/disk/paths.js'
import { rulesOf } from './digest.js'

/**
 * Returns a finding for each range that no commit names although its files were removed, that commands other than publications are in, or that
 * says another type or actor than the record of a command.
 */
export function indexFindings(layout: Layout, id: AggregateId, chain: CommitChain): readonly Finding[] {
  const file = relative(layout.dir, archivedIndexPath(layout, id))
  const problems: Finding[] = []
  const index = noteDamage(problems, file, () => readArchivedIndex(layout, id)) ?? []
  if (index.length === 0) return problems
  const name = formatAggregateId(id)
  const { archive, commands } = chain
  const named = joinRanges([...(archive.archived.get(name) ?? []), ...(archive.claimed.get(name) ?? [])])
  const hashes = new Map((commands.get(name) ?? []).map((entry) => [entry.sequence, entry.command]))
  const { publishesOnly } = rulesOf(id)
  for (const [i, range] of index.entries()) {
    const path = `$.ranges[${i}]`
    // until its originals are removed a range may wait for its commit
    if (archive.keepsRecords && range.since === undefined && !covers(named, range.from, range.to))
      problems.push({ file, path, problem: `no commit names commands ${range.from}-${range.to} as archived` })
    if (!publishesOnly(range.type))
      problems.push({ file, path: `${path}.type`, problem: `${range.type} is not a command that only publishes` })
    const wrong = contradiction(layout, id, range, hashes)
    if (wrong !== undefined) problems.push({ file, path: `${path}.${wrong.member}`, problem: wrong.problem })
  }
  return problems
}

function contradiction(
  layout: Layout,
  id: AggregateId,
  range: ArchivedRange,
  hashes: ReadonlyMap<number, Parameters<typeof readCommand>[3]>,
): { readonly member: 'type' | 'actor'; readonly problem: string } | undefined {
  // the numbers are claims of the index, so commands bound the walk
  for (let sequence = range.from; sequence <= Math.min(range.to, hashes.size); sequence++) {
    const sha256 = hashes.get(sequence)
    const record = sha256 && unlessCorrupt(() => readCommand(layout, id, sequence, sha256).record)
    if (record === undefined) continue
    if (record.command.type !== range.type)
      return { member: 'type', problem: `command ${sequence} is ${record.command.type}` }
    if (record.actor !== range.actor) return { member: 'actor', problem: `command ${sequence} is of another actor` }
  }
  return undefined
}
