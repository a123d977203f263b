/**
 * Migrates a data directory to the present format: a new tree is built next to the old one, synced, verified by replay and
 * swapped in.
 * Invariant: until the swap begins nothing in place is changed, and an interrupted swap is completed before anything else.
 */
import { resolve } from 'node:path'
import type { CommandContext } from '../../base/context.js'
import { AppError, rewrap } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import { loadUsableConfig } from '../../config/load.js'
import { readConfigText } from '../../config/read.js'
import type { Config } from '../../config/schema.js'
import { checkDataDir, FORMAT, readAnyMarker } from '../../store/directory/data-dir.js'
import { type Role, roleOf } from '../../store/directory/installation-id.js'
import { acquireLock } from '../../store/directory/lock.js'
import { type Identity, identityOf, refuseReplaced, withTreeLock } from '../../store/directory/tree-lock.js'
import { freeBytes, makeDir } from '../../store/disk/fs.js'
import { errnoOf, ioError } from '../../store/disk/io-error.js'
import { layoutOf } from '../../store/disk/paths.js'
import { syncTree } from '../../store/disk/sync-tree.js'
import type { Carried, Step } from '../../upgrade/step.js'
import { stepsFrom } from '../../upgrade/steps.js'
import { completeSwap, dropWork, planSwap, swapTrees, unfinishedSwap } from '../../upgrade/swap.js'
import type { Digest } from '../proof/digest.js'
import { type Proof, proveMigratedTree } from '../proof/prove-tree.js'
import { startTime } from '../session/clock.js'

export interface MigrationStep extends Partial<Carried> {
  readonly from: number
  readonly to: number
  readonly title: string
}

export interface Migration {
  readonly from: number
  readonly to: number
  readonly steps: readonly MigrationStep[]
  /** Folder that keeps the old tree, below DATA_DIR; null where nothing was swapped. */
  readonly keptAt: string | null
  /** True if an interrupted run was completed. */
  readonly resumed: boolean
  /** Digest of the migrated data; null where this run verified nothing. */
  readonly digest: Digest | null
  /** Bytes on disk that the new tree takes. */
  readonly bytes: number
}

export type MigrateOptions = Pick<
  CommandContext,
  'dataDir' | 'command' | 'configPath' | 'lockTimeoutSeconds' | 'nowOverride' | 'onNotice' | 'onProgress' | 'watch'
>

/** A data directory of any format up to the present one. */
export interface Ground {
  readonly dir: string
  readonly identity: Identity | undefined
  readonly format: number
  readonly role: Role
  readonly config: Config
  readonly at: Instant
}

/** Reads marker and configuration of a data directory. Throws `no-data-dir`, `format-newer`, `usage` (configuration), `credentials`. */
export async function groundOf(options: MigrateOptions): Promise<Ground> {
  const dir = checkDataDir(options.dataDir)
  const identity = identityOf(dir)
  const marker = readAnyMarker(dir)
  const configPath = options.configPath ?? resolve(dir, 'brine.toml')
  const { config } = await loadUsableConfig(readConfigText(configPath), configPath)
  const { at } = startTime(options.nowOverride, marker.test === true)
  return { dir, identity, format: marker.format, role: roleOf(dir, marker), config, at }
}

/** Migrates to the present format. Throws `locked`, `io` (ENOSPC with the bytes required), `corrupt`; then nothing in place has changed, or the next run completes it. */
export async function migrate(options: MigrateOptions, ground: Ground): Promise<Migration> {
  return locked(options, ground, async () => {
    const { dir } = ground
    const resumed = resume(options, dir)
    const { format } = readAnyMarker(dir)
    const steps = stepsFrom(format)
    dropWork(dir)
    if (steps.length === 0) return { ...nothing(format), ...resumed }
    const bytes = requireSpace(dir, steps)
    const built = await build(options, dir, steps)
    const { head, sha256 } = built.proof
    const swap = planSwap(dir, {
      direction: 'up',
      from: format,
      to: FORMAT,
      comes: built.comes,
      head,
      sha256,
      at: ground.at,
    })
    swapping(options, dir, () => swapTrees(dir, swap))
    const { digest } = built.proof
    return {
      from: format,
      to: FORMAT,
      steps: built.steps,
      keptAt: swap.keeps,
      resumed: resumed !== undefined,
      digest,
      bytes,
    }
  })
}

/** Returns what `migrate` would do, with the bytes that it would take. */
export function planMigration({ dir, format }: Ground): Migration {
  const steps = stepsFrom(format)
  const listed = steps.map(({ from, to, title }) => ({ from, to, title }))
  return { ...nothing(format), to: FORMAT, steps: listed, bytes: steps[0]?.requiredSpace(dir) ?? 0 }
}

/** Runs `work` under the locks of the tree and of its writers. Throws `locked`, also if the directory was replaced meanwhile. */
export async function locked<T>(options: MigrateOptions, ground: Ground, work: () => Promise<T>): Promise<T> {
  const { dir, identity, config } = ground
  const { command, lockTimeoutSeconds, onNotice } = options
  const timeout = lockTimeoutSeconds ?? config.lockTimeout
  const notice = onNotice ?? (() => undefined)
  const request = { timeout, command, long: true, warn: notice }
  return withTreeLock(dir, request, async () => {
    const lock = await acquireLock(layoutOf(dir), request)
    try {
      refuseReplaced(dir, identity)
      return await work()
    } finally {
      await lock.release()
    }
  })
}

/** Completes an interrupted swap; returns undefined where there is none. */
export function resume(options: MigrateOptions, dir: string): Partial<Migration> | undefined {
  const swap = unfinishedSwap(dir)
  if (swap === undefined) return undefined
  options.onNotice?.(`completed an interrupted upgrade (data format ${swap.from} to ${swap.to})`)
  swapping(options, dir, () => completeSwap(dir, swap))
  return { from: swap.from, to: swap.to, keptAt: swap.keeps, resumed: true }
}

/** Runs a swap and records in `watch` whether something changed; a failure after its begin is completed by the next run. */
export function swapping(options: MigrateOptions, dir: string, run: () => void): void {
  const { watch } = options
  if (watch !== undefined) watch.changed = 'unknown'
  try {
    run()
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (!isBegun(dir)) {
      if (watch !== undefined) watch.changed = 'no'
      dropQuietly(dir)
      throw error
    }
    throw rewrap(error, {
      message: `the new tree is not in place yet: ${error.message}`,
      hint: 'remove the cause, then: brine upgrade (it completes the swap)',
      changed: 'unknown',
    })
  }
  if (watch !== undefined) watch.changed = 'yes'
}

/** Returns true if the swap has begun, also where that cannot be read. */
function isBegun(dir: string): boolean {
  try {
    return unfinishedSwap(dir) !== undefined
  } catch {
    return true
  }
}

function nothing(format: number): Migration {
  return { from: format, to: format, steps: [], keptAt: null, resumed: false, digest: null, bytes: 0 }
}

/** Returns the bytes required. Throws `io-no-space` before anything is written. */
function requireSpace(dir: string, steps: readonly Step[]): number {
  const bytes = steps[0]?.requiredSpace(dir) ?? 0
  const free = freeBytes(dir)
  if (free === undefined || free >= bytes) return bytes
  throw ioError('write', dir, Object.assign(new Error('no space'), { code: 'ENOSPC' }), { bytes })
}

interface Built {
  /** Folder of the new tree, below DATA_DIR. */
  readonly comes: string
  readonly steps: readonly MigrationStep[]
  readonly proof: Proof
}

/** Builds, syncs and verifies the new tree; removes it when that fails. */
async function build(options: MigrateOptions, dir: string, steps: readonly Step[]): Promise<Built> {
  const bytes = steps[0]?.requiredSpace(dir) ?? 0
  const done: MigrationStep[] = []
  let source = dir
  let comes = ''
  try {
    for (const step of steps) {
      comes = `upgrade-${step.from}-${step.to}`
      const target = resolve(dir, comes)
      makeDir(target)
      const warn = options.onNotice ?? (() => undefined)
      const progress = options.onProgress ?? (() => undefined)
      const carried = step.migrate(source, target, { warn, progress })
      done.push({ from: step.from, to: step.to, title: step.title, ...carried })
      source = target
    }
    // the new tree has no folder for temporary files
    syncTree(source, layoutOf(source).temp)
    return { comes, steps: done, proof: await proveMigratedTree(source, done.at(-1)?.commits ?? 0) }
  } catch (error) {
    dropQuietly(dir)
    throw errnoOf(error) === 'ENOSPC' || errnoOf(error) === 'EDQUOT' ? ioError('write', dir, error, { bytes }) : error
  }
}

function dropQuietly(dir: string): void {
  try {
    dropWork(dir)
  } catch (error) {
    // the first failure is the one to report; the next run removes the tree
    if (!(error instanceof AppError)) throw error
  }
}

/** Migrates for another command on an older format, if `auto_upgrade` allows it. Throws `format-older` otherwise. */
export async function upgradeFirst(options: CommandContext, older: AppError): Promise<void> {
  const ground = await groundOf(options)
  // a stand-by is a copy: the next copy of the primary would bring the older format back
  if (!ground.config.autoUpgrade || options.dryRun === true || ground.role.role !== 'primary') throw older
  const { from, to, keptAt } = await migrate(options, ground)
  options.onNotice?.(`upgraded from data format ${from} to ${to}; the tree before is kept in ${keptAt ?? ''}`)
}
