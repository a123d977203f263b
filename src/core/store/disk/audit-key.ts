/**
 * The key that signs checkpoints: `keys/audit`, Ed25519 as PKCS#8 DER, mode 0600.
 * Invariant: it signs only in a primary, and is never replaced, so that its signatures stay verifiable.
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
  /**
   * Returns the public key, 32 bytes, in a stand-by too; undefined if there is no key. Throws `key-exposed`, `key-link` (credentials),
   * `file-damaged` (corrupt).
   */
  publicKey(): Uint8Array | undefined
  /**
   * Creates the key, which is durable on return; false if it already exists. The caller holds the lock. Throws `standby`, `io`, and
   * `audit-key-uncertain` if the key exists but may not be durable.
   */
  make(): boolean
  /** Makes an existing key durable: the command that created it may have died before it was. Throws `io`. */
  makeDurable(): void
  /** Returns the signed note of `text` under the key name `name`; undefined if there is no key. Throws `standby`. */
  sign(name: string, text: string): string | undefined
}

/** Returns the audit key of a data directory. `mayUse` throws in a stand-by. */
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
    message: `${path} was created but may not be durable: ${cause.message}`,
    hint: 'run again: brine audit key init; it makes the key durable and prints its verifier key',
    changed: 'unknown',
    retry: false,
  })
}
