/**
 * `restore`: makes a data directory from a backup or a copy. Invariants: a tree gets its final name only after it has been verified by replay;
 * `repo/` of the source is never read; the restored directory is a stand-by that reports its age and the next steps.
 */
import { resolve } from 'node:path'
import { type DestinationOptions, type ExistingDirectory, findExisting, lockRequest } from '../../backup/destination.js'
import { fillDirectory } from '../../backup/fill-directory.js'
import { assertNotMountPoint, replaceDirectory, stagingBeside } from '../../backup/replace-directory.js'
import { removeTree } from '../../backup/scratch.js'
import { assertReadableSource } from '../../backup/source.js'
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { shellWord } from '../../base/shell-word.js'
import { type Instant, secondsBetween } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import { type AnyMarker, refuseForeign, writeMarker } from '../../store/directory/data-dir.js'
import { identityOf, refuseReplaced, withTreeLock } from '../../store/directory/tree-lock.js'
import { removeFile } from '../../store/disk/fs.js'
import { layoutOf } from '../../store/disk/paths.js'
import { statusFiles } from '../../store/disk/status-files.js'
import { startTime } from '../session/clock.js'
import { findRestoreGap, type RestoreGap, type RestoreRecord } from './restore-gap.js'
import { isCopy, refuseFolderOfBackups, unpackSource } from './restore-source.js'
import { assertSameInstance, type RestoredTree, restoreToScratch, type VerifyOptions } from './verify.js'
import { type VerifiedTree, verificationConfig, verifyTree } from './verify-tree.js'

export interface RestoreReport {
  readonly dataDir: string
  readonly source: string
  readonly id: string
  readonly role: 'standby' | 'primary'
  readonly generation: number
  readonly commit: number
  readonly cutAt: Instant | null
  /** Age of the backup in seconds. */
  readonly age: number | null
  readonly aggregates: VerifiedTree['aggregates']
  readonly digest: Sha256
  readonly encrypted: boolean | null
  /** Number of newer commits of a copy that are incomplete. */
  readonly dropped: number
  /** New path of the directory that was replaced. */
  readonly replaced: string | null
  /** Aggregates with newer commands in the replaced directory. */
  readonly behind: readonly RestoreGap[]
  /** Source of `behind`: what was published after the backup is known from the replaced directory only. */
  readonly seen: 'replaced tree' | 'unknown'
  /** Time of the newest commit of the replaced directory: promote refuses a clock that is not after it. */
  readonly seenAt: Instant | null
  readonly nextSteps: readonly string[]
  readonly changed: boolean
  readonly dryRun: boolean
}

export interface RestoreOptions extends VerifyOptions {
  readonly replace?: boolean
  readonly dryRun?: boolean
}

/**
 * Restores a backup or a copy to `options.dataDir`. Throws `restore-not-empty`, `restore-occupied`, `restore-other-instance` (rejected), and
 * what `verifyBackup` throws.
 */
export async function restoreBackup(options: CommandContext, request: RestoreOptions): Promise<RestoreReport> {
  const destination: DestinationOptions = {
    lockTimeout: options.lockTimeoutSeconds ?? 30,
    command: options.command,
    onWarning: (text) => options.onNotice?.(text),
  }
  if (request.dryRun !== true) {
    const seen = identityOf(options.dataDir)
    return withTreeLock(options.dataDir, lockRequest(destination), async () => {
      // what the user agreed to replace is not what is there now
      if (request.replace === true) refuseReplaced(options.dataDir, seen)
      return restoreLocked(options, request, destination)
    })
  }
  const old = findPermitted(options, request)
  const restored = await restoreToScratch(options, request, old)
  const report = await reportOf(options, request, restored, old)
  return { ...report, changed: true, dryRun: true }
}

/** Looks at source and destination before a question is asked. Throws what `restoreBackup` throws before it unpacks. */
export function checkRestore(options: CommandContext, request: RestoreOptions): void {
  if (isCopy(request.source)) refuseFolderOfBackups(request.source)
  else if (request.source !== '-') assertReadableSource(request.source)
  findPermitted(options, request)
}

/** Returns the data directory that is to be replaced, if any. Throws `restore-occupied`, `restore-mount-point`, `restore-not-empty` (rejected). */
function findPermitted({ dataDir }: CommandContext, { replace }: RestoreOptions): ExistingDirectory | undefined {
  const at = identityOf(dataDir)
  if (at !== undefined) refuseForeign(dataDir, at)
  const old = findExisting(dataDir)
  if (old !== undefined && replace !== true) throw destinationOccupied(old)
  if (old !== undefined) assertNotMountPoint(old)
  return old
}

/** Restores under the lock of the tree: another restore uses the same staging folder. */
async function restoreLocked(
  options: CommandContext,
  request: RestoreOptions,
  destination: DestinationOptions,
): Promise<RestoreReport> {
  const old = findPermitted(options, request)
  if (old === undefined) {
    // a restore that died between its two renames has left its tree here
    removeTree(stagingBeside({ dir: resolve(options.dataDir), marker: undefined }))
    return fillDirectory(options.dataDir, destination, (dir) => restoreTo(options, request, dir, undefined))
  }
  const staging = stagingBeside(old)
  const report = await fillDirectory(staging, { ...destination, isStaging: true }, (dir) =>
    restoreTo(options, request, dir, old),
  )
  try {
    const replaced = await replaceDirectory(staging, old, nowFor(options, report), destination)
    return { ...report, replaced, nextSteps: [...report.nextSteps, checkReplaced(replaced)] }
  } catch (error) {
    // does nothing if the staging folder has been renamed already
    removeTree(staging)
    throw error
  }
}

/** Restores to an empty folder and verifies the result. The marker is written last. */
async function restoreTo(
  options: CommandContext,
  request: RestoreOptions,
  dir: string,
  old: ExistingDirectory | undefined,
): Promise<RestoreReport> {
  const { source, keys } = request
  const onHeader = ({ id }: { readonly id: string }): void => assertSameInstance(old, id)
  const unpacked = await unpackSource({ source, keys, options, dir, onHeader })
  const verified = await verifyTree(dir, unpacked, source, options)
  const report = await reportOf(options, request, { unpacked, verified }, old)
  const { generation, cutAt, commit, behind, seen, seenAt } = report
  const at = nowFor(options, report)
  const record: RestoreRecord = { at, from: source, generation, cutAt, commit, behind, seen, seenAt }
  statusFiles(layoutOf(dir)).write('restored', { ...record, behind: behind.map((b) => ({ ...b })) })
  removeFile(verificationConfig(dir))
  writeMarker(dir, markerFor(verified.marker))
  return report
}

/**
 * Returns the marker of the restored directory. A test directory is always live and is never promoted, so its generation rises here: the next
 * command renumbers.
 */
function markerFor<M extends AnyMarker>(marker: M): M {
  return marker.test === true ? { ...marker, generation: marker.generation + 1 } : marker
}

/** Returns the current time; only a test directory honours BRINE_NOW. */
function nowFor({ nowOverride }: CommandContext, { role }: Pick<RestoreReport, 'role'>): Instant {
  return startTime(role === 'primary' ? nowOverride : undefined, role === 'primary').at
}

function destinationOccupied({ dir }: ExistingDirectory): AppError {
  return new AppError('rejected', 'restore-occupied', `${dir} is already a data directory`, {
    hint: 'give another --into, or --replace, which keeps the old directory under another name',
    details: { path: dir },
  })
}

async function reportOf(
  options: CommandContext,
  { source }: RestoreOptions,
  { unpacked, verified }: RestoredTree,
  old: ExistingDirectory | undefined,
): Promise<RestoreReport> {
  const { cutAt, commit, encrypted, dropped } = unpacked
  const marker = markerFor(unpacked.marker)
  const role = marker.test === true ? ('primary' as const) : ('standby' as const)
  const gap = await findRestoreGap(old, verified, options)
  const now = nowFor(options, { role })
  const report = {
    dataDir: resolve(options.dataDir),
    source,
    id: marker.id,
    role,
    generation: marker.generation,
    commit,
    cutAt,
    age: cutAt === null ? null : Math.max(0, secondsBetween(cutAt, now)),
    aggregates: verified.aggregates,
    digest: verified.digest.full,
    encrypted,
    dropped,
    replaced: null,
    behind: gap?.behind ?? [],
    seen: gap === undefined ? ('unknown' as const) : ('replaced tree' as const),
    seenAt: gap?.at ?? null,
    changed: true,
    dryRun: false,
  }
  return { ...report, nextSteps: nextSteps(report, verified.activeCas) }
}

/** Returns the next steps in order; each is a command or an instruction. */
function nextSteps(
  { dataDir, role }: Pick<RestoreReport, 'dataDir' | 'role'>,
  cas: readonly Handle[],
): readonly string[] {
  const at = `--data-dir ${shellWord(dataDir)}`
  const renumbering =
    'sets manifest and CRL numbers to the Unix time, above every number in the published tree and in the replaced directory; starts a new RRDP session'
  const live =
    role === 'primary'
      ? [`brine tick ${at}   # a test directory is live; ${renumbering}`]
      : [
          'make sure that no other primary of this instance is running; on one that still works: brine demote --reason "..."',
          `brine promote ${at} --reason "restored from backup"   # ${renumbering}`,
          `brine tick ${at}`,
        ]
  const named = cas.length > 3 ? [...cas.slice(0, 3), '…'] : cas
  const sync =
    cas.length === 0 ? [] : [`brine repo sync CA ${at}   # every CA with its repository: ${named.join(', ')}`]
  return [...live, ...sync, `brine audit verify ${at}`]
}

function checkReplaced(replaced: string): string {
  return `check ${replaced} for changes after the backup, then remove it`
}
