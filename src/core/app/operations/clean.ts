/**
 * `clean`: removes quarantined files, old trees and orphans that other commands leave behind.
 * Invariant: found without the write lock, and removed under it only if there was no commit since.
 */
import { AppError } from '../../base/errors.js'
import { addSeconds, type Duration, type Instant } from '../../base/time.js'
import {
  findGarbage,
  type Garbage,
  type GarbageKind,
  type GarbageScan,
  removeGarbage,
} from '../../store/archive/garbage.js'
import { type ChangeRow, removed as removedRow } from '../changes/change-row.js'
import { refuseStandby } from '../session/role.js'
import type { Session } from '../session/session.js'

export interface CleanOptions {
  /** Minimum age in seconds. Default: 30 days. */
  readonly olderThan?: Duration | undefined
  readonly dryRun?: boolean
  /** Paths that a preview found; no others are removed. */
  readonly only?: readonly string[]
}

export interface CleanReport {
  readonly before: Instant
  /** Paths relative to the data directory; `../` for those beside it. */
  readonly removed: readonly string[]
  readonly kinds: Readonly<Partial<Record<GarbageKind, number>>>
  readonly bytes: number
  /** Reasons why something was not removed. */
  readonly kept: readonly string[]
  readonly changed: boolean
  readonly dryRun: boolean
  readonly changes: readonly ChangeRow[]
}

const NOTES: Readonly<Record<GarbageKind, string>> = {
  surplus: 'surplus: no commit references it',
  corrupt: 'damaged, replaced by a recovery',
  tree: 'an old tree',
  key: 'a key that no state references',
  object: 'an object that no event references',
  passing: 'left by an interrupted command',
}

/** Minimum age in seconds: a running command, or a copy that is being taken, may need newer files. */
const MINIMUM_AGE = 86400

/** Number of attempts after conflicts with other commands. */
const ATTEMPTS = 8

/** Removes old garbage. Throws `clean-too-young` (usage), `standby`, `io`; `commit-lost` after repeated conflicts with other commands. */
export async function clean(session: Session, options: CleanOptions = {}): Promise<CleanReport> {
  const { olderThan = 30 * MINIMUM_AGE, dryRun = false, only } = options
  if (!dryRun) refuseStandby(session)
  if (olderThan < MINIMUM_AGE)
    throw new AppError('usage', 'clean-too-young', `--older-than ${olderThan} s is too short: the minimum is 1d`, {
      hint: 'give 1d or more',
    })
  for (let attempt = 1; ; attempt++) {
    const scan = await scanGarbage(session, olderThan)
    const selected = only === undefined ? scan.found : scan.found.filter(({ path }) => only.includes(path))
    if (dryRun || selected.length === 0) return reportOf(scan, selected, dryRun)
    const removed = await removeUnlessConflict(session, scan.head, selected)
    if (removed !== undefined) return reportOf(scan, removed, false)
    if (attempt === ATTEMPTS) throw conflict()
  }
}

interface TimedScan extends GarbageScan {
  readonly before: Instant
  readonly head: number
}

async function scanGarbage(session: Session, olderThan: number): Promise<TimedScan> {
  return session.store.read(async (reader) => {
    const before = addSeconds(session.clockFor(reader).now(), -olderThan)
    return { ...findGarbage(session.store.layout, reader, before), before, head: reader.head }
  })
}

/** Removes the garbage under the write lock. Returns undefined on a conflict with another command. */
async function removeUnlessConflict(
  session: Session,
  head: number,
  selected: readonly Garbage[],
): Promise<readonly Garbage[] | undefined> {
  const { watch } = session.options
  return session.store.write(async (writer) => {
    if (writer.head !== head) return undefined
    if (watch !== undefined) watch.changed = 'unknown'
    const removed = removeGarbage(session.store.layout, selected)
    if (watch !== undefined) watch.changed = 'yes'
    return removed
  })
}

function reportOf({ before, kept }: TimedScan, removed: readonly Garbage[], dryRun: boolean): CleanReport {
  return {
    before,
    removed: removed.map(({ path }) => path),
    kinds: countKinds(removed),
    bytes: removed.reduce((sum, { bytes }) => sum + bytes, 0),
    kept,
    changed: removed.length > 0,
    dryRun,
    changes: removed.map(({ path, kind, bytes }) =>
      removedRow({ item: 'file', of: null, name: path, note: NOTES[kind] }, `${bytes} bytes`),
    ),
  }
}

function conflict(): AppError {
  return new AppError('locked', 'commit-lost', 'other commands committed during every attempt', {
    hint: 'run the command again',
    retry: true,
    retryAfter: 1,
  })
}

function countKinds(all: readonly Garbage[]): CleanReport['kinds'] {
  const kinds: Partial<Record<GarbageKind, number>> = {}
  for (const { kind } of all) kinds[kind] = (kinds[kind] ?? 0) + 1
  return kinds
}
