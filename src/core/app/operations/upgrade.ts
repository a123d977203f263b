/** `brine upgrade`: migrates and publishes, or restores the kept tree (`--undo`). */
import type { CommandContext } from '../../base/context.js'
import { AppError, rewrap } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { CommitLog, findHead } from '../../store/commit/commit-log.js'
import { readAnyMarker } from '../../store/directory/data-dir.js'
import { layoutOf } from '../../store/disk/paths.js'
import { keptTree, planSwap, type Swap, swapTrees } from '../../upgrade/swap.js'
import { republish } from '../republishing/republish.js'
import { openSession } from '../session/session.js'
import {
  type Ground,
  groundOf,
  locked,
  type MigrateOptions,
  type Migration,
  migrate,
  planMigration,
  resume,
  swapping,
} from './migrate.js'

export interface UpgradeReport extends Migration {
  readonly role: 'primary' | 'standby'
  /** CAs that were republished; null where nothing was published: with `--only`, on a stand-by, or when nothing was migrated. */
  readonly republished: readonly Handle[] | null
  readonly changed: boolean
  readonly dryRun: boolean
}

export interface UpgradeOptions {
  /** Stops before anything is published. */
  readonly only?: boolean
  /** Restores the kept tree. */
  readonly undo?: boolean
  readonly dryRun?: boolean
}

/** Migrates DATA_DIR to the present format and publishes; does nothing in the present format. Throws `format-newer`, `upgrade-unproved`, `upgrade-publish-pending`, `io`, `locked`. */
export async function upgrade(context: CommandContext, options: UpgradeOptions = {}): Promise<UpgradeReport> {
  const ground = await groundOf(context)
  const { role } = ground.role
  const dryRun = options.dryRun === true
  if (options.undo === true) return { ...(await undo(context, ground, dryRun)), role, republished: null, dryRun }
  if (dryRun) {
    const plan = planMigration(ground)
    return { ...plan, role, republished: null, changed: plan.steps.length > 0, dryRun }
  }
  const done = await migrate(context, ground)
  const changed = done.steps.length > 0 || done.resumed
  if (!changed || options.only === true || role === 'standby')
    return { ...done, role, republished: null, changed, dryRun }
  return { ...done, role, republished: await publish(context, done), changed, dryRun }
}

async function publish(context: CommandContext, done: Migration): Promise<readonly Handle[]> {
  try {
    return (await republish(await openSession(context))).republished
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause
    throw rewrap(cause, {
      kind: 'pending',
      code: 'upgrade-publish-pending',
      message: `the data is in format ${done.to}, but was not published: ${cause.message}`,
      hint: 'brine tick publishes it as soon as the cause is gone',
      changed: 'yes',
      retry: false,
    })
  }
}

type Undone = Migration & { readonly changed: boolean }

/** Restores the kept tree and keeps the one in place. Throws `upgrade-nothing-kept`, `upgrade-moved-on` (rejected). */
async function undo(context: MigrateOptions, ground: Ground, dryRun: boolean): Promise<Undone> {
  const { dir } = ground
  if (dryRun) return undone(ground, planUndo(ground, dir), false)
  return locked(context, ground, async () => {
    const resumed = resume(context, dir)
    if (resumed?.to !== undefined && resumed.to === readAnyMarker(dir).format && resumed.to < (resumed.from ?? 0))
      return { ...undone(ground, undefined, true), ...resumed }
    const swap = planUndo(ground, dir)
    swapping(context, dir, () => swapTrees(dir, swap))
    return undone(ground, swap, false)
  })
}

function undone(ground: Ground, swap: Swap | undefined, resumed: boolean): Undone {
  const { from, to, keeps } = swap ?? { from: ground.format, to: ground.format, keeps: null }
  return { from, to, steps: [], keptAt: keeps, resumed, digest: null, bytes: 0, changed: true }
}

function planUndo({ at }: Ground, dir: string): Swap {
  const marker = readAnyMarker(dir)
  const kept = keptTree(dir, marker.format)
  if (kept === undefined) {
    throw new AppError('rejected', 'upgrade-nothing-kept', `${dir}: no tree of an older format is kept here`, {
      hint: 'to go back, restore a backup that the older version made',
    })
  }
  const layout = layoutOf(dir)
  const head = findHead(layout)
  const newest = head.n === 0 ? '' : new CommitLog(layout, head.cache).at(head.n).sha256
  const { generation } = readAnyMarker(`${dir}/${kept.place}`)
  if (head.n !== kept.head || newest !== kept.sha256 || generation !== marker.generation) {
    const lost = Math.max(0, head.n - kept.head)
    throw new AppError(
      'rejected',
      'upgrade-moved-on',
      `${lost} ${lost === 1 ? 'commit was' : 'commits were'} made since the upgrade and would be lost`,
      { hint: 'keep this version, or restore a backup that the older one made', details: { commits: lost } },
    )
  }
  const { from, to, place } = kept
  return planSwap(dir, {
    direction: 'undo',
    from: to,
    to: from,
    comes: place,
    head: kept.head,
    sha256: kept.sha256,
    at,
  })
}
