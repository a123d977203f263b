/**
 * A use case run over one cut of the store: what it would commit, decided without the lock.
 * Invariant: nothing outside memory, `keys/` and `tmp/` changes; a draft counts only while no other command has committed.
 */
import { AppError } from '../../base/errors.js'
import { clockBehind, type Instant } from '../../base/time.js'
import { createRehearsalSigner, type RehearsalSigner } from '../../crypto/counting-signer.js'
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
import type { Ahead } from '../../store/commit/object-staging.js'
import type { FileReader } from '../../store/commit/store-reader.js'
import { type Desk, stoppedClock } from './context.js'
import { publishLocal } from './local-publication.js'
import { outdated } from './renumbering.js'
import type { Session } from './session.js'

/** Commands on a desk. It may run more than once, so it keeps nothing outside the desk. */
export type UseCase<R> = (desk: Desk) => Promise<R>

export interface Draft<R> {
  readonly desk: Desk
  readonly result: R
  readonly changed: boolean
  readonly at: Instant
  /** The cut that it was decided on. */
  readonly reader: FileReader
  /** Aggregates it touches that must jump first (see generation.ts). */
  readonly late: readonly AggregateId[]
}

/** What a rule said no to, and whether that aggregate must jump first. */
export interface Refusal {
  readonly rejected: Rejected
  readonly late: readonly AggregateId[]
}

export function isRefusal<R>(outcome: Draft<R> | Refusal): outcome is Refusal {
  return 'rejected' in outcome
}

/** Runs a use case and tells the local publication server. Throws what is no rule's verdict: `corrupt`, `clock-behind`, `io`. */
export async function draft<R>(
  session: Session,
  reader: FileReader,
  useCase: UseCase<R>,
  signer: Signer,
  real: boolean,
  ahead?: Ahead,
): Promise<Draft<R> | Refusal> {
  const desk = deskOf(session, reader, signer, real, ahead)
  const { work } = desk
  try {
    const result = await useCase(desk)
    await publishLocal(desk, [...work.touched('ca'), ...work.touched('ta')])
    const at = desk.ports.clock.now()
    return { desk, result, changed: work.changed, at, reader, late: outdated(reader, involved(work)) }
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    return { rejected: error, late: outdated(reader, work.exists(error.id.kind, error.id.handle) ? [error.id] : []) }
  }
}

export interface Rehearsal<R> {
  readonly outcome: Draft<R> | Refusal
  readonly demand: KeyDemand
}

/** The whole use case with dummy keys and signatures: what it would do, and how many keys it needs. `onDemand` hears of each at once. */
export async function rehearse<R>(
  session: Session,
  reader: FileReader,
  useCase: UseCase<R>,
  onDemand?: (demand: KeyDemand) => void,
): Promise<Rehearsal<R>> {
  const signer = rehearsalSigner(session, onDemand)
  return { outcome: await draft(session, reader, useCase, signer, false), demand: signer.demand() }
}

export function rehearsalSigner(session: Session, onDemand?: (demand: KeyDemand) => void): RehearsalSigner {
  return createRehearsalSigner((id) => readPublicKey(session.store.keys, id), onDemand)
}

/** What the commit would touch, of aggregates that publish. */
function involved(work: Work): readonly AggregateId[] {
  return (['ta', 'ca', 'pubd'] as const).flatMap((kind) => work.touched(kind).map((handle) => ({ kind, handle })))
}

/** Ports over one cut. `real` objects are decoded strictly and verified before they leave; rehearsed ones carry no signature. */
export function deskOf(session: Session, reader: Reader, signer: Signer, real: boolean, ahead?: Ahead): Desk {
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
      objects: ahead === undefined ? work : writtenAhead(work, ahead),
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

function writtenAhead(work: Work, ahead: Ahead): ObjectSink {
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

export interface RealSigner {
  readonly signer: Signer
  /** A commit names the lasting keys that it made. */
  keep(): void
  /** Removes those that no commit names. Never throws: an orphan is reported, and no error. */
  forget(): void
}

/** node:crypto, or WebCrypto where the configuration says so (`signer = "webcrypto"`): loaded only then. */
export async function realSigner(session: Session, source: KeySource): Promise<RealSigner> {
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
