/**
 * Objects that are written and synced before their commit has the lock, while others still wait for their keys: the commit only names them.
 * Invariant: they lie in `tmp/` under passing names, where the next lock holder clears what a dead command left; one that is gone, or could
 * not be written, is written by the commit.
 */
import { basename } from 'node:path'
import type { Instant } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import { freeBytes, removeFile } from '../disk/fs.js'
import { errnoOf } from '../disk/io-error.js'
import type { Layout } from '../disk/paths.js'
import { linkStaged, stageFile } from '../disk/write-file.js'

/** Bytes that must be free: where space is short, nothing is written before it is known that all of it fits. */
const ROOM = 64 * 1024 * 1024

/** Who may read an object: the web server serves it. */
export const OBJECT_MODE = 0o644

export class ObjectStaging {
  readonly #layout: Layout
  readonly #files = new Map<Sha256, string>()
  readonly #names = new Set<string>()
  #isOpen = false

  constructor(layout: Layout) {
    this.#layout = layout
  }

  /** From here on objects are written. */
  open(): void {
    this.#isOpen = (freeBytes(this.#layout.dir) ?? 0) >= ROOM
  }

  /** Writes an object. Never throws: after a failure it writes no more, and the commit finds out what is wrong. */
  put(sha256: Sha256, bytes: Uint8Array, dated: Instant): void {
    if (!this.#isOpen || this.#files.has(sha256)) return
    const { temp } = this.#layout
    try {
      const path = stageFile(this.#layout.object(sha256), bytes, { mode: OBJECT_MODE, temp, dated })
      this.#files.set(sha256, path)
      this.#names.add(basename(path))
    } catch {
      this.#isOpen = false
    }
  }

  /** Is a file in `tmp/` one of these? */
  has(name: string): boolean {
    return this.#names.has(name)
  }

  /** Gives the object its name; false where it must be written. The caller syncs the folder. Throws `io`. */
  place(sha256: Sha256): boolean {
    const path = this.#files.get(sha256)
    if (path === undefined) return false
    this.#files.delete(sha256)
    try {
      return linkStaged(path, this.#layout.object(sha256))
    } catch (error) {
      // another lock holder cleared `tmp/`
      if (errnoOf(error) === 'ENOENT') return false
      throw error
    }
  }

  /** Removes what no commit took. Never throws: what stays goes with the next lock holder. */
  drop(): void {
    for (const path of this.#files.values())
      try {
        removeFile(path)
      } catch {
        break
      }
    this.#files.clear()
  }
}
