/**
 * What the lock holder has: a fresh cut, the right to mend what loses nothing, and the right to commit.
 * Invariant: after a commit that failed this writer is dead; the next one starts from what is on disk.
 */
import { join } from 'node:path'
import { AppError } from '../../base/errors.js'
import type { CommitResult, Loaded, StagedCommit, Writer } from '../../eventsourcing/store.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import { readInfo, writeHeadCache, writeInfo } from '../disk/caches.js'
import { commitMissing, isCorrupt } from '../disk/damage.js'
import { exists, listDir, readIfExists, removeFile, syncDir } from '../disk/fs.js'
import { commandName, eventName, KIND_FOLDERS, type Layout } from '../disk/paths.js'
import { replaceFile } from '../disk/write-file.js'
import type { LoadedAggregate } from './aggregate-loader.js'
import { type AggregateBase, commitConflict, type Plan } from './commit-layout.js'
import type { ObjectStaging } from './object-staging.js'
import { persist, refreshCaches } from './persist.js'
import { quarantineBeyond, restoreMisplaced } from './quarantine.js'
import { type RevisionOptions, StoreReader } from './store-reader.js'

export interface WriterOptions extends RevisionOptions {
  readonly interval: number
  /** Throws `lock-lost` when the lock is not ours any more. */
  readonly fence: () => void
  /** What was read before the lock was taken. */
  readonly draftReader?: StoreReader
  /** What was written before the lock was taken. */
  readonly staging?: ObjectStaging | undefined
}

export class FileWriter extends StoreReader implements Writer {
  readonly #layout: Layout
  readonly #interval: number
  readonly #fence: () => void
  readonly #ahead: ObjectStaging | undefined
  readonly #settled = new Set<string>()
  #dead = false

  constructor(layout: Layout, options: WriterOptions) {
    super(layout, options)
    this.#layout = layout
    this.#interval = options.interval
    this.#fence = options.fence
    this.#ahead = options.staging
    clearTemp(layout, options.staging)
    if (options.head.n > 0 && options.head.cache === undefined) this.#seal()
    // where the last writer did not come to its end, caches have changed since
    else if (options.draftReader !== undefined) this.adopt(options.draftReader)
  }

  override load(id: AggregateId): Loaded | undefined {
    if (!this.members().has(formatAggregateId(id))) this.#settle(id, undefined)
    return super.load(id)
  }

  commit(staged: StagedCommit): CommitResult {
    if (this.#dead)
      throw new AppError('internal', 'commit-misuse', 'a commit failed before: this writer can do no more')
    const plan = this.plan(staged, this.#interval)
    this.#dead = true
    this.#clearPlaces(plan)
    persist(this.#layout, plan, () => this.#mayCommit(plan.n), this.#ahead)
    const notice = refreshCaches(this.#layout, plan, this.#interval)
    this.#dead = false
    if (notice !== undefined) this.revision.warn(notice)
    this.advance(plan.n, plan.file)
    return plan.result
  }

  protected override baseOf(id: AggregateId): AggregateBase | undefined {
    if (!this.members().has(formatAggregateId(id))) this.#settle(id, undefined)
    return super.baseOf(id)
  }

  /** After a power loss any of the names that a dead command made may be there without the others. */
  #clearPlaces(plan: Plan): void {
    for (const { id, events, snapshot, command } of plan.aggregates) {
      const folder = this.#layout.folder(id)
      const names = [...events, command, ...(snapshot === undefined ? [] : [snapshot])].map((file) => file.name)
      if (!names.some((name) => exists(join(folder, name)))) continue
      this.#sweep(id, folder, this.members().has(formatAggregateId(id)) ? this.aggregate(id) : undefined)
    }
  }

  #sweep(id: AggregateId, folder: string, view: LoadedAggregate | undefined): void {
    this.#mayCommit(this.revision.head + 1)
    const moved = quarantineBeyond(folder, view?.version ?? 0, view?.sequence ?? 0)
    if (moved.length > 0)
      this.revision.warn(`${formatAggregateId(id)}: moved to surplus/, no commit names them: ${moved.join(' ')}`)
  }

  #mayCommit(n: number): void {
    this.#fence()
    if (exists(this.#layout.commit(n))) throw commitConflict(`commit ${n} is there`)
  }

  protected override aggregate(id: AggregateId): LoadedAggregate {
    const view = super.aggregate(id)
    this.#settle(id, view)
    return view
  }

  /** Once for each aggregate touched: what a command that died left behind goes to `surplus/`, what was swept away wrongly comes back. */
  #settle(id: AggregateId, view: LoadedAggregate | undefined): void {
    const name = formatAggregateId(id)
    if (this.#settled.has(name)) return
    const folder = this.#layout.folder(id)
    const [version, sequence] = [view?.version ?? 0, view?.sequence ?? 0]
    const dirty = exists(join(folder, eventName(version))) || exists(join(folder, commandName(sequence + 1)))
    if (dirty) this.#sweep(id, folder, view)
    const astray = view?.misplaced ?? []
    if (astray.length > 0) {
      this.#mayCommit(this.revision.head + 1)
      restoreMisplaced(folder, astray)
      for (const { name: file } of astray) this.revision.warn(`${name}: put ${file} back in its place`)
    }
    this.#settled.add(name)
  }

  /**
   * The last writer did not come to its end. Its commit is written once more, since a failed sync leaves pages that look clean and are lost,
   * and the caches that it did not reach are brought up to date.
   */
  #seal(): void {
    const { head } = this.revision
    refuseLostEnd(this.#layout, head)
    const path = this.#layout.commit(head)
    const file = this.commitAt(head)
    const bytes = readIfExists(path)
    if (bytes === undefined) throw commitConflict(`commit ${head} went away`)
    replaceFile(path, bytes, { temp: this.#layout.temp })
    syncDir(this.#layout.commits)
    for (const entry of file.record.aggregates) this.#mendInfo({ kind: entry.kind, handle: entry.handle })
    writeHeadCache(this.#layout.head, { head, sha256: file.sha256 }, this.#layout.temp)
    syncDir(this.#layout.status)
  }

  #mendInfo(id: AggregateId): void {
    const folder = this.#layout.folder(id)
    try {
      const info = readInfo(folder)
      if (typeof info === 'object' && info.commit >= this.revision.head) return
      writeInfo(folder, this.aggregate(id).info, this.#layout.temp)
      syncDir(folder)
    } catch (error) {
      // the damage is this aggregate's alone: whoever touches it will hear of it
      if (!isCorrupt(error)) throw error
    }
  }
}

/** Where the head had to be searched for, no aggregate may know of a later one: the end of history would be cut off and written over. */
function refuseLostEnd(layout: Layout, head: number): void {
  for (const kind of Object.values(KIND_FOLDERS)) {
    for (const name of listDir(join(layout.dir, kind))) {
      const info = readInfo(join(layout.dir, kind, name))
      if (typeof info === 'object' && info.commit > head && !exists(layout.commit(info.commit)))
        throw commitMissing(layout.commit(info.commit))
    }
  }
}

/** Files that were growing when a command died; a writer that was overtaken loses its own here, and with it the race. */
function clearTemp(layout: Layout, ahead: ObjectStaging | undefined): void {
  for (const name of listDir(layout.temp)) if (ahead?.has(name) !== true) removeFile(join(layout.temp, name))
}
