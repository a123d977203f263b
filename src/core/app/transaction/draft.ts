/**
 * A use case run over one cut of the store: what it would commit, decided without the lock.
 * Invariant: nothing outside memory, `keys/` and `tmp/` changes; a draft counts only while no other command has committed.
 */
import { AppError } from '../../base/errors.js'
import { clockBehind, type Instant } from '../../base/time.js'
import { type CountingSigner, createCountingSigner } from '../../crypto/counting-signer.js'
import { readPublicKey } from '../../crypto/key-signer.js'
import { createKeySupply, type KeySource, type KeySupply } from '../../crypto/key-supply.js'
import type { KeyDemand, KeyId, KeyStore, Signer } from '../../crypto/ports.js'
import { systemRandom } from '../../crypto/random.js'
import { createSoftSigner } from '../../crypto/soft-signer.js'
import type { Reader } from '../../eventsourcing/store.js'
import type { AggregateId, ObjectSink } from '../../eventsourcing/types.js'
import { Rejected, Work } from '../../eventsourcing/work.js'
import type { IssuingPorts } from '../../issuing/ports.js'
import { checkBeforePublish } from '../../rpki/check-before-publish.js'
import type { ObjectStaging } from '../../store/commit/object-staging.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { fixedClock, type TransactionContext } from './context.js'
import { publishLocal } from './local-publication.js'
import { needsRenumbering } from './renumbering.js'
import type { Session } from './session.js'

/** Commands on a desk. It may run more than once, so it keeps nothing outside the desk. */
export type UseCase<R> = (tx: TransactionContext) => Promise<R>

export interface Draft<R> {
  readonly tx: TransactionContext
  readonly result: R
  readonly changed: boolean
  readonly at: Instant
  /** The cut that it was decided on. */
  readonly reader: StoreReader
  /** Aggregates it touches that must jump first (see generation.ts). */
  readonly toRenumber: readonly AggregateId[]
}

/** What a rule said no to, and whether that aggregate must jump first. */
export interface RejectedDraft {
  readonly rejected: Rejected
  readonly toRenumber: readonly AggregateId[]
}

export function isRejected<R>(outcome: Draft<R> | RejectedDraft): outcome is RejectedDraft {
  return 'rejected' in outcome
}

/** Runs a use case and tells the local publication server. Throws what is no rule's verdict: `corrupt`, `clock-behind`, `io`. */
export async function draft<R>(
  session: Session,
  reader: StoreReader,
  useCase: UseCase<R>,
  signer: Signer,
  real: boolean,
  ahead?: ObjectStaging,
): Promise<Draft<R> | RejectedDraft> {
  const tx = openContext(session, reader, signer, real, ahead)
  const { work } = tx
  try {
    const result = await useCase(tx)
    await publishLocal(tx, [...work.touched('ca'), ...work.touched('ta')])
    const at = tx.ports.clock.now()
    return { tx, result, changed: work.changed, at, reader, toRenumber: needsRenumbering(reader, involved(work)) }
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    return {
      rejected: error,
      toRenumber: needsRenumbering(reader, work.exists(error.id.kind, error.id.handle) ? [error.id] : []),
    }
  }
}

export interface DryRun<R> {
  readonly outcome: Draft<R> | RejectedDraft
  readonly demand: KeyDemand
}

/** The whole use case with dummy keys and signatures: what it would do, and how many keys it needs. `onDemand` hears of each at once. */
export async function dryRun<R>(
  session: Session,
  reader: StoreReader,
  useCase: UseCase<R>,
  onDemand?: (demand: KeyDemand) => void,
): Promise<DryRun<R>> {
  const signer = countingSigner(session, onDemand)
  return { outcome: await draft(session, reader, useCase, signer, false), demand: signer.demand() }
}

export function countingSigner(session: Session, onDemand?: (demand: KeyDemand) => void): CountingSigner {
  return createCountingSigner((id) => readPublicKey(session.store.keys, id), onDemand)
}

/** What the commit would touch, of aggregates that publish. */
function involved(work: Work): readonly AggregateId[] {
  return (['ta', 'ca', 'pubd'] as const).flatMap((kind) => work.touched(kind).map((handle) => ({ kind, handle })))
}

/** Ports over one cut. `real` objects are decoded strictly and verified before they leave; rehearsed ones carry no signature. */
export function openContext(
  session: Session,
  reader: Reader,
  signer: Signer,
  real: boolean,
  ahead?: ObjectStaging,
): TransactionContext {
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
      clock: fixedClock(now),
      random: systemRandom,
      signer,
      objects: ahead === undefined ? work : stagingSink(work, ahead),
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

function stagingSink(work: Work, ahead: ObjectStaging): ObjectSink {
  return {
    put(bytes, dated) {
      const sha256 = work.put(bytes, dated)
      ahead.put(sha256, bytes, dated)
      return sha256
    },
  }
}

export function supplyKeys(session: Session): KeySupply {
  const { onProgress, onNotice } = session.options
  return createKeySupply(session.store.keys, {
    concurrency: session.cores,
    ...(onNotice === undefined ? {} : { onNotice }),
    ...(onProgress === undefined
      ? {}
      : { onProgress: (done: number, total: number) => onProgress(done, total, 'keys') }),
  })
}

export interface TransactionSigner {
  readonly signer: Signer
  /** A commit names the lasting keys that it made. */
  keep(): void
  /** Removes those that no commit names. Never throws: an orphan is reported, and no error. */
  forget(): void
}

/** node:crypto, or WebCrypto where the configuration says so (`signer = "webcrypto"`): loaded only then. */
export async function openSigner(session: Session, source: KeySource): Promise<TransactionSigner> {
  const { keys } = session.store
  const made: KeyId[] = []
  const keyStore = {
    ...keys,
    put(id: KeyId, pkcs8: Uint8Array) {
      keys.put(id, pkcs8)
      made.push(id)
    },
  }
  const rest = { keep: () => void made.splice(0), forget: () => removeKeys(keys, made.splice(0)) }
  const init = { keyStore, source }
  if (session.config.signer !== 'webcrypto') return { signer: createSoftSigner(init), ...rest }
  const { createPeculiarSigner } = await import('../../crypto/peculiar-signer.js')
  return { signer: createPeculiarSigner(init), ...rest }
}

function removeKeys(keys: Pick<KeyStore, 'remove'>, ids: readonly KeyId[]): void {
  for (const id of ids) {
    try {
      keys.remove(id)
    } catch (error) {
      // why the change failed is what counts: this key is an orphan now
      if (!(error instanceof AppError)) throw error
    }
  }
}
