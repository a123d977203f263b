/**
 * The proof by replay: commits, commands, events, snapshots, objects and the served tree against each other, from the first event.
 * Invariant: reads everything, changes nothing, takes no lock; what is wrong is named by file, and one fault does not hide the next.
 */

import { readCommitChain } from '../audit/commits.js'
import { noting, type Problem } from '../audit/problem.js'
import { type Replayed, replayAggregate } from '../audit/replay.js'
import { directorySource } from '../audit/source.js'
import type { Handle } from '../base/handle.js'
import { type CaState, publishedFiles } from '../ca/state.js'
import type { Sha256 } from '../crypto/ports.js'
import { type AggregateId, formatAggregateId, kindWord } from '../eventsourcing/types.js'
import { replay, Work } from '../eventsourcing/work.js'
import { objectsInUse } from '../pubd/content.js'
import type { PubdState } from '../pubd/state.js'
import { verifyRepository } from '../repo/verify.js'
import type { FileReader } from '../store/reader.js'
import { type TaState, taPublishedFiles } from '../ta/state.js'
import { pubdState } from './desk.js'
import { type Digest, digestOf, rulesOf, type Summary, summaryOf } from './digest.js'
import { site } from './serve.js'
import type { Session } from './session.js'

export interface AuditedAggregate {
  readonly kind: string
  readonly handle: Handle
  readonly version: number
  readonly commands: number
  readonly events: number
  /** Files read from `archived/`. */
  readonly archived: number
  /** 0, or the version from which it could be verified because what came before is archived elsewhere. */
  readonly verifiedFrom: number
  /** Hash of the newest command record. */
  readonly head: Sha256 | null
  /** SHA-256 of the canonical JSON of the state; null when it cannot be made. */
  readonly stateDigest: Sha256 | null
  readonly problems: readonly Problem[]
}

export interface AuditReport {
  readonly ok: boolean
  readonly commits: number
  /** Hash of the newest commit. */
  readonly head: Sha256 | null
  readonly aggregates: readonly AuditedAggregate[]
  /** Problems of commits, objects and the served tree; those of aggregates stand with them. */
  readonly problems: readonly Problem[]
  /** Null when some state cannot be made. */
  readonly digest: Digest | null
}

export interface AuditOptions {
  /** What is archived must be here too. */
  readonly full?: boolean
}

interface Audited {
  readonly id: AggregateId
  readonly replayed: Replayed
  readonly summary: Summary | undefined
}

/** Verifies everything. Throws `corrupt` only where not even a cut can be read. */
export async function auditVerify(session: Session, options: AuditOptions = {}): Promise<AuditReport> {
  return session.store.read(async (reader) => {
    const { onProgress } = session.options
    const source = directorySource(session.store.layout, reader)
    const chain = readCommitChain(source, {
      step(done) {
        if (done % 500 === 0) onProgress?.(done, reader.head, 'commits')
      },
    })
    const { roster } = chain
    const audited: Audited[] = roster.map((id, i) => {
      onProgress?.(i, roster.length, 'aggregates')
      const named = chain.named.get(formatAggregateId(id)) ?? []
      const rules = rulesOf(id)
      const replayed = replayAggregate({ source, id, rules, named, full: options.full === true })
      const summary = replayed.state === undefined ? undefined : summaryOf(id, rules, replayed.state.value)
      return {
        id,
        replayed: { ...replayed, problems: [...replayed.problems, ...loadFaults(reader, id, summary)] },
        summary,
      }
    })
    const problems = [...chain.problems, ...objectFaults(session, reader, audited), ...servedFaults(session, reader)]
    const summaries = audited.flatMap((a) => a.summary ?? [])
    return {
      ok: problems.length === 0 && audited.every((a) => a.replayed.problems.length === 0),
      commits: chain.count,
      head: chain.head,
      aggregates: audited.map(rowOf),
      problems,
      digest: summaries.length === audited.length ? digestOf(summaries) : null,
    }
  })
}

function rowOf({ id, replayed, summary }: Audited): AuditedAggregate {
  const { state: _state, ...row } = replayed
  const { problems, head, ...counts } = row
  const stateDigest = summary?.stateDigest ?? null
  return { kind: kindWord(id.kind), handle: id.handle, ...counts, head, stateDigest, problems }
}

/** What commands load, from snapshot and cache, must be what the events make. */
function loadFaults(reader: FileReader, id: AggregateId, summary: Summary | undefined): readonly Problem[] {
  if (summary === undefined) return []
  const problems: Problem[] = []
  const rules = rulesOf(id)
  const file = `${formatAggregateId(id)}`
  const loaded = noting(problems, file, () => summaryOf(id, rules, replay(rules, id.handle, reader.load(id))))
  if (loaded !== undefined && loaded.stateDigest !== summary.stateDigest)
    problems.push({ file, path: '$', problem: 'loads with another state than its events make' })
  return problems
}

/** Every object that a state names must be there with its hash. */
function objectFaults(session: Session, reader: FileReader, audited: readonly Audited[]): readonly Problem[] {
  const problems: Problem[] = []
  const named = new Map<Sha256, string>()
  for (const { id, replayed } of audited)
    if (replayed.state !== undefined)
      for (const [sha256, name] of namedObjects(id, replayed.state.value))
        if (!named.has(sha256)) named.set(sha256, `${formatAggregateId(id)} ${name}`)
  let done = 0
  for (const [sha256, name] of named) {
    done += 1
    if (done % 500 === 0) session.options.onProgress?.(done, named.size, 'objects')
    const file = `objects/${sha256.slice(0, 2)}/${sha256}`
    const found: Problem[] = []
    noting(found, file, () => reader.object(sha256))
    for (const { problem } of found) problems.push({ file, path: '$', problem: `${problem} (${name.trim()})` })
  }
  return problems
}

function namedObjects({ kind }: AggregateId, state: unknown): readonly (readonly [Sha256, string])[] {
  switch (kind) {
    case 'ca':
      return publishedFiles(state as CaState).map((f) => [f.sha256, f.name])
    case 'ta': {
      const { certificate } = state as TaState
      const own = taPublishedFiles(state as TaState).map((f) => [f.sha256, f.name] as const)
      return certificate === null ? own : [...own, [certificate.sha256, 'ta.cer']]
    }
    case 'pubd':
      return [...objectsInUse(state as PubdState)].map((sha256) => [sha256, ''])
    default:
      return []
  }
}

/** The served tree of a primary; a stand-by serves nothing. */
function servedFaults(session: Session, reader: FileReader): readonly Problem[] {
  if (session.store.role().role !== 'primary') return []
  const problems: Problem[] = []
  noting(problems, 'repo', () => {
    const work = new Work(reader)
    for (const { path, problem } of verifyRepository(site(session, { work }, pubdState(work))))
      problems.push({ file: `repo/${path}`, path: '$', problem })
  })
  return problems
}
