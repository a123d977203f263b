/** Keys and signers of a transaction: the supply of new keys, the signer of a commit, and the counting signer of a dry run. */
import { AppError } from '../../base/errors.js'
import { type CountingSigner, createCountingSigner } from '../../crypto/counting-signer.js'
import type { FreshKey } from '../../crypto/key-maker.js'
import { readPublicKey } from '../../crypto/key-signer.js'
import { createKeySupply, type KeySource, type KeySupply } from '../../crypto/key-supply.js'
import type { KeyDemand, KeyId, KeyStore, Signer } from '../../crypto/ports.js'
import { createSoftSigner } from '../../crypto/soft-signer.js'
import { messageKey } from './message-key.js'
import type { Session } from './session.js'

/** Returns a supply over the key pool of the data directory; the keys that the pool lacks are made on every core. */
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
  /** Keeps the lasting keys that were made: a commit is about to reference them. */
  keep(): void
  /** Removes the lasting keys that no commit references. Never throws: a key that stays is reported as an orphan. */
  forget(): void
}

/** Returns a signer over stored and new keys: node:crypto, or WebCrypto with `signer = "webcrypto"`, which is loaded only then. */
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

/** Runs `use` with a signer of messages, outside of any transaction: it makes no lasting key, and `signOneOff` has the key of the day. */
export async function withMessageSigner<T>(session: Session, use: (signer: Signer) => Promise<T>): Promise<T> {
  const keys = supplyKeys(session)
  const takeOneTime = (): Promise<FreshKey> => messageKey(session, () => keys.takeOneTime())
  const { signer, forget } = await openSigner(session, { takeLasting: () => keys.takeLasting(), takeOneTime })
  try {
    return await use(signer)
  } finally {
    keys.close()
    forget()
  }
}

/** Returns the signer of a dry run, which makes no key and counts those that the command will need. `onDemand` is called at each count. */
export function countingSigner(session: Session, onDemand?: (demand: KeyDemand) => void): CountingSigner {
  return createCountingSigner((id) => readPublicKey(session.store.keys, id), onDemand)
}

function removeKeys(keys: Pick<KeyStore, 'remove'>, ids: readonly KeyId[]): void {
  for (const id of ids) {
    try {
      keys.remove(id)
    } catch (error) {
      // the error to report is the one that ended the transaction; this key is an orphan now
      if (!(error instanceof AppError)) throw error
    }
  }
}
