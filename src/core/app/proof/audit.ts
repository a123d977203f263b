/**
 * Use case of `brine audit verify`: proof by replay. Compares commits, commands, events, snapshots, objects, keys and the published tree with
 * each other, from the first event on.
 * Invariant: everything is read and nothing is changed; each finding names its file, and one finding does not hide the next. The lock is taken
 * only to verify again after findings that concurrent commands may have caused.
 */
import type { Finding } from '../../audit/finding.js'
import type { Replayed } from '../../audit/replay.js'
import { directorySource } from '../../audit/source.js'
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import type { Sha256 } from '../../crypto/ports.js'
import { type AggregateId, formatAggregateId, kindWord } from '../../eventsourcing/types.js'
import { readWithRetry } from '../../store/directory/optimistic-read.js'
import type { Session } from '../session/session.js'
import { indexFindings } from './archive-index.js'
import { type CheckpointRow, compareCheckpoints, identity, readCheckpoints, verifierKeys } from './checkpoint.js'
import { type Digest, digestOf } from './digest.js'
import { type ProvedAggregate, proveHistory } from './prove-history.js'
import { exposureFindings, keyFindings, loadFindings, objectFindings } from './referenced-files.js'
import { judgeTree, type PendingPublication, ServedStates } from './served-tree.js'

export interface AuditedAggregate
  extends Pick<Replayed, 'version' | 'commands' | 'events' | 'archived' | 'verifiedFrom' | 'unproved' | 'head'> {
  readonly kind: string
  readonly handle: Handle
  /** SHA-256 of the canonical JSON of the state; null if the state cannot be replayed. */
  readonly stateDigest: Sha256 | null
  readonly problems: readonly Finding[]
}

export interface AuditReport {
  readonly ok: boolean
  readonly commits: number
  /** Hash of the newest commit. */
  readonly head: Sha256 | null
  readonly aggregates: readonly AuditedAggregate[]
  /** In the order of the arguments. */
  readonly checkpoints: readonly CheckpointRow[]
  /** Findings on commits, objects, keys, checkpoints and the published tree; those on an aggregate are in its row. */
  readonly problems: readonly Finding[]
  /** Checks that were not possible here, one sentence each. */
  readonly skipped: readonly string[]
  /** The publication that a commit asks for and that is not written yet; null if the published tree is the newest, or has other findings only. */
  readonly pending: PendingPublication | null
  /** Null if the state of some aggregate cannot be replayed. */
  readonly digest: Digest | null
}

export interface AuditOptions {
  /** Archived files must be available too. */
  readonly full: boolean
  /** Files that hold checkpoints. */
  readonly checkpoints: readonly string[]
  /** Keys that may have signed them; the directory's own key if empty. */
  readonly verifierKeys: readonly string[]
}

const CONTENDED =
  'other commands ran during the whole verification, and the findings may be due to them: verify again when they are done'

/** Verifies the whole data directory. Throws `corrupt` only if no revision can be read, `usage` for an invalid checkpoint or key. */
export async function auditVerify(session: Session, given: Partial<AuditOptions> = {}): Promise<AuditReport> {
  const options: AuditOptions = { full: false, checkpoints: [], verifierKeys: [], ...given }
  const { store } = session
  const maxSeconds = session.options.lockTimeoutSeconds ?? session.config.lockTimeout
  const verify = async () => verifyOnce(session, options)
  const isUnsettled = (report: AuditReport): boolean => !report.ok || report.pending !== null
  const { result: found, contended } = await readWithRetry(store.layout, verify, isUnsettled, maxSeconds)
  const report: AuditReport = found
  if (!contended || store.role().role === 'standby') return report
  try {
    return await store.exclusive(verify)
  } catch (error) {
    if (!(error instanceof AppError) || (error.kind !== 'locked' && error.kind !== 'io')) throw error
    return { ...report, skipped: [...report.skipped, CONTENDED] }
  }
}

async function verifyOnce(session: Session, options: AuditOptions): Promise<AuditReport> {
  const { store } = session
  const { onProgress } = session.options
  const kept = readCheckpoints(options.checkpoints)
  const keys = kept.length === 0 ? [] : verifierKeys(options.verifierKeys, store.auditKey.publicKey)
  return store.read(async (reader) => {
    const source = directorySource(store.layout, reader)
    const sizes = kept.map(({ checkpoint }) => checkpoint.size)
    const isPrimary = store.role().role === 'primary'
    const states = new ServedStates(session.repoDir)
    const watcher = (id: AggregateId) => (isPrimary ? states.watcher(id) : undefined)
    const proof = proveHistory(source, { full: options.full, sizes, watcher, onProgress })
    const audited = proof.audited.map((one) => {
      const problems = [
        ...one.replayed.problems,
        ...loadFindings(reader, one.id, one.summary),
        ...indexFindings(store.layout, one.id, proof.chain),
      ]
      return { ...one, replayed: { ...one.replayed, problems } }
    })
    const tree = isPrimary ? judgeTree(session, reader, states) : { findings: [], pending: null }
    const checkpoints = compareCheckpoints(kept, identity(session), keys, proof)
    const problems = [
      ...proof.chain.problems,
      ...checkpoints.problems,
      ...proof.unaccounted,
      ...objectFindings(source, audited, onProgress),
      ...keyFindings(store.keys, audited),
      ...exposureFindings(session),
      ...tree.findings,
    ]
    const skipped = [
      ...unprovedLines(audited),
      ...(isPrimary ? [] : ['the published tree was not checked: a stand-by publishes nothing']),
    ]
    const { rows } = checkpoints
    return {
      ...auditReport({ chain: proof.chain, audited, problems }),
      checkpoints: rows,
      skipped,
      pending: tree.pending,
    }
  })
}

interface Found {
  readonly chain: { readonly count: number; readonly head: Sha256 | null }
  readonly audited: readonly ProvedAggregate[]
  readonly problems: readonly Finding[]
}

/** Returns the report of what was found, without checkpoints, skipped checks and the publication. */
export function auditReport({
  chain,
  audited,
  problems,
}: Found): Omit<AuditReport, 'checkpoints' | 'skipped' | 'pending'> {
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

/** Returns a line for each aggregate with archived commands that nothing proves. */
export function unprovedLines(audited: readonly ProvedAggregate[]): readonly string[] {
  return audited.flatMap(({ id, replayed: { unproved } }) => {
    if (unproved.length === 0) return []
    const commands = unproved.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')
    return `${formatAggregateId(id)}: commands ${commands} were archived before records were kept and are not here: that they only published is claimed, not proved`
  })
}

function rowOf({ id, replayed, summary }: ProvedAggregate): AuditedAggregate {
  const { state: _state, problems, head, ...counts } = replayed
  const stateDigest = summary?.stateDigest ?? null
  return { kind: kindWord(id.kind), handle: id.handle, ...counts, head, stateDigest, problems }
}
