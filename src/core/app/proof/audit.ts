/**
 * The proof by replay: commits, commands, events, snapshots, objects, keys and the served tree against each other, from the first event.
 * Invariant: reads everything, changes nothing; what is wrong is named by file, and one fault does not hide the next.
 * It takes the lock only to look again at what was wrong while other commands were at work.
 */
import type { Finding } from '../../audit/finding.js'
import type { Replayed } from '../../audit/replay.js'
import { directorySource } from '../../audit/source.js'
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import type { Sha256 } from '../../crypto/ports.js'
import { kindWord } from '../../eventsourcing/types.js'
import { readWithRetry } from '../../store/directory/optimistic-read.js'
import type { Session } from '../transaction/session.js'
import { type CheckpointRow, checkpointFaults, identity, readCheckpoints, verifierKeys } from './checkpoint.js'
import { type Digest, digestOf } from './digest.js'
import { type Audited, proveHistory } from './prove-history.js'
import { keyFaults, loadFaults, objectFaults, servedFaults } from './referenced-files.js'

export interface AuditedAggregate
  extends Pick<Replayed, 'version' | 'commands' | 'events' | 'archived' | 'verifiedFrom' | 'head'> {
  readonly kind: string
  readonly handle: Handle
  /** SHA-256 of the canonical JSON of the state; null when it cannot be made. */
  readonly stateDigest: Sha256 | null
  readonly problems: readonly Finding[]
}

export interface AuditReport {
  readonly ok: boolean
  readonly commits: number
  /** Hash of the newest commit. */
  readonly head: Sha256 | null
  readonly aggregates: readonly AuditedAggregate[]
  /** In the order in which they were given. */
  readonly checkpoints: readonly CheckpointRow[]
  /** Problems of commits, objects, keys, checkpoints and the served tree; those of aggregates stand with them. */
  readonly problems: readonly Finding[]
  /** What could not be looked at here, a sentence each. */
  readonly skipped: readonly string[]
  /** Null when some state cannot be made. */
  readonly digest: Digest | null
}

export interface AuditOptions {
  /** What is archived must be here too. */
  readonly full: boolean
  /** Files that hold checkpoints. */
  readonly checkpoints: readonly string[]
  /** The keys that may have signed them; none: the directory's own. */
  readonly verifierKeys: readonly string[]
}

const DISTURBED = 'other commands were at work all the while: what is wrong may be their doing; verify again after them'

/** Verifies everything. Throws `corrupt` only where not even a cut can be read; `usage` for a checkpoint or key that is none. */
export async function auditVerify(session: Session, given: Partial<AuditOptions> = {}): Promise<AuditReport> {
  const options: AuditOptions = { full: false, checkpoints: [], verifierKeys: [], ...given }
  const { store } = session
  const patience = session.options.lockTimeoutSeconds ?? session.config.lockTimeout
  const look = async () => lookOnce(session, options)
  const { result: found, contended: disturbed } = await readWithRetry(
    store.layout,
    look,
    (report) => !report.ok,
    patience,
  )
  const report: AuditReport = found
  if (!disturbed || store.role().role === 'standby') return report
  try {
    return await store.exclusive(look)
  } catch (error) {
    if (!(error instanceof AppError) || (error.kind !== 'locked' && error.kind !== 'io')) throw error
    return { ...report, skipped: [...report.skipped, DISTURBED] }
  }
}

async function lookOnce(session: Session, options: AuditOptions): Promise<AuditReport> {
  const { store } = session
  const { onProgress } = session.options
  const kept = readCheckpoints(options.checkpoints)
  const keys = kept.length === 0 ? [] : verifierKeys(options.verifierKeys, store.auditKey.publicKey)
  return store.read(async (reader) => {
    const source = directorySource(store.layout, reader)
    const sizes = kept.map(({ checkpoint }) => checkpoint.size)
    const proof = proveHistory(source, { full: options.full, sizes, onProgress })
    const audited = proof.audited.map((one) => {
      const problems = [...one.replayed.problems, ...loadFaults(reader, one.id, one.summary)]
      return { ...one, replayed: { ...one.replayed, problems } }
    })
    const isPrimary = store.role().role === 'primary'
    const checkpoints = checkpointFaults(kept, identity(session), keys, proof)
    const problems = [
      ...proof.chain.problems,
      ...checkpoints.problems,
      ...proof.unaccounted,
      ...objectFaults(source, audited, onProgress),
      ...keyFaults(store.keys, audited),
      ...(isPrimary ? servedFaults(session, reader) : []),
    ]
    const skipped = isPrimary ? [] : ['a stand-by serves nothing: the served tree was not looked at']
    return { ...auditReport({ chain: proof.chain, audited, problems }), checkpoints: checkpoints.rows, skipped }
  })
}

interface Found {
  readonly chain: { readonly count: number; readonly head: Sha256 | null }
  readonly audited: readonly Audited[]
  readonly problems: readonly Finding[]
}

/** What was found, as a report. */
export function auditReport({ chain, audited, problems }: Found): Omit<AuditReport, 'checkpoints' | 'skipped'> {
  const summaries = audited.flatMap((a) => a.summary ?? [])
  return {
    ok: problems.length === 0 && audited.every((a) => a.replayed.problems.length === 0),
    commits: chain.count,
    head: chain.head,
    aggregates: audited.map(rowOf),
    problems,
    digest: summaries.length === audited.length ? digestOf(summaries) : null,
  }
}

function rowOf({ id, replayed, summary }: Audited): AuditedAggregate {
  const { state: _state, problems, head, ...counts } = replayed
  const stateDigest = summary?.stateDigest ?? null
  return { kind: kindWord(id.kind), handle: id.handle, ...counts, head, stateDigest, problems }
}
