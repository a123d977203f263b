/**
 * The key that signs checkpoints: `keys/audit`, Ed25519 as PKCS#8 DER, 0600.
 * Invariant: it signs in a primary alone, and is never replaced: what it signed must stay provable.
 */

import { dirname } from 'node:path'
import { AppError, rewrap } from '../../base/errors.js'
import { ed25519PublicOf, makeEd25519 } from '../../crypto/ed25519.js'
import { signNote } from '../../crypto/signed-note.js'
import { fileDamaged } from './damage.js'
import { exists, syncDir } from './fs.js'
import { readPrivateKey, writePrivateKey } from './key-files.js'
import type { Layout } from './paths.js'

export interface AuditKey {
  /** 32 bytes, in a stand-by too; undefined when there is no key. Throws `key-exposed`, `key-link` (credentials), `file-damaged` (corrupt). */
  publicKey(): Uint8Array | undefined
  /**
   * Makes the key, for the holder of the lock; false when there is one. It is durable on return. Throws `standby`, `io`, and
   * `audit-key-uncertain` where the key is there, but perhaps not for good.
   */
  make(): boolean
  /** Makes sure of a key that is there: the command that made it may have died before it was durable. Throws `io`. */
  makeDurable(): void
  /** The note that says `text`, signed under `name`; undefined when there is no key. Throws `standby`. */
  sign(name: string, text: string): string | undefined
}

export function auditKey(layout: Layout, mayUse: () => void): AuditKey {
  const path = layout.auditKey
  const using = <T>(work: (pkcs8: Uint8Array) => T): T | undefined => {
    const pkcs8 = readPrivateKey(path)
    if (pkcs8 === undefined) return undefined
    try {
      if (ed25519PublicOf(pkcs8) === undefined) throw fileDamaged(path, 'not an Ed25519 private key')
      return work(pkcs8)
    } finally {
      pkcs8.fill(0)
    }
  }
  const settle = (): void => syncDir(dirname(path))
  return {
    publicKey: () => using(ed25519PublicOf),
    make() {
      mayUse()
      if (using(() => true) === true) {
        settle()
        return false
      }
      const pkcs8 = makeEd25519()
      try {
        writePrivateKey(path, pkcs8)
      } catch (error) {
        throw exists(path) ? notDurable(path, error) : error
      } finally {
        pkcs8.fill(0)
      }
      return true
    },
    makeDurable: settle,
    sign(name, text) {
      mayUse()
      return using((pkcs8) => signNote(text, name, pkcs8))
    },
  }
}

function notDurable(path: string, cause: unknown): unknown {
  if (!(cause instanceof AppError)) return cause
  return rewrap(cause, {
    kind: 'uncertain',
    code: 'audit-key-uncertain',
    message: `${path} is made, but not known to be durable: ${cause.message}`,
    hint: 'brine audit key init once more: it makes sure of the key and prints what verifies it',
    changed: 'unknown',
    retry: false,
  })
}
