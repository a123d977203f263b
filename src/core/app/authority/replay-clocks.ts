/**
 * Replays of messages (RFC 6492 section 3.1.2): the signing times of a peer, which outlive its removal, and the times before which nothing that
 * it signed is taken any more.
 */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { addSeconds, type Instant, later } from '../../base/time.js'
import type { KeyId } from '../../crypto/ports.js'
import { peerDer } from '../../identity/contact.js'
import type { Child } from '../../issuing/children.js'
import { readHeard } from '../../peers/heard.js'
import { formerClock, type ReplayClock, type WithClocks } from '../../protocols/replay-clock.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { refuseStandby } from '../session/role.js'
import type { Session } from '../session/session.js'
import { renumberAll } from '../transaction/renumber-all.js'

/** Longest time by which the clock of a child may be ahead. */
const AHEAD_SECONDS = 600

/** Returns the latest signing time of a message of a child, which may have changed nothing. */
export function lastSigned(session: Session, ca: Handle, name: Handle, { signedAt }: Child): Instant | undefined {
  const heard = readHeard(session.options.dataDir, { ca, child: name })
  // a message that is verified was signed a few minutes ahead at most: the file is not of this clock
  if (heard === undefined || heard.signedAt > addSeconds(session.now(), AHEAD_SECONDS)) return signedAt
  return signedAt === undefined ? heard.signedAt : later(signedAt, heard.signedAt)
}

/** The ID certificate of a peer, and when it was given to us. */
export interface GivenPeer {
  readonly peer: string
  readonly since?: Instant
}

/**
 * Refuses a message that its ID key has signed before its peer was removed, before its certificate was given to us, or before the present
 * generation of this directory began (`message-refused`). A time that is still to come is of a clock that was ahead, and refuses nothing.
 */
export async function refuseFormer(
  state: WithClocks,
  { peer, since }: GivenPeer,
  signedAt: Instant,
  { began, now }: { readonly began: Instant | undefined; readonly now: Instant },
): Promise<void> {
  const last = state.clocks === undefined ? undefined : formerClock(state, await skiOf(peer))
  if (last !== undefined && signedAt <= last)
    throw replay(signedAt, `and the peer was removed after a message of ${last} and added again`)
  const isBefore = (floor: Instant | undefined): floor is Instant =>
    floor !== undefined && signedAt < floor && floor <= now
  if (isBefore(since)) throw replay(signedAt, `and the ID certificate of the peer was added at ${since}`)
  if (isBefore(began)) throw replay(signedAt, `and this directory went on from a backup, copy or recovery at ${began}`)
}

function replay(signedAt: Instant, why: string): AppError {
  return new AppError('rejected', 'message-refused', `a replay: signed at ${signedAt}, ${why}`)
}

/**
 * Returns the time of the first commit of the present generation, which a promote, a restore or a recovery began: what peers sent before it may
 * be unknown here. Undefined in a directory that goes on since `init`. A damaged commit is taken for one of before.
 */
export function generationBegan(reader: StoreReader): Instant | undefined {
  const { generation, head } = reader
  if (generation === 1 || head === 0) return undefined
  let [low, high] = [1, head]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (isOf(reader, middle, generation)) high = middle
    else low = middle + 1
  }
  return reader.commitAt(low).record.at
}

function isOf(reader: StoreReader, commit: number, generation: number): boolean {
  try {
    return reader.commitAt(commit).record.generation === generation
  } catch (error) {
    if (error instanceof AppError && error.kind === 'corrupt') return false
    throw error
  }
}

/** Brings a directory in a new generation to its numbers, which begins it, before a message is answered. Throws `standby`. */
export async function beginGeneration(session: Session): Promise<void> {
  refuseStandby(session)
  if (await session.store.read(async ({ head, generation, lastGeneration }) => head > 0 && lastGeneration < generation))
    await renumberAll(session)
}

/** Returns the clock of a peer that is to be removed; empty if it sent no message. */
export async function clockOf(peer: string, signedAt: Instant | undefined): Promise<{ readonly clock?: ReplayClock }> {
  return signedAt === undefined ? {} : { clock: { ski: await skiOf(peer), signedAt } }
}

async function skiOf(peer: string): Promise<KeyId> {
  const { readIdCertificate } = await import('../../protocols/cms/id-certificate.js')
  return readIdCertificate(peerDer(peer)).ski
}
