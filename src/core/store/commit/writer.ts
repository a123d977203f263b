/**
 * The writer of the lock holder: reads the newest revision, repairs damage that loses nothing, and commits.
 * Invariant: after a failed commit this writer refuses every further one; the next writer starts from what is on disk.
 */
import { join } from 'node:path'
import { AppError } from '../../base/errors.js'
import type { CommitResult, Loaded, StagedCommit, Writer } from '../../eventsourcing/store.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import { refuseOlderMarker } from '../directory/data-dir.js'
import { readInfo, writeHeadCache, writeInfo } from '../disk/caches.js'
import { commitMissing, isCorrupt } from '../disk/damage.js'
import { exists, isOnDisk, listDir, readIfExists, removeFile, syncDir } from '../disk/fs.js'
import { commandName, eventName, KIND_FOLDERS, type Layout } from '../disk/paths.js'
import { replaceFile } from '../disk/write-file.js'
import type { LoadedAggregate } from './aggregate-loader.js'
import type { ArchivedNames } from './archiving-commit.js'
import { type AggregateBase, commitConflict, type Plan, planArchiving, planPacking } from './commit-layout.js'
import type { CommitFile } from './commit-log.js'
import { keepRecords } from './kept-records.js'
import type { ObjectStaging } from './object-staging.js'
import { persist, refreshCaches } from './persist.js'
import { quarantineBeyond, restoreMisplaced } from './quarantine.js'
import { type RevisionOptions, StoreReader } from './store-reader.js'

export interface WriterOptions extends RevisionOptions {
  readonly interval: number
  /** Throws `lock-lost` if another process took the lock. */
  readonly fence: () => void
  /** Reader used before the lock was taken. */
  readonly draftReader?: StoreReader
  /** Objects written before the lock was taken. */
  readonly staging?: ObjectStaging | undefined
}

export class FileWriter extends StoreReader implements Writer {
  readonly #layout: Layout
  readonly #interval: number
  readonly #fence: () => void
  readonly #staging: ObjectStaging | undefined
  readonly #checked = new Set<string>()
  #dead = false

  constructor(layout: Layout, options: WriterOptions) {
    super(layout, options)
    this.#layout = layout
    this.#interval = options.interval
    this.#fence = options.fence
    this.#staging = options.staging
    this.checkMarker()
    clearTemp(layout, options.staging)
    if (options.head.n > 0 && options.head.cache === undefined) this.#seal()
    // otherwise the last writer was interrupted, and sealing has changed caches
    else if (options.draftReader !== undefined) this.adopt(options.draftReader)
  }

  override load(id: AggregateId): Loaded | undefined {
    if (!this.members().has(formatAggregateId(id))) this.#repairOnce(id, undefined)
    return super.load(id)
  }

  commit(staged: StagedCommit): CommitResult {
    if (this.#dead) throw new AppError('internal', 'commit-misuse', 'a previous commit of this writer failed')
    const plan = this.plan(staged, this.#interval)
    this.#dead = true
    this.#clearPlaces(plan)
    persist(this.#layout, plan, () => this.#mayCommit(plan.n), this.#staging)
    const warning = refreshCaches(this.#layout, plan, this.#interval)
    this.#dead = false
    if (warning !== undefined) this.revision.warn(warning)
    this.advance(plan.n, plan.file)
    return plan.result
  }

  /**
   * Commits the names of archived commands, without a change of any aggregate. A copy is kept beside the first of them, from which a recovery
   * restores the commit: no command record leads to it.
   */
  commitArchived(names: ArchivedNames): void {
    const [first] = [...names.archived, ...names.claimed]
    this.#commitAlone((last) => planArchiving(last, names, this.generation), first)
  }

  /** Commits the beginning of format 4: from then on `packFiles` may move old files into segments. */
  commitPacking(): void {
    this.#commitAlone((last) => planPacking(last, this.generation), undefined)
  }

  /** Commits without a change of any aggregate; `keeper` is the aggregate that keeps a copy of the commit. */
  #commitAlone(planAfter: (last: CommitFile) => Plan, keeper: AggregateId | undefined): void {
    if (this.#dead) throw new AppError('internal', 'commit-misuse', 'a previous commit of this writer failed')
    const { head } = this.revision
    if (head === 0) throw new AppError('internal', 'commit-misuse', 'nothing is old before the first commit')
    const last = this.commitAt(head)
    refuseOlderMarker(this.#layout.dir, this.generation, last.record)
    const plan = planAfter(last)
    this.#dead = true
    this.#mayCommit(plan.n)
    if (keeper !== undefined) keepRecords(this.#layout, keeper, [plan.bytes])
    persist(this.#layout, plan, () => this.#mayCommit(plan.n))
    const warning = refreshCaches(this.#layout, plan, this.#interval)
    this.#dead = false
    if (warning !== undefined) this.revision.warn(warning)
    this.advance(plan.n, plan.file)
  }

  protected override baseOf(id: AggregateId): AggregateBase | undefined {
    if (!this.members().has(formatAggregateId(id))) this.#repairOnce(id, undefined)
    return super.baseOf(id)
  }

  /** Quarantines files at the paths of this commit: after a power loss some files of a command that died may exist without the others. */
  #clearPlaces(plan: Plan): void {
    for (const { id, events, snapshot, command } of plan.aggregates) {
      const folder = this.#layout.folder(id)
      const names = [...events, command, ...(snapshot === undefined ? [] : [snapshot])].map((file) => file.name)
      if (!names.some((name) => isOnDisk(join(folder, name)))) continue
      this.#quarantineUncommitted(
        id,
        folder,
        this.members().has(formatAggregateId(id)) ? this.aggregate(id) : undefined,
      )
    }
  }

  #quarantineUncommitted(id: AggregateId, folder: string, loaded: LoadedAggregate | undefined): void {
    this.#mayCommit(this.revision.head + 1)
    const moved = quarantineBeyond(folder, loaded?.version ?? 0, loaded?.sequence ?? 0)
    if (moved.length > 0)
      this.revision.warn(`${formatAggregateId(id)}: moved to surplus/, no commit references them: ${moved.join(' ')}`)
  }

  #mayCommit(n: number): void {
    this.#fence()
    if (exists(this.#layout.commit(n))) throw commitConflict(`commit ${n} exists`)
  }

  protected override aggregate(id: AggregateId): LoadedAggregate {
    const loaded = super.aggregate(id)
    this.#repairOnce(id, loaded)
    return loaded
  }

  /**
   * Repairs an aggregate once before it is used: files of a command that died go to `surplus/`, committed files are moved back from there.
   */
  #repairOnce(id: AggregateId, loaded: LoadedAggregate | undefined): void {
    const name = formatAggregateId(id)
    if (this.#checked.has(name)) return
    const folder = this.#layout.folder(id)
    const [version, sequence] = [loaded?.version ?? 0, loaded?.sequence ?? 0]
    const dirty = isOnDisk(join(folder, eventName(version))) || isOnDisk(join(folder, commandName(sequence + 1)))
    if (dirty) this.#quarantineUncommitted(id, folder, loaded)
    const misplaced = loaded?.misplaced ?? []
    if (misplaced.length > 0) {
      this.#mayCommit(this.revision.head + 1)
      restoreMisplaced(folder, misplaced)
      for (const { name: file } of misplaced) this.revision.warn(`${name}: moved ${file} back from surplus/`)
    }
    this.#checked.add(name)
  }

  /**
   * Completes the commit of a writer that was interrupted: writes the commit file again, since after a failed sync cached pages look clean
   * although they are lost, and updates the caches that the writer did not reach.
   */
  #seal(): void {
    const { head } = this.revision
    refuseLostEnd(this.#layout, head)
    const path = this.#layout.commit(head)
    const file = this.commitAt(head)
    const bytes = readIfExists(path)
    if (bytes === undefined) throw commitConflict(`commit ${head} disappeared`)
    replaceFile(path, bytes, { temp: this.#layout.temp })
    syncDir(this.#layout.commits)
    for (const entry of file.record.aggregates) this.#repairInfo({ kind: entry.kind, handle: entry.handle })
    writeHeadCache(this.#layout.head, { head, sha256: file.sha256 }, this.#layout.temp)
    syncDir(this.#layout.status)
  }

  #repairInfo(id: AggregateId): void {
    const folder = this.#layout.folder(id)
    try {
      const info = readInfo(folder)
      if (typeof info === 'object' && info.commit >= this.revision.head) return
      writeInfo(folder, this.aggregate(id).info, this.#layout.temp)
      syncDir(folder)
    } catch (error) {
      // damage to one aggregate must not stop the others: a command that uses it reports it
      if (!isCorrupt(error)) throw error
    }
  }
}

/**
 * Throws `commit-missing` if a cache lists a commit after a head that had to be searched for: the end of history would be lost and
 * overwritten.
 */
export function refuseLostEnd(layout: Layout, head: number): void {
  for (const kind of Object.values(KIND_FOLDERS)) {
    for (const name of listDir(join(layout.dir, kind))) {
      const info = readInfo(join(layout.dir, kind, name))
      if (typeof info === 'object' && info.commit > head && !exists(layout.commit(info.commit)))
        throw commitMissing(layout.commit(info.commit))
    }
  }
}

/** Removes temporary files of commands that died. A writer that lost the lock loses its files here, and with them the race. */
function clearTemp(layout: Layout, staging: ObjectStaging | undefined): void {
  for (const name of listDir(layout.temp)) if (staging?.has(name) !== true) removeFile(join(layout.temp, name))
}
