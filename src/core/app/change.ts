/**
 * How a change happens: rehearsed without a lock, keys made, then decided again and committed under the lock, then served.
 * Invariant: no key is made and no network is touched while the lock is held; what a rule rejects is recorded, what changes nothing is not.
 */
import { AppError } from '../base/errors.js'
import { type Instant, clockBehind } from '../base/time.js'
import type { KeyDemand, Signer } from '../crypto/ports.js'
import { type PreparedKeys, prepareKeys } from '../crypto/prepared-keys.js'
import { readPublicKey } from '../crypto/key-signer.js'
import { systemRandom } from '../crypto/random.js'
import { createRehearsalSigner } from '../crypto/rehearsal-signer.js'
import { createSoftSigner } from '../crypto/soft-signer.js'
import type { CommitMeta, CommitResult, Reader, Staged } from '../eventsourcing/store.js'
import { Rejected, Work } from '../eventsourcing/work.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { checkBeforePublish } from '../rpki/check-before-publish.js'
import { type Desk, stoppedClock } from './desk.js'
import { publishLocal } from './publication.js'
import type { Session } from './session.js'
import { type Served, serve } from './serve.js'

/** Commands on a desk; run twice, so it keeps nothing outside the desk. */
export type UseCase<R> = (desk: Desk) => Promise<R>

export interface ChangeOptions {
  readonly dryRun?: boolean
  /** The lock is taken even when the rehearsal found nothing to do: the served tree may lag. */
  readonly serveAnyway?: boolean
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
  const rehearsed = await session.store.read((reader) => rehearse(session, reader, useCase))
  if (rehearsed instanceof Rejected)
    return options.dryRun === true ? reject(rehearsed) : recordRejection(session, useCase)
  if (options.dryRun === true || (!rehearsed.changed && options.serveAnyway !== true)) return rehearsed
  const prepared = await makeKeys(session, rehearsed.demand)
  return session.store.write(async (writer) => {
    const desk = deskOf(session, writer, signerOf(session, prepared), true)
    const result = await useCase(desk)
    await publishLocal(desk, touched(desk))
    const at = desk.ports.clock.now()
    const commit = desk.work.changed
      ? watched(session, () => writer.commit(stage(session, at, desk.work.staged(), desk.work)))
      : undefined
    const served = serve(session, desk, at, commit !== undefined)
    return { result, commit, served, changed: commit !== undefined, at, demand: rehearsed.demand }
  })
}

/** The whole use case with dummy keys and signatures: what it would do, and how many keys it needs. */
async function rehearse<R>(session: Session, reader: Reader, useCase: UseCase<R>): Promise<Change<R> | Rejected> {
  const signer = createRehearsalSigner((id) => readPublicKey(session.store.keys, id))
  const desk = deskOf(session, reader, signer, false)
  try {
    const result = await useCase(desk)
    await publishLocal(desk, touched(desk))
    const at = desk.ports.clock.now()
    return { result, commit: undefined, served: undefined, changed: desk.work.changed, at, demand: signer.demand() }
  } catch (error) {
    if (error instanceof Rejected) return error
    throw error
  }
}

/** The rule is asked again under the lock, and its answer recorded; when it has changed its mind in between, the command starts over. */
async function recordRejection<R>(session: Session, useCase: UseCase<R>): Promise<Change<R>> {
  const refused = await session.store.write(async (writer) => {
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
  if (refused === undefined)
    throw new AppError('locked', 'commit-lost', 'another command came in between', { retry: true })
  throw refused
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
    if (!(cause instanceof AppError) || (cause.kind !== 'io' && cause.kind !== 'uncertain')) throw cause
    const errno = (cause.details as { errno?: string } | null)?.errno ?? cause.code
    const hint = [error.hint, `not recorded: ${errno}`].filter((t) => t !== undefined).join('; ')
    return new AppError(error.kind, error.code, error.message, { hint, details: error.details, cause })
  }
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

function signerOf(session: Session, prepared: PreparedKeys): Signer {
  return createSoftSigner({ keyStore: session.store.keys, prepared })
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
  return { meta, aggregates, objects: work?.objects ?? new Map() }
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
