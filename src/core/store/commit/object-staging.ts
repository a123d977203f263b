/**
 * Staging of objects: written and synced before the lock is taken, while other objects still wait for key generation; the commit then only
 * links them.
 * Invariant: staged objects are temporary files in `tmp/`, which the next lock holder empties; one that is missing, or could not be
 * written, is written by the commit.
 */
import { basename } from 'node:path'
import type { Instant } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import { freeBytes, removeFile } from '../disk/fs.js'
import { errnoOf } from '../disk/io-error.js'
import type { Layout } from '../disk/paths.js'
import { linkStaged, stageFile } from '../disk/write-file.js'

/** Bytes that must be free for staging: where space is short, nothing is written before the whole commit is known to fit. */
const MIN_FREE = 64 * 1024 * 1024

/** File mode of an object, which the web server must be able to read. */
export const OBJECT_MODE = 0o644

export class ObjectStaging {
  readonly #layout: Layout
  readonly #files = new Map<Sha256, string>()
  readonly #names = new Set<string>()
  #isOpen = false

  constructor(layout: Layout) {
    this.#layout = layout
  }

  /** Starts staging if the disk has enough free space. */
  open(): void {
    this.#isOpen = (freeBytes(this.#layout.dir) ?? 0) >= MIN_FREE
  }

  /** Writes an object. Never throws: a failure ends staging, and the commit reports the cause. */
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

  /** Returns true if a file in `tmp/` is a staged object. */
  has(name: string): boolean {
    return this.#names.has(name)
  }

  /** Links a staged object to its final name; false if the commit must write it. The caller syncs the folder. Throws `io`. */
  place(sha256: Sha256): boolean {
    const path = this.#files.get(sha256)
    if (path === undefined) return false
    this.#files.delete(sha256)
    try {
      return linkStaged(path, this.#layout.object(sha256))
    } catch (error) {
      // another lock holder emptied `tmp/`
      if (errnoOf(error) === 'ENOENT') return false
      throw error
    }
  }

  /** Removes staged objects that no commit used. Never throws: the next lock holder removes the rest. */
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
