/**
 * How one change is committed: drafted without the lock, committed under it where nobody came in between, then served.
 * Invariant: while the lock is held the first time, no key is made and nothing is signed; what a rule rejects is recorded, what changes nothing
 * is not.
 */
import { AppError, hintThen, rewrap } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { KeySupply } from '../../crypto/key-supply.js'
import type { KeyDemand } from '../../crypto/ports.js'
import type { CommitResult, Staged, StagedCommit } from '../../eventsourcing/store.js'
import type { AggregateId, CommitMeta } from '../../eventsourcing/types.js'
import type { Rejected, Work } from '../../eventsourcing/work.js'
import { BLOCK } from '../../store/commit/commit-layout.js'
import type { ObjectStaging } from '../../store/commit/object-staging.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import type { FileWriter } from '../../store/commit/writer.js'
import {
  countingSigner,
  type Draft,
  draft,
  dryRun,
  isRejected,
  type TransactionSigner,
  type RejectedDraft,
  openSigner,
  supplyKeys,
  type UseCase,
} from './draft.js'
import { type PublishedTree, publishTree } from './publish-tree.js'
import type { Session } from './session.js'

/** One-time keys for which a change waits long enough to write what is signed meanwhile. */
const MANY = 32

export interface TransactionOptions {
  readonly dryRun?: boolean
  /** The lock is taken even when there is nothing to commit: the served tree may lag. */
  readonly publishAlways?: boolean
  /** This is the jump that begins a generation (see generation.ts). */
  readonly renumbers?: boolean
}

export interface TransactionResult<R> {
  readonly result: R
  /** Undefined for a no-op and a dry run. */
  readonly commit: CommitResult | undefined
  readonly tree: PublishedTree | undefined
  /** Did (or, in a dry run, would) anything change? */
  readonly changed: boolean
  readonly at: Instant
  readonly demand: KeyDemand
}

/** These must jump before anything that touches them is committed. */
export class NeedsRenumbering {
  readonly toRenumber: readonly AggregateId[]

  constructor(late: readonly AggregateId[]) {
    this.toRenumber = late
  }
}

/** What the change would do. Throws what a rule rejected, which is not recorded. */
export async function preview<R>(session: Session, useCase: UseCase<R>): Promise<TransactionResult<R>> {
  const { outcome, demand } = await session.store.read((reader) => dryRun(session, reader, useCase))
  if (isRejected(outcome)) throw outcome.rejected.error
  return unchanged(outcome, demand)
}

function unchanged<R>({ result, changed, at }: Draft<R>, demand: KeyDemand): TransactionResult<R> {
  return { result, commit: undefined, tree: undefined, changed, at, demand }
}

/** That there is nothing to do is a promise too: what a dead command left as the newest commit is made durable first. */
async function idle<R>(session: Session, outcome: Draft<R>, demand: KeyDemand): Promise<TransactionResult<R>> {
  if (!outcome.reader.sealed) await session.store.write(async () => undefined)
  return unchanged(outcome, demand)
}

/** Signs before it takes the lock. Throws `commit-lost` where another command came in between: then nothing has happened. */
export function commitOptimistic<R>(
  session: Session,
  useCase: UseCase<R>,
  options: TransactionOptions,
): Promise<TransactionResult<R> | NeedsRenumbering> {
  return withKeys(session, async (keys, signing, ahead) => {
    const outcome = await session.store.read(async (reader) => {
      const foreseen = await foresee(session, reader, useCase, keys)
      if (foreseen !== undefined && (isIdle(foreseen.outcome) || mustJump(foreseen.outcome, options)))
        return foreseen.outcome
      if (foreseen !== undefined) keys.expect(foreseen.demand)
      session.store.preloadWrite()
      if (foreseen !== undefined && foreseen.demand.oneTime >= MANY) ahead.open()
      return draft(session, reader, useCase, signing.signer, true, ahead)
    })
    if (mustJump(outcome, options)) return new NeedsRenumbering(outcome.toRenumber)
    if (isRejected(outcome)) return rejectUnderLock(session, useCase, outcome)
    if (!outcome.changed && options.publishAlways !== true) return idle(session, outcome, keys.taken())
    const { reader } = outcome
    return session.store.write(
      async (writer) => {
        if (writer.head !== reader.head || writer.generation !== reader.generation) throw overtaken()
        return finish(session, writer, outcome, signing, keys.taken())
      },
      reader,
      ahead,
    )
  })
}

/** Decides under the lock, with the keys at hand: for a command that others keep overtaking. */
export function commitPessimistic<R>(
  session: Session,
  useCase: UseCase<R>,
  options: TransactionOptions,
): Promise<TransactionResult<R> | NeedsRenumbering> {
  return withKeys(session, async (keys, signing) => {
    const { outcome, demand } = await session.store.read((reader) => dryRun(session, reader, useCase))
    if (mustJump(outcome, options)) return new NeedsRenumbering(outcome.toRenumber)
    if (isRejected(outcome)) return rejectUnderLock(session, useCase, outcome)
    if (!outcome.changed && options.publishAlways !== true) return idle(session, outcome, demand)
    keys.expect(demand)
    await keys.ready()
    return session.store.write(async (writer) => {
      const decided = await draft(session, writer, useCase, signing.signer, true)
      if (mustJump(decided, options)) throw overtaken()
      if (isRejected(decided)) throw recordRejection(session, writer, decided.rejected)
      return finish(session, writer, decided, signing, demand)
    })
  })
}

/** Keys for one try. Where it hands nothing to a commit, what it left in `keys/` and `tmp/` goes, and no key is made any more. */
async function withKeys<T>(
  session: Session,
  work: (keys: KeySupply, signing: TransactionSigner, ahead: ObjectStaging) => Promise<T>,
): Promise<T> {
  const keys = supplyKeys(session)
  const signing = await openSigner(session, keys)
  const ahead = session.store.newStaging()
  try {
    return await work(keys, signing, ahead)
  } finally {
    keys.close()
    signing.forget()
    ahead.drop()
  }
}

/**
 * Without pool keys one-time keys are made: knowing how many, all cores work from the first that is asked for. A new generation may have to
 * jump first.
 */
async function foresee<R>(session: Session, reader: StoreReader, useCase: UseCase<R>, keys: KeySupply) {
  const isPooled = session.store.keys.poolSize() > 0
  if (isPooled && reader.generation === 1) return undefined
  return dryRun(session, reader, useCase, isPooled ? undefined : (demand) => keys.begin(demand))
}

function isIdle<R>(outcome: Draft<R> | RejectedDraft): boolean {
  return isRejected(outcome) || !outcome.changed
}

function mustJump<R>(outcome: Draft<R> | RejectedDraft, options: TransactionOptions): boolean {
  return outcome.toRenumber.length > 0 && options.renumbers !== true
}

function finish<R>(
  session: Session,
  writer: FileWriter,
  decided: Draft<R>,
  signing: TransactionSigner,
  demand: KeyDemand,
): TransactionResult<R> {
  const { tx, result, changed, at } = decided
  const staged = changed ? toStagedCommit(session, at, tx.work.staged(), tx.work) : undefined
  // from here on an event may name them, whatever is said of the commit
  if (changed) signing.keep()
  const commit = staged === undefined ? undefined : withWatch(session, () => writer.commit(staged))
  const served = publishTree(session, tx, at, commit !== undefined)
  return { result, commit, tree: served, changed, at, demand }
}

/** Bytes that must be free for the change; undefined where it would commit nothing. */
export function requiredSpace<R>(session: Session, useCase: UseCase<R>): Promise<number | undefined> {
  return session.store.read(async (reader) => {
    const { outcome, demand } = await dryRun(session, reader, useCase)
    if (isRejected(outcome) || !outcome.changed) return undefined
    const { at, tx } = outcome
    const staged = toStagedCommit(session, at, tx.work.staged(), tx.work)
    return demand.lasting * BLOCK + reader.requiredSpace(staged, session.config.snapshotInterval)
  })
}

function overtaken(): AppError {
  return new AppError('locked', 'commit-lost', 'another command came in between', { retry: true })
}

/** The rule is asked again under the lock, and its answer recorded; when it has changed its mind in between, the command starts over. */
async function rejectUnderLock<R>(session: Session, useCase: UseCase<R>, { rejected }: RejectedDraft): Promise<never> {
  const write = session.store.write(async (writer) => {
    const again = await draft(session, writer, useCase, countingSigner(session), false)
    return isRejected(again) ? recordRejection(session, writer, again.rejected) : undefined
  })
  const refused = await write.catch((cause: unknown) => unrecorded(rejected.error, cause))
  throw refused ?? overtaken()
}

export function recordRejection(session: Session, writer: FileWriter, rejected: Rejected): AppError {
  const { error, id } = rejected
  const work = rejected.work
  if (!work.exists(id.kind, id.handle)) return error
  try {
    const at = session.clockFor(writer).now()
    writer.commit(toStagedCommit(session, at, [work.rejected(rejected)], undefined))
    return error
  } catch (cause) {
    return unrecorded(error, cause)
  }
}

/** What a rule rejected stays rejected where that cannot be written down: the disk is full or read-only, another command holds the lock. */
function unrecorded(error: AppError, cause: unknown): AppError {
  const isPlace = cause instanceof AppError && ['io', 'uncertain', 'locked'].includes(cause.kind)
  if (!isPlace || cause.code === 'commit-lost') throw cause
  const errno = (cause.details as { errno?: string } | null)?.errno ?? cause.code
  return rewrap(error, { hint: hintThen(error, `not recorded: ${errno}`), cause })
}

/** An interrupt reads the watch to say what has become durable. */
export function withWatch(session: Session, commit: () => CommitResult): CommitResult {
  const { watch } = session.options
  if (watch === undefined) return commit()
  const before = watch.changed
  watch.changed = 'unknown'
  try {
    const result = commit()
    watch.changed = 'yes'
    return result
  } catch (error) {
    if (error instanceof AppError && error.changed === 'no') watch.changed = before
    throw error
  }
}

export function toStagedCommit(
  session: Session,
  at: Instant,
  aggregates: readonly Staged[],
  work: Work | undefined,
): StagedCommit {
  const { actor, osUser, host, reason } = session.options
  const who = { at, actor, osUser, host, configDigest: session.configDigest }
  const meta: CommitMeta = reason === undefined ? who : { ...who, reason }
  return { meta, aggregates, objects: work?.objects ?? new Map(), dates: work?.dates ?? new Map() }
}
