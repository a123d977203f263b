/**
 * The store in a data directory.
 * Invariants: one lock holder writes (others at most passing names in `tmp/`), anybody reads one commit; a stand-by is read and never
 * written; nothing is made that `init` did not make.
 */
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { Reader, Store } from '../../eventsourcing/store.js'
import { checkDataDir, type Marker, readMarker } from '../directory/data-dir.js'
import { interruptedGeneration, type Role, roleOf } from '../directory/installation-id.js'
import { acquireLock, type Lock, type Locker, preloadLock } from '../directory/lock.js'
import { watchWriters } from '../directory/optimistic-read.js'
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
  /** What the owner file calls this command. */
  readonly command?: string
  /** The owner file says that it takes long. */
  readonly long?: boolean
  /** One line each, for people: what was mended, moved aside, read past. */
  readonly onWarning?: (text: string) => void
  /** Folders that hold what was archived (see `layoutOf`). */
  readonly archives?: readonly string[]
  /** Asked of a copy alone: is what the states of this cut name (objects, keys) there? */
  readonly complete?: (reader: Reader) => boolean
  /** For tests. */
  readonly locker?: Locker
}

export interface FileStore extends Store {
  readonly dir: string
  readonly layout: Layout
  readonly marker: Marker
  readonly keys: KeyFiles
  readonly auditKey: AuditKey
  readonly status: StatusFiles
  /** What was said so far. */
  readonly warnings: readonly string[]
  role(): Role
  read<T>(work: (reader: StoreReader) => Promise<T>): Promise<T>
  /** `drafted`: the reader that the work was prepared with; what it read is not read again while its cut is the newest. `ahead`: what was written of it. */
  write<T>(work: (writer: FileWriter) => Promise<T>, drafted?: StoreReader, ahead?: ObjectStaging): Promise<T>
  /** For objects that are made before the lock is taken. */
  newStaging(): ObjectStaging
  /** A write will follow: what it wants is loaded while this command waits for its signatures. */
  preloadWrite(): void
  /** The lock and nothing else (`fence` throws when it is ours no more), for work that moves files (archive, recover). Not re-entrant. */
  exclusive<T>(work: (fence: () => void) => Promise<T>): Promise<T>
  /** A stand-by goes on from its newest whole commit, in a generation beyond its own and `above`. Throws `promote-primary` (rejected). */
  promote(at: Instant, above?: number): Promise<Promotion>
  demote(at: Instant, reason: string): Promise<void>
}

/** Opens a data directory. Throws `no-data-dir`, `format-newer`, `data-dir-exposed`, `data-dir-foreign`. */
export function openStore(dir: string, options: StoreOptions = {}): FileStore {
  return new DirectoryStore(checkDataDir(dir), options)
}

class DirectoryStore implements FileStore {
  readonly dir: string
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

  async write<T>(work: (writer: FileWriter) => Promise<T>, drafted?: StoreReader, ahead?: ObjectStaging): Promise<T> {
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
          generation: this.#marker.generation,
          strict: true,
          behind: 0,
          warn: this.#say,
          interval: this.#options.snapshotInterval ?? 5,
          fence: () => lock.check(),
          ...(drafted === undefined ? {} : { draftReader: drafted }),
          staging: ahead,
        })
        return await work(writer)
      } catch (error) {
        throw this.#overtaken(error, writer?.head ?? head.n) ?? error
      }
    })
  }

  /** With a lock that lied, another writer's commit shows as files that move under us: that is a lost race and no damage. */
  #overtaken(error: unknown, head: number): AppError | undefined {
    if (isCorrupt(error) && exists(this.layout.commit(head + 1))) return commitConflict(`commit ${head + 1} is there`)
    return isTempFileMissing(error) ? commitConflict('the lock was lost on the way') : undefined
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
        throw new AppError('rejected', 'promote-primary', `${this.dir} is the primary already`, {
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
      throw new AppError('rejected', 'demote-test', `${this.dir} was made by init --test and is always live`)
    return this.#locked(async () => demoteAt(this.layout, readMarker(this.dir), at, reason))
  }

  readonly #say = (text: string): void => {
    if (this.#notices.has(text)) return
    this.#notices.add(text)
    this.#options.onWarning?.(text)
  }

  #open(): StoreReader {
    this.#marker = readMarker(this.dir)
    const { generation } = this.#marker
    const role = this.role()
    // only one that was demoted here is known to be whole
    if (role.role === 'standby' && role.reason !== 'demoted')
      return openCopy(this.layout, { generation, warn: this.#say, complete: this.#options.complete ?? (() => true) })
    return new StoreReader(this.layout, {
      head: findHead(this.layout),
      generation,
      strict: true,
      behind: 0,
      warn: this.#say,
    })
  }

  #refuseStandby(): void {
    const role = this.role()
    if (role.role === 'primary') return
    const what = {
      copy: 'is a copy',
      restored: 'had a copy put over it',
      demoted: 'was demoted',
      unfinished: 'was not promoted, or recovered, to the end',
    }[role.reason]
    const where = role.host === undefined ? '' : `; ${role.host} wrote last`
    throw new AppError('standby', 'standby', `${this.dir} ${what} and is a stand-by${where}`, {
      hint:
        interruptedGeneration(this.dir, this.#marker) === undefined
          ? 'brine promote --reason … (first make sure that no other primary lives)'
          : 'brine recover completes the recovery that was cut short',
      details: { reason: role.reason, host: role.host ?? null },
    })
  }

  async #locked<T>(work: (lock: Lock) => Promise<T>): Promise<T> {
    const lock = await (this.#options.locker ?? acquireLock)(this.layout, {
      timeout: this.#options.lockTimeout ?? 30,
      command: this.#options.command ?? 'brine',
      long: this.#options.long ?? false,
      warn: this.#say,
    })
    try {
      return await work(lock)
    } finally {
      await lock.release()
    }
  }
}
