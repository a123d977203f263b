/** Replays of messages (RFC 6492 section 3.1.2): the signing times of a peer, which outlive its removal. */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { addSeconds, type Instant, later } from '../../base/time.js'
import type { KeyId } from '../../crypto/ports.js'
import { peerDer } from '../../identity/contact.js'
import type { Child } from '../../issuing/children.js'
import { readHeard } from '../../peers/heard.js'
import { formerClock, type ReplayClock, type WithClocks } from '../../protocols/replay-clock.js'
import type { Session } from '../session/session.js'

/** Longest time by which the clock of a child may be ahead. */
const AHEAD_SECONDS = 600

/** Returns the latest signing time of a message of a child, which may have changed nothing. */
export function lastSigned(session: Session, ca: Handle, name: Handle, { signedAt }: Child): Instant | undefined {
  const heard = readHeard(session.options.dataDir, { ca, child: name })
  // a message that is verified was signed a few minutes ahead at most: the file is not of this clock
  if (heard === undefined || heard.signedAt > addSeconds(session.now(), AHEAD_SECONDS)) return signedAt
  return signedAt === undefined ? heard.signedAt : later(signedAt, heard.signedAt)
}

/** Refuses a message that its ID key has signed before its peer was removed (`message-refused`). */
export async function refuseFormer(state: WithClocks, peer: string, signedAt: Instant): Promise<void> {
  if (state.clocks === undefined) return
  const last = formerClock(state, await skiOf(peer))
  if (last === undefined || signedAt > last) return
  const when = `signed at ${signedAt}, and the peer was removed after a message of ${last} and added again`
  throw new AppError('rejected', 'message-refused', `a replay: ${when}`)
}

/** Returns the clock of a peer that is to be removed; empty if it sent no message. */
export async function clockOf(peer: string, signedAt: Instant | undefined): Promise<{ readonly clock?: ReplayClock }> {
  return signedAt === undefined ? {} : { clock: { ski: await skiOf(peer), signedAt } }
}

async function skiOf(peer: string): Promise<KeyId> {
  const { readIdCertificate } = await import('../../protocols/cms/id-certificate.js')
  return readIdCertificate(peerDer(peer)).ski
}
