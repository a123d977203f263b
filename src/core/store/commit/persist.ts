/**
 * Writes a commit to disk in order: objects, events, snapshots, command records, then the commit file by one exclusive link.
 * Invariants: before that link nothing has changed, after the sync of its folder everything is durable; no step is ever retried.
 */
import { dirname, join } from 'node:path'
import { AppError, rewrap } from '../../base/errors.js'
import { sha256Hex } from '../../crypto/digest.js'
import { formatAggregateId } from '../../eventsourcing/types.js'
import { writeHeadCache, writeInfo } from '../disk/caches.js'
import { folderMissing } from '../disk/damage.js'
import { exists, freeBytes, makeDir, makeDirUnsynced, readIfExists, statIfExists, syncDir } from '../disk/fs.js'
import { errnoOf, ioError, isTempFileMissing, operationOf } from '../disk/io-error.js'
import { type Layout, snapshotName } from '../disk/paths.js'
import { replaceFile, replaceLink, writeNew } from '../disk/write-file.js'
import { commitConflict, LONGEST_WAIT, type Plan, type PlannedAggregate, type PlannedFile } from './commit-layout.js'
import { OBJECT_MODE, type ObjectStaging } from './object-staging.js'
import { removeSnapshots, unusedSnapshots } from './snapshot-retention.js'

/**
 * Makes a plan durable. `fence` throws if the lock was lost; `staging` has objects that are already written. Throws `commit-lost`, `io`,
 * `uncertain`.
 */
export function persist(layout: Layout, plan: Plan, fence: () => void, staging?: ObjectStaging): void {
  try {
    refuseFull(layout, plan)
    writeObjects(layout, plan, staging)
    for (const a of plan.aggregates) makeFolder(layout, a)
    for (const a of plan.aggregates) for (const event of a.events) writeFile(layout, a, event)
    for (const a of plan.aggregates) if (a.snapshot !== undefined) writeFile(layout, a, a.snapshot)
    for (const a of plan.aggregates) writeFile(layout, a, a.command)
    for (const a of plan.aggregates) syncDir(layout.folder(a.id))
    fence()
    linkCommit(layout, plan)
  } catch (error) {
    throw persistFailed(error, plan)
  }
  try {
    syncDir(layout.commits)
  } catch (error) {
    throw uncertain(plan, error)
  }
}

/** Throws `io-no-space` before the first byte is written: files of a failed attempt would fill the disk further with each retry. */
function refuseFull(layout: Layout, plan: Plan): void {
  const free = freeBytes(layout.dir)
  if (free === undefined || free >= plan.size) return
  throw ioError('write', layout.dir, { code: 'ENOSPC' })
}

function writeObjects(layout: Layout, plan: Plan, staging: ObjectStaging | undefined): void {
  const folders = new Set([...plan.objects.keys()].map((sha256) => dirname(layout.object(sha256))))
  if (folders.size > 0 && !exists(layout.objects)) throw folderMissing(layout.objects)
  for (const folder of folders) makeDirUnsynced(folder)
  if (folders.size > 0) syncDir(layout.objects)
  for (const [sha256, bytes] of plan.objects) {
    const path = layout.object(sha256)
    if (staging?.place(sha256) === true) continue
    // an existing file may remain from a failed sync: only newly written bytes are known to be durable
    const dated = plan.dates.get(sha256)
    const options = { mode: OBJECT_MODE, temp: layout.temp, ...(dated === undefined ? {} : { dated }) }
    if (!writeNew(path, bytes, options)) replaceFile(path, bytes, options)
  }
  for (const folder of folders) syncDir(folder)
}

/**
 * Creates the folder of an aggregate. One that a command created before it died may not be durable: it is synced until a commit references
 * it.
 */
function makeFolder(layout: Layout, a: PlannedAggregate): void {
  const folder = layout.folder(a.id)
  if (statIfExists(folder)?.isSymbolicLink() === true)
    throw new AppError('io', 'folder-link', `${folder}: refusing to write through a symbolic link`, {
      hint: 'replace the link with the folder itself',
      details: { path: folder },
    })
  if (!exists(dirname(folder))) throw folderMissing(dirname(folder))
  if (!makeDir(folder) && a.sequence === 1) syncDir(dirname(folder))
}

function writeFile(layout: Layout, a: PlannedAggregate, file: PlannedFile): void {
  if (!writeNew(join(layout.folder(a.id), file.name), file.bytes, { temp: layout.temp }))
    throw commitConflict(`${file.name} of ${formatAggregateId(a.id)} exists`)
}

function linkCommit(layout: Layout, plan: Plan): void {
  const path = layout.commit(plan.n)
  let linked = false
  try {
    linked = writeNew(path, plan.bytes, { temp: layout.temp })
  } catch (error) {
    if (linkWasMade(path, plan, error)) throw uncertain(plan, error)
    throw error
  }
  if (!linked) throw commitConflict(`commit ${plan.n} exists`)
}

/** Returns true if the link exists although the call failed, or if that cannot be determined. */
function linkWasMade(path: string, plan: Plan, error: unknown): boolean {
  if (operationOf(error) !== 'link') return false
  try {
    const bytes = readIfExists(path)
    return bytes !== undefined && sha256Hex(bytes) === plan.file.sha256
  } catch {
    return true
  }
}

function uncertain(plan: Plan, cause: unknown): AppError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new AppError('uncertain', 'commit-uncertain', `the change was committed but may not be durable: ${why}`, {
    hint: 'run `brine status`; the next command makes the change durable or reports that it is lost',
    details: { commit: plan.n, errno: errnoOf(cause) ?? 'EIO' },
    changed: 'unknown',
    cause,
  })
}

function persistFailed(error: unknown, plan: Plan): unknown {
  if (!(error instanceof AppError) || error.kind !== 'io') return error
  if (isTempFileMissing(error)) return commitConflict('the lock was lost during the commit')
  const code = error.code === 'io-failed' ? 'persist-failed' : error.code
  const details = { ...(error.details as { readonly path?: string }), bytesNeeded: plan.requiredSpace }
  const isInodes = (error.details as { readonly inodesFree?: number } | null)?.inodesFree === 0
  const need = code === 'io-no-space' && !isInodes ? `; this change needs ${plan.requiredSpace} bytes free` : ''
  return rewrap(error, { code, message: `nothing changed: ${error.message}${need}`, details, changed: 'no' })
}

/**
 * Updates the caches. A cache that cannot be written does not fail the commit: returns a warning. Throws `cache-unsynced` (uncertain) if a
 * sync failed: the commit is durable, but the disk can no longer be trusted.
 */
export function refreshCaches(layout: Layout, plan: Plan, interval: number): string | undefined {
  try {
    for (const a of plan.aggregates) refreshAggregate(layout, a, interval)
    writeHeadCache(layout.head, { head: plan.n, sha256: plan.file.sha256 }, layout.temp)
    syncDir(layout.status)
    return undefined
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const text = `the change is durable, but a cache could not be written: ${error.message}`
    const operation = operationOf(error)
    if (operation !== 'sync' && operation !== 'syncDir') return text
    throw rewrap(error, {
      kind: 'uncertain',
      code: 'cache-unsynced',
      message: text,
      hint: 'check the disk (dmesg); the next command repairs the cache',
      changed: 'yes',
      retry: false,
    })
  }
}

function refreshAggregate(layout: Layout, a: PlannedAggregate, interval: number): void {
  const folder = layout.folder(a.id)
  if (a.snapshot !== undefined) {
    const { backup } = a.info
    if (backup !== null && exists(join(folder, snapshotName(backup.version))))
      replaceLink(join(folder, snapshotName(backup.version)), join(folder, 'snapshot-bk.json'), layout.temp)
    replaceLink(join(folder, a.snapshot.name), join(folder, 'snapshot.json'), layout.temp)
    if (a.version % (LONGEST_WAIT * interval) < interval)
      removeSnapshots(folder, unusedSnapshots(folder, [a.version, backup?.version ?? 0]))
  }
  writeInfo(folder, a.info, layout.temp)
  syncDir(folder)
}
