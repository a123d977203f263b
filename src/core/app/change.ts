/**
 * How a change happens: rehearsed without a lock, keys made, then decided again and committed under the lock, then served.
 * Invariant: no key is made and no network is touched while the lock is held; what a rule rejects is recorded, what changes nothing is not.
 */
import { AppError } from '../base/errors.js'
import { clockBehind, type Instant } from '../base/time.js'
import { readPublicKey } from '../crypto/key-signer.js'
import type { KeyDemand, Signer } from '../crypto/ports.js'
import { type PreparedKeys, prepareKeys } from '../crypto/prepared-keys.js'
import { systemRandom } from '../crypto/random.js'
import { createRehearsalSigner } from '../crypto/rehearsal-signer.js'
import { createSoftSigner } from '../crypto/soft-signer.js'
import type { CommitMeta, CommitResult, Reader, Staged } from '../eventsourcing/store.js'
import { type AggregateId, formatAggregateId } from '../eventsourcing/types.js'
import { Rejected, Work } from '../eventsourcing/work.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { checkBeforePublish } from '../rpki/check-before-publish.js'
import type { FileReader } from '../store/reader.js'
import type { FileWriter } from '../store/writer.js'
import { type Desk, stoppedClock } from './desk.js'
import { jump, outdated } from './generation.js'
import { publishLocal } from './publication.js'
import { type Served, serve } from './serve.js'
import type { Session } from './session.js'

/** Commands on a desk; run twice, so it keeps nothing outside the desk. */
export type UseCase<R> = (desk: Desk) => Promise<R>

export interface ChangeOptions {
  readonly dryRun?: boolean
  /** The lock is taken even when the rehearsal found nothing to do: the served tree may lag. */
  readonly serveAnyway?: boolean
  /** This is the jump that begins a generation (see generation.ts). */
  readonly jumps?: boolean
}

export interface Change<R> {
  readonly result: R
  /** Undefined for a no-op and a dry run. */
  readonly commit: CommitResult | undefined
  readonly served: Served | undefined
  /** Did (or, in a dry run, would) anything change? */
  readonly changed: boolean
  readonly at: Instant
  readonly demand: KeyDemand
}

/** Times that a command may find another writer, or its second taken, before it gives up. */
const ATTEMPTS = 8

interface Rehearsal<R> {
  readonly rehearsed: Change<R> | Rejected
  /** Aggregates it touches that must jump first. */
  readonly late: readonly AggregateId[]
}

/** Runs a use case as one commit. Throws what a rule rejected (recorded), `standby`, `locked`, `clock-behind`, `io`. */
export async function change<R>(
  session: Session,
  useCase: UseCase<R>,
  options: ChangeOptions = {},
): Promise<Change<R>> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(session, useCase, options)
    } catch (error) {
      if (!(error instanceof AppError) || attempt >= ATTEMPTS || !isPassing(error)) throw error
      await pause(error.code === 'wait-a-second' ? 1000 : 20)
    }
  }
}

function isPassing(error: AppError): boolean {
  return error.code === 'commit-lost' || (error.code === 'wait-a-second' && error.retryAfter === 1)
}

async function once<R>(session: Session, useCase: UseCase<R>, options: ChangeOptions): Promise<Change<R>> {
  if (options.dryRun !== true) refuseStandby(session)
  const { rehearsed, late } = await session.store.read((reader) => rehearse(session, reader, useCase))
  if (late.length > 0 && options.dryRun !== true && options.jumps !== true) {
    await jumpFirst(session, late)
    return once(session, useCase, options)
  }
  if (rehearsed instanceof Rejected)
    return options.dryRun === true ? reject(rehearsed) : recordRejection(session, useCase, rehearsed)
  if (options.dryRun === true || (!rehearsed.changed && options.serveAnyway !== true)) return rehearsed
  const signer = await signerOf(session, await makeKeys(session, rehearsed.demand))
  return session.store.write(async (writer) => {
    const desk = deskOf(session, writer, signer, true)
    const result = await decide(session, desk, writer, useCase)
    const at = desk.ports.clock.now()
    if (options.jumps !== true && outdated(writer, involved(desk)).length > 0) throw overtaken()
    const commit = desk.work.changed
      ? watched(session, () => writer.commit(stage(session, at, desk.work.staged(), desk.work)))
      : undefined
    const served = serve(session, desk, at, commit !== undefined)
    return { result, commit, served, changed: commit !== undefined, at, demand: rehearsed.demand }
  })
}

/** Runs the use case under the lock. A rule may say no although the rehearsal passed: another command came first. */
async function decide<R>(session: Session, desk: Desk, writer: FileWriter, useCase: UseCase<R>): Promise<R> {
  try {
    const result = await useCase(desk)
    await publishLocal(desk, touched(desk))
    return result
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    throw record(session, desk, writer.commit.bind(writer), error)
  }
}

export interface CatchUp {
  readonly jumped: readonly AggregateId[]
  /** Those that could not, and the cause: each waits for the next command, and publishes nothing until then. */
  readonly failed: readonly { readonly id: AggregateId; readonly error: AppError }[]
  readonly served: Served | undefined
}

/** Aggregates in one jump: a hold of the lock stays short. */
const JUMP_BATCH = 500

/** Whatever has not jumped in this generation does so now; nothing in a directory that was never promoted. Throws what is wrong with the whole directory. */
export async function catchUp(session: Session): Promise<CatchUp> {
  refuseStandby(session)
  const all = await session.store.read(async (reader) => outdated(reader, reader.roster()))
  const failed: { id: AggregateId; error: AppError }[] = []
  let served: Served | undefined
  // the publication server first: what follows is published in the new RRDP session
  const ordered = [...all.filter((id) => id.kind === 'pubd'), ...all.filter((id) => id.kind !== 'pubd')]
  for (let at = 0; at < ordered.length; at += JUMP_BATCH)
    served = (await jumpBatch(session, ordered.slice(at, at + JUMP_BATCH), failed)) ?? served
  return { jumped: all.filter((id) => !failed.some((f) => f.id === id)), failed, served }
}

async function jumpBatch(
  session: Session,
  ids: readonly AggregateId[],
  failed: { id: AggregateId; error: AppError }[],
): Promise<Served | undefined> {
  try {
    return (await change(session, (desk) => jump(desk, ids), { jumps: true })).served
  } catch (error) {
    if (!(error instanceof AppError) || concernsAll(error)) throw error
    const [only] = ids
    if (ids.length === 1 && only !== undefined) failed.push({ id: only, error })
    if (ids.length < 2) return undefined
  }
  let served: Served | undefined
  for (const id of ids) served = (await jumpBatch(session, [id], failed)) ?? served
  return served
}

async function jumpFirst(session: Session, late: readonly AggregateId[]): Promise<void> {
  const names = new Set(late.map(formatAggregateId))
  const { failed } = await catchUp(session)
  const own = failed.find((f) => names.has(formatAggregateId(f.id)))
  if (own !== undefined) throw own.error
}

/** True for an error that is not about one aggregate alone: trying the others one by one would not help. */
export function concernsAll(error: AppError): boolean {
  return (
    ['io', 'locked', 'standby', 'pending', 'uncertain', 'interrupted'].includes(error.kind) ||
    error.code === 'clock-behind'
  )
}

/** The whole use case with dummy keys and signatures: what it would do, and how many keys it needs. */
async function rehearse<R>(session: Session, reader: FileReader, useCase: UseCase<R>): Promise<Rehearsal<R>> {
  const signer = createRehearsalSigner((id) => readPublicKey(session.store.keys, id))
  const desk = deskOf(session, reader, signer, false)
  try {
    const result = await useCase(desk)
    await publishLocal(desk, touched(desk))
    const { changed } = desk.work
    const at = desk.ports.clock.now()
    const rehearsed = { result, commit: undefined, served: undefined, changed, at, demand: signer.demand() }
    return { rehearsed, late: outdated(reader, involved(desk)) }
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    return {
      rehearsed: error,
      late: outdated(reader, desk.work.exists(error.id.kind, error.id.handle) ? [error.id] : []),
    }
  }
}

/** What the commit would touch, of aggregates that publish. */
function involved(desk: Desk): readonly AggregateId[] {
  const { work } = desk
  return (['ta', 'ca', 'pubd'] as const).flatMap((kind) => work.touched(kind).map((handle) => ({ kind, handle })))
}

function overtaken(): AppError {
  return new AppError('locked', 'commit-lost', 'another command came in between', { retry: true })
}

/** The rule is asked again under the lock, and its answer recorded; when it has changed its mind in between, the command starts over. */
async function recordRejection<R>(session: Session, useCase: UseCase<R>, rehearsed: Rejected): Promise<Change<R>> {
  const write = session.store.write(async (writer) => {
    const signer = createRehearsalSigner((id) => readPublicKey(session.store.keys, id))
    const desk = deskOf(session, writer, signer, false)
    try {
      await useCase(desk)
      return undefined
    } catch (error) {
      if (!(error instanceof Rejected)) throw error
      return record(session, desk, writer.commit.bind(writer), error)
    }
  })
  const refused = await write.catch((cause: unknown) => unrecorded(rehearsed.error, cause))
  throw refused ?? overtaken()
}

function record(
  session: Session,
  desk: Desk,
  commit: (staged: ReturnType<typeof stage>) => CommitResult,
  rejected: Rejected,
): AppError {
  const { error, id } = rejected
  if (!desk.work.exists(id.kind, id.handle)) return error
  try {
    commit(stage(session, desk.ports.clock.now(), [desk.work.rejected(rejected)], undefined))
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
  const hint = [error.hint, `not recorded: ${errno}`].filter((t) => t !== undefined).join('; ')
  return new AppError(error.kind, error.code, error.message, { hint, details: error.details, cause })
}

function reject(rejected: Rejected): never {
  throw rejected.error
}

/** Ports over one cut. `real` objects are decoded strictly and verified before they leave; rehearsed ones carry no signature. */
export function deskOf(session: Session, reader: Reader, signer: Signer, real: boolean): Desk {
  const now = session.clockFor(reader).now()
  if (reader.at !== undefined && now < reader.at) throw clockBehind(now, reader.at)
  const work = new Work(reader)
  const review: IssuingPorts['review'] = real
    ? (name, bytes, spki) => checkBeforePublish(name, bytes, { spki })
    : () => []
  const { config } = session
  return {
    work,
    ports: {
      clock: stoppedClock(now),
      random: systemRandom,
      signer,
      objects: work,
      timing: session.timing,
      review,
      retention: {
        minNr: config.rrdpDeltaFilesMinNr,
        minSeconds: config.rrdpDeltaFilesMinSeconds,
        maxNr: config.rrdpDeltaFilesMaxNr,
        maxSeconds: config.rrdpDeltaFilesMaxSeconds,
      },
    },
  }
}

/** node:crypto, or WebCrypto where the configuration says so (`signer = "webcrypto"`): loaded only then. */
async function signerOf(session: Session, prepared: PreparedKeys): Promise<Signer> {
  const init = { keyStore: session.store.keys, prepared }
  if (session.config.signer !== 'webcrypto') return createSoftSigner(init)
  const { createPeculiarSigner } = await import('../crypto/peculiar-signer.js')
  return createPeculiarSigner(init)
}

async function makeKeys(session: Session, demand: KeyDemand): Promise<PreparedKeys> {
  const { onProgress, onNotice } = session.options
  const prepared = await prepareKeys(demand, session.store.keys, {
    concurrency: session.cores,
    ...(onProgress === undefined
      ? {}
      : { onProgress: (done: number, total: number) => onProgress(done, total, 'keys') }),
  })
  for (const notice of prepared.notices) onNotice?.(notice)
  return prepared
}

/** An interrupt reads the watch to say what has become durable. */
function watched(session: Session, commit: () => CommitResult): CommitResult {
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

function touched(desk: Desk) {
  return [...desk.work.touched('ca'), ...desk.work.touched('ta')]
}

function stage(session: Session, at: Instant, aggregates: readonly Staged[], work: Work | undefined) {
  const { actor, osUser, host, reason } = session.options
  const who = { at, actor, osUser, host, configDigest: session.configDigest }
  const meta: CommitMeta = reason === undefined ? who : { ...who, reason }
  return { meta, aggregates, objects: work?.objects ?? new Map(), dates: work?.dates ?? new Map() }
}

/** Throws `standby` where this directory is a copy. */
export function refuseStandby(session: Session): void {
  const role = session.store.role()
  if (role.role === 'primary') return
  throw new AppError(
    'standby',
    'standby',
    `${session.store.dir} is a stand-by (${role.reason}): another directory writes`,
    {
      hint: 'brine promote --reason "…" makes this one live',
    },
  )
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
