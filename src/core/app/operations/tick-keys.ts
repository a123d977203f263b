/** Keys of key rolls in `tick`: one-time keys for activations are made ahead, and retired private keys are destroyed. */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { fillPool } from '../../crypto/pool.js'
import type { KeyId } from '../../crypto/ports.js'
import type { RetiredKeyRow, RollRow } from '../authority/roll-rows.js'
import { runCa } from '../session/context.js'
import type { Session } from '../session/session.js'
import { transact } from '../transaction/transact.js'

/** One line of what `tick` did. */
export interface Done {
  readonly what: string
  readonly on: string
}

/** Seconds of one tick in which keys for activations are made. 10,000 keys take half an hour of a core; the staging of a key lasts a day. */
const POOL_SECONDS = 60

/** Keys between two looks at the time. */
const CHUNK = 16

/** Makes part of the one-time keys that the activation of staged keys will need. None where the configuration turns the pool off. */
export async function prepareActivations(session: Session, rolls: readonly RollRow[]): Promise<readonly Done[]> {
  const { keys } = session.store
  const target = session.config.keyPoolSize + rolls.reduce((sum, { oneTimeKeys }) => sum + oneTimeKeys, 0)
  if (session.config.keyPoolSize === 0 || rolls.length === 0) return []
  const until = performance.now() + POOL_SECONDS * 1000
  let made = 0
  for (let size = keys.poolSize(); size < target && performance.now() < until; size = keys.poolSize()) {
    session.options.onProgress?.(size, target, 'keys for key rolls')
    made += await fillPool(keys, Math.min(target, size + CHUNK), { concurrency: session.cores })
  }
  return made === 0 ? [] : [{ what: 'key-pool', on: `${made} keys for key rolls, ${keys.poolSize()} of ${target}` }]
}

/**
 * Destroys the private keys that were retired long enough ago, and records that they are gone. A command that died after it removed a file is
 * completed by the next one, which records it. Skipped while another command holds the write lock.
 */
export async function destroyRetired(session: Session, retired: readonly RetiredKeyRow[]): Promise<readonly Done[]> {
  if (retired.length === 0) return []
  const now = await session.store.read(async (reader) => session.clockFor(reader).now())
  const due = new Map<Handle, KeyId[]>()
  for (const { ca, ski, destroysAt } of retired) if (destroysAt <= now) due.set(ca, [...(due.get(ca) ?? []), ski])
  const done: Done[] = []
  for (const [ca, skis] of due) {
    try {
      for (const ski of skis) session.store.keys.remove(ski)
      await transact(session, (tx) => runCa(tx, ca, { type: 'keys.destroy', skis }))
      done.push(...skis.map((ski) => ({ what: 'key-destroyed', on: `${ca} ${ski}` })))
    } catch (error) {
      if (!(error instanceof AppError) || error.kind !== 'locked') throw error
    }
  }
  return done
}
