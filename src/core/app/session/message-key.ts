/**
 * The key of the EE certificates of messages (RFC 6492 section 3.1.1.4): one a day, since making one takes more time than all else of an answer.
 * Other servers use theirs for a year and longer. Invariant: it signs messages only, each in an EE certificate of its own that lives for
 * minutes; if it cannot be read or kept, the message is signed with another one.
 */
import { AppError } from '../../base/errors.js'
import { exportPkcs8, type FreshKey, importPkcs8 } from '../../crypto/key-maker.js'
import type { Session } from './session.js'

type KeySession = Pick<Session, 'now' | 'store' | 'options'>

/** Returns the key of today; `fresh` makes one where there is none. Throws `standby`, and what `fresh` throws. */
export async function messageKey(session: KeySession, fresh: () => Promise<FreshKey>): Promise<FreshKey> {
  const day = session.now().slice(0, 10)
  const kept = quietly(session, () => read(session.store.keys.messageKey(day)))
  if (kept !== undefined) return kept
  const made = await fresh()
  const pkcs8 = exportPkcs8(made.privateKey)
  try {
    quietly(session, () => session.store.keys.putMessageKey(day, pkcs8))
  } finally {
    pkcs8.fill(0)
  }
  return made
}

/** Returns undefined for a file that is no key, as one is after a crash of the machine: it is replaced. */
function read(pkcs8: Uint8Array | undefined): FreshKey | undefined {
  if (pkcs8 === undefined) return undefined
  try {
    return importPkcs8(pkcs8)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  } finally {
    pkcs8.fill(0)
  }
}

function quietly<T>({ options }: KeySession, use: () => T): T | undefined {
  try {
    return use()
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === 'standby') throw error
    options.onNotice?.(`the key of messages is made for this message alone: ${error.message}`)
    return undefined
  }
}
