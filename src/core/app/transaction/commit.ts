/**
 * Commits one use case. Optimistic: decide and sign without the lock, take the lock, verify that the head has not moved, write, publish.
 * Pessimistic: decide and sign under the lock with keys made before, for a command that keeps losing the race.
 * Invariant: while the lock is held for the first attempt, no key is made and nothing is signed. A rejection is recorded, a no-op is not.
 */

import type { Handle } from '../../base/handle.js'
import type { Instant } from '../../base/time.js'
import { isUnconfirmed } from '../../ca/state/places.js'
import type { KeySupply } from '../../crypto/key-supply.js'
import type { KeyDemand } from '../../crypto/ports.js'
import type { CommitResult } from '../../eventsourcing/store.js'
import type { AggregateId } from '../../eventsourcing/types.js'
import { Work } from '../../eventsourcing/work.js'
import { BLOCK } from '../../store/commit/commit-layout.js'
import type { ObjectStaging } from '../../store/commit/object-staging.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import type { FileWriter } from '../../store/commit/writer.js'
import { caState } from '../session/context.js'
import { forgetHeld } from '../session/held-changes.js'
import { refuseServedAhead } from '../session/served-ahead.js'
import type { Session } from '../session/session.js'
import { openSigner, supplyKeys, type TransactionSigner } from '../session/signing.js'
import { type Draft, type DryRun, draft, dryRun, isRejected, type RejectedDraft, type UseCase } from './draft.js'
import { conflict } from './errors.js'
import { type PublishedTree, publishTree } from './publish-tree.js'
import { recordRejection, rejectUnderLock } from './record-rejection.js'
import { toStagedCommit, withWatch } from './staged-commit.js'

/** Minimum of one-time keys for staging: making so many takes long enough to write the objects that are signed meanwhile. */
const STAGING_MIN_KEYS = 32

export interface TransactionOptions {
  readonly dryRun?: boolean
  /** Brings the published tree up to date even if there is nothing to commit: the tree may lag behind the last commit. */
  readonly publishAlways?: boolean
  /** True for the renumbering itself, which begins a generation (see renumbering.ts). */
  readonly renumbers?: boolean
}

export interface TransactionResult<R> {
  readonly result: R
  /** Undefined for a no-op and a dry run. */
  readonly commit: CommitResult | undefined
  /** The published tree after the commit; undefined for a no-op, a dry run, and where nothing is published here. */
  readonly tree: PublishedTree | undefined
  /** True if something changed, or, in a dry run, would change. */
  readonly changed: boolean
  readonly at: Instant
  /** CAs of the change whose repository elsewhere has not confirmed what they want published. */
  readonly unsynced: readonly Handle[]
  /** Keys that were used, or that a dry run would use. */
  readonly demand: KeyDemand
}

/** Aggregates whose manifest, CRL and RRDP numbers must be raised before this transaction can commit. */
export class NeedsRenumbering {
  readonly toRenumber: readonly AggregateId[]

  constructor(toRenumber: readonly AggregateId[]) {
    this.toRenumber = toRenumber
  }
}

/** Returns what the use case would do. Throws what a rule rejected, and with `--dry-run` what limits hold, which is not recorded. */
export async function preview<R>(session: Session, useCase: UseCase<R>): Promise<TransactionResult<R>> {
  const asked = session.options.dryRun === true ? session : withoutReview(session)
  const { outcome, demand } = await session.store.read((reader) => dryRun(asked, reader, useCase))
  if (isRejected(outcome)) throw outcome.rejected.error
  return uncommitted(outcome, demand)
}

/** Returns a session for the preview that a command shows before it asks: what limits hold is said after the answer, or by `--dry-run`. */
function withoutReview(session: Session): Session {
  const { safety: _, ...options } = session.options
  return { ...session, options }
}

function uncommitted<R>({ result, changed, at }: Draft<R>, demand: KeyDemand): TransactionResult<R> {
  return { result, commit: undefined, tree: undefined, changed, at, unsynced: [], demand }
}

/** Returns the result of a no-op. A newest commit that its writer may not have synced is made durable first: "nothing to do" relies on it. */
async function noOp<R>(session: Session, outcome: Draft<R>, demand: KeyDemand): Promise<TransactionResult<R>> {
  if (!outcome.reader.sealed) await session.store.write(async () => undefined)
  return uncommitted(outcome, demand)
}

/** Decides and signs before it takes the lock. Throws `commit-lost` if another command has committed meanwhile; then nothing was written. */
export function commitOptimistic<R>(
  session: Session,
  useCase: UseCase<R>,
  options: TransactionOptions,
): Promise<TransactionResult<R> | NeedsRenumbering> {
  return withKeys(session, async (keys, signing, staging) => {
    const outcome = await session.store.read(async (reader) => {
      const forecast = await forecastKeys(session, reader, useCase, keys)
      if (forecast !== undefined && (isNoOp(forecast.outcome) || mustRenumber(forecast.outcome, options)))
        return forecast.outcome
      if (forecast !== undefined) keys.expect(forecast.demand)
      session.store.preloadWrite()
      if (forecast !== undefined && forecast.demand.oneTime >= STAGING_MIN_KEYS) staging.open()
      return draft(session, reader, useCase, { signer: signing.signer, isDryRun: false, staging })
    })
    if (mustRenumber(outcome, options)) return new NeedsRenumbering(outcome.toRenumber)
    if (isRejected(outcome)) return rejectUnderLock(session, useCase, outcome)
    if (!outcome.changed && options.publishAlways !== true) return noOp(session, outcome, keys.taken())
    const { reader } = outcome
    return session.store.write(
      async (writer) => {
        if (writer.head !== reader.head || writer.generation !== reader.generation) throw conflict()
        if (options.renumbers !== true) await refuseServedAhead(session, new Work(writer))
        return commitDraft(session, writer, outcome, signing, keys.taken())
      },
      reader,
      staging,
    )
  })
}

/** Makes the keys that a dry run asks for, then decides and signs under the lock. Throws `commit-lost` if it must be renumbered by then. */
export function commitPessimistic<R>(
  session: Session,
  useCase: UseCase<R>,
  options: TransactionOptions,
): Promise<TransactionResult<R> | NeedsRenumbering> {
  return withKeys(session, async (keys, signing) => {
    const { outcome, demand } = await session.store.read((reader) => dryRun(session, reader, useCase))
    if (mustRenumber(outcome, options)) return new NeedsRenumbering(outcome.toRenumber)
    if (isRejected(outcome)) return rejectUnderLock(session, useCase, outcome)
    if (!outcome.changed && options.publishAlways !== true) return noOp(session, outcome, demand)
    keys.expect(demand)
    await keys.ready()
    return session.store.write(async (writer) => {
      const decided = await draft(session, writer, useCase, { signer: signing.signer, isDryRun: false })
      if (mustRenumber(decided, options)) throw conflict()
      if (isRejected(decided)) throw recordRejection(session, writer, decided.rejected)
      if (options.renumbers !== true) await refuseServedAhead(session, new Work(writer))
      return commitDraft(session, writer, decided, signing, demand)
    })
  })
}

/** Runs one attempt with a key supply, a signer and a staging area. What it made and did not commit is removed, and no more keys are made. */
async function withKeys<T>(
  session: Session,
  attempt: (keys: KeySupply, signing: TransactionSigner, staging: ObjectStaging) => Promise<T>,
): Promise<T> {
  const keys = supplyKeys(session)
  const signing = await openSigner(session, keys)
  const staging = session.store.newStaging()
  try {
    return await attempt(keys, signing, staging)
  } finally {
    keys.close()
    signing.forget()
    staging.drop()
  }
}

/**
 * Counts the keys of a use case by a dry run, so that every core makes keys from the first request on; and finds, in a new generation, whether
 * it must be renumbered first. Undefined where neither is needed: the pool has keys, and the directory was never promoted.
 */
async function forecastKeys<R>(
  session: Session,
  reader: StoreReader,
  useCase: UseCase<R>,
  keys: KeySupply,
): Promise<DryRun<R> | undefined> {
  const isPooled = session.store.keys.poolSize() > 0
  if (isPooled && reader.generation === 1) return undefined
  return dryRun(session, reader, useCase, isPooled ? undefined : (demand) => keys.begin(demand))
}

/** Returns true for a draft that changes nothing, a rejected one included. */
function isNoOp<R>(outcome: Draft<R> | RejectedDraft): boolean {
  return isRejected(outcome) || !outcome.changed
}

function mustRenumber<R>(outcome: Draft<R> | RejectedDraft, options: TransactionOptions): boolean {
  return outcome.toRenumber.length > 0 && options.renumbers !== true
}

function commitDraft<R>(
  session: Session,
  writer: FileWriter,
  { tx, result, changed, at }: Draft<R>,
  signing: TransactionSigner,
  demand: KeyDemand,
): TransactionResult<R> {
  const staged = changed ? toStagedCommit(session, at, tx.work.staged(), tx.work) : undefined
  // from here on an event may reference the new keys, even if the commit ends with an error
  if (changed) signing.keep()
  const commit = staged === undefined ? undefined : withWatch(session, () => writer.commit(staged))
  if (changed && session.options.safety !== undefined) forgetHeld(session, tx.work.touched('ca'))
  const unsynced = changed ? unconfirmedOf(tx.work) : []
  for (const handle of unsynced) session.options.watch?.unsynced?.add(handle)
  const tree = publishTree(session, tx, at, { isCommitted: commit !== undefined })
  return { result, commit, tree, changed, at, unsynced, demand }
}

function unconfirmedOf(work: Work): readonly Handle[] {
  return work.touched('ca').filter((handle) => isUnconfirmed(caState(work, handle)))
}

/** Returns the bytes that must be free for the change; undefined if it would commit nothing. */
export function requiredSpace<R>(session: Session, useCase: UseCase<R>): Promise<number | undefined> {
  return session.store.read(async (reader) => {
    const { outcome, demand } = await dryRun(session, reader, useCase)
    if (isRejected(outcome) || !outcome.changed) return undefined
    const { at, tx } = outcome
    const staged = toStagedCommit(session, at, tx.work.staged(), tx.work)
    return demand.lasting * BLOCK + reader.requiredSpace(staged, session.config.snapshotInterval)
  })
}
