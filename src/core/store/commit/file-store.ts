/**
 * The store in a data directory.
 * Invariants: only the lock holder writes (others at most temporary files in `tmp/`), and any process may read one revision; a stand-by is
 * read and never written; folders that `init` creates are never recreated.
 */
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { Reader, Store } from '../../eventsourcing/store.js'
import { checkDataDir, type Marker, readMarker } from '../directory/data-dir.js'
import { interruptedGeneration, type Role, roleOf } from '../directory/installation-id.js'
import { acquireLock, type Lock, type Locker, preloadLock } from '../directory/lock.js'
import { watchWriters } from '../directory/optimistic-read.js'
import { type Identity, identityOf, refuseReplaced } from '../directory/tree-lock.js'
import { type AuditKey, auditKey } from '../disk/audit-key.js'
import { isCorrupt } from '../disk/damage.js'
import { exists, makeDir } from '../disk/fs.js'
import { isTempFileMissing } from '../disk/io-error.js'
import { type KeyFiles, keyFiles } from '../disk/key-files.js'
import { type Layout, layoutOf } from '../disk/paths.js'
import { type StatusFiles, statusFiles } from '../disk/status-files.js'
import { commitConflict } from './commit-layout.js'
import { findHead } from './commit-log.js'
import { openCopy } from './copy-fallback.js'
import { ObjectStaging } from './object-staging.js'
import { demoteAt, type Promotion, promoteAt } from './promote.js'
import { StoreReader } from './store-reader.js'
import { FileWriter } from './writer.js'

export interface StoreOptions {
  /** Events between two snapshots. */
  readonly snapshotInterval?: number
  /** Seconds to wait for the lock. */
  readonly lockTimeout?: number
  /** Name of this command in the lock's owner file. */
  readonly command?: string
  /** Marks the command as long-running in the lock's owner file. */
  readonly long?: boolean
  /** Receives warnings, one line each: what was repaired, quarantined or bypassed. */
  readonly onWarning?: (text: string) => void
  /** Folders with archived files (see `layoutOf`). */
  readonly archives?: readonly string[]
  /** True if the directory is opened as a stand-by, whatever it is. */
  readonly asCopy?: boolean
  /** Returns true if the objects and keys that the states of this revision reference exist. Called only for a copy. */
  readonly complete?: (reader: Reader) => boolean
  /** Replaces the lock in tests. */
  readonly locker?: Locker
}

export interface FileStore extends Store {
  readonly dir: string
  /** Identity of the directory that was opened: a lock on one that replaced it is refused (`data-dir-replaced`). */
  readonly identity: Identity | undefined
  readonly layout: Layout
  readonly marker: Marker
  readonly keys: KeyFiles
  readonly auditKey: AuditKey
  readonly status: StatusFiles
  /** Warnings so far, each once. */
  readonly warnings: readonly string[]
  role(): Role
  read<T>(work: (reader: StoreReader) => Promise<T>): Promise<T>
  /**
   * Runs `work` under the write lock. `draftReader` is the reader that the work was prepared with: what it read is reused while its revision is
   * the newest. `staging` has objects that were written before the lock was taken. Throws `standby`, `locked`, `commit-lost`, `io`,
   * `corrupt`.
   */
  write<T>(work: (writer: FileWriter) => Promise<T>, draftReader?: StoreReader, staging?: ObjectStaging): Promise<T>
  /** Returns a staging area for objects that are written before the lock is taken. */
  newStaging(): ObjectStaging
  /** Loads the modules that a write needs, while this command waits for its signatures. */
  preloadWrite(): void
  /**
   * Runs `work` under the write lock, for commands that move files (archive, recover). `fence` throws if the lock was lost. Not re-entrant.
   */
  exclusive<T>(work: (fence: () => void) => Promise<T>): Promise<T>
  /**
   * Makes a stand-by the primary as of its newest complete commit, in a generation above its own and `above`. Throws `promote-primary`
   * (rejected).
   */
  promote(at: Instant, above?: number): Promise<Promotion>
  demote(at: Instant, reason: string): Promise<void>
}

/** Opens a data directory. Throws `no-data-dir`, `format-newer`, `data-dir-exposed`, `data-dir-foreign`. */
export function openStore(dir: string, options: StoreOptions = {}): FileStore {
  return new DirectoryStore(checkDataDir(dir), options)
}

class DirectoryStore implements FileStore {
  readonly dir: string
  readonly identity: Identity | undefined
  readonly layout: Layout
  readonly keys: KeyFiles
  readonly auditKey: AuditKey
  readonly status: StatusFiles
  readonly #options: StoreOptions
  readonly #notices = new Set<string>()
  #marker: Marker

  constructor(dir: string, options: StoreOptions) {
    this.dir = dir
    this.layout = layoutOf(dir, options.archives)
    this.identity = identityOf(dir)
    this.#options = options
    this.#marker = readMarker(dir)
    this.keys = keyFiles(this.layout, () => this.#refuseStandby())
    this.auditKey = auditKey(this.layout, () => this.#refuseStandby())
    this.status = statusFiles(this.layout)
  }

  get marker(): Marker {
    return this.#marker
  }

  get warnings(): readonly string[] {
    return [...this.#notices]
  }

  role(): Role {
    if (this.#options.asCopy === true) return { role: 'standby', reason: 'copy', host: undefined }
    return roleOf(this.dir, this.#marker)
  }

  async read<T>(work: (reader: StoreReader) => Promise<T>): Promise<T> {
    const wereAtWork = watchWriters(this.layout)
    try {
      return await work(this.#open())
    } catch (error) {
      if (!isCorrupt(error) || !wereAtWork()) throw error
      return await work(this.#open())
    }
  }

  newStaging(): ObjectStaging {
    return new ObjectStaging(this.layout)
  }

  async write<T>(
    work: (writer: FileWriter) => Promise<T>,
    draftReader?: StoreReader,
    staging?: ObjectStaging,
  ): Promise<T> {
    this.#refuseStandby()
    return this.#locked(async (lock) => {
      this.#marker = readMarker(this.dir)
      this.#refuseStandby()
      makeDir(this.layout.temp)
      makeDir(this.layout.status)
      const head = findHead(this.layout)
      let writer: FileWriter | undefined
      try {
        writer = new FileWriter(this.layout, {
          head,
          marker: this.#marker,
          strict: true,
          behind: 0,
          warn: this.#warn,
          interval: this.#options.snapshotInterval ?? 5,
          fence: () => lock.check(),
          ...(draftReader === undefined ? {} : { draftReader }),
          staging,
        })
        return await work(writer)
      } catch (error) {
        throw this.#overtaken(error, writer?.head ?? head.n) ?? error
      }
    })
  }

  /** Returns a conflict if the lock failed and another writer committed: files that disappear then are a lost race and not damage. */
  #overtaken(error: unknown, head: number): AppError | undefined {
    if (isCorrupt(error) && exists(this.layout.commit(head + 1))) return commitConflict(`commit ${head + 1} exists`)
    return isTempFileMissing(error) ? commitConflict('the lock was lost during the commit') : undefined
  }

  preloadWrite(): void {
    preloadLock()
  }

  async exclusive<T>(work: (fence: () => void) => Promise<T>): Promise<T> {
    return this.#locked(async (lock) => {
      this.#marker = readMarker(this.dir)
      try {
        return await work(() => lock.check())
      } finally {
        this.#marker = readMarker(this.dir)
      }
    })
  }

  async promote(at: Instant, above = 0): Promise<Promotion> {
    return this.#locked(async () => {
      this.#marker = readMarker(this.dir)
      if (this.role().role === 'primary') {
        throw new AppError('rejected', 'promote-primary', `${this.dir} is already the primary`, {
          hint: 'brine status',
        })
      }
      const reader = this.#open()
      this.keys.wipePool()
      const promotion = promoteAt(this.layout, reader, this.#marker, at, above)
      this.#marker = readMarker(this.dir)
      return promotion
    })
  }

  async demote(at: Instant, reason: string): Promise<void> {
    this.#refuseStandby()
    if (this.#marker.test === true)
      throw new AppError('rejected', 'demote-test', `${this.dir} was made by init --test and is always the primary`)
    return this.#locked(async () => demoteAt(this.layout, readMarker(this.dir), at, reason))
  }

  readonly #warn = (text: string): void => {
    if (this.#notices.has(text)) return
    this.#notices.add(text)
    this.#options.onWarning?.(text)
  }

  #open(): StoreReader {
    this.#marker = readMarker(this.dir)
    const reader = this.#reader(this.#marker)
    reader.checkMarker()
    return reader
  }

  #reader(marker: Marker): StoreReader {
    const role = this.role()
    // only a directory that was demoted here is known to be complete
    if (role.role === 'standby' && role.reason !== 'demoted')
      return openCopy(this.layout, { marker, warn: this.#warn, complete: this.#options.complete ?? (() => true) })
    return new StoreReader(this.layout, {
      head: findHead(this.layout),
      marker,
      strict: true,
      behind: 0,
      warn: this.#warn,
    })
  }

  #refuseStandby(): void {
    const role = this.role()
    if (role.role === 'primary') return
    const what = {
      copy: 'is a copy',
      restored: 'was overwritten by a copy',
      demoted: 'was demoted',
      unfinished: 'has an unfinished promote or recovery',
    }[role.reason]
    const where = role.host === undefined ? '' : `; ${role.host} wrote last`
    throw new AppError('standby', 'standby', `${this.dir} ${what} and is a read-only stand-by${where}`, {
      hint:
        interruptedGeneration(this.dir, this.#marker) === undefined
          ? 'brine promote --reason … (first make sure that no other primary is running)'
          : 'complete the interrupted recovery with: brine recover',
      details: { reason: role.reason, host: role.host ?? null },
    })
  }

  async #locked<T>(work: (lock: Lock) => Promise<T>): Promise<T> {
    const lock = await (this.#options.locker ?? acquireLock)(this.layout, {
      timeout: this.#options.lockTimeout ?? 30,
      command: this.#options.command ?? 'brine',
      long: this.#options.long ?? false,
      warn: this.#warn,
    })
    try {
      refuseReplaced(this.dir, this.identity)
      return await work(lock)
    } finally {
      await lock.release()
    }
  }
}
