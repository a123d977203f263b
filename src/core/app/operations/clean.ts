/**
 * What the others leave behind goes: files moved aside, old trees, orphans.
 * Invariant: found without the lock, and taken away under it only if nothing was committed since.
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
import { refuseStandby } from '../transaction/role.js'
import type { Session } from '../transaction/session.js'

export interface CleanOptions {
  /** Seconds; 30 days unless given. */
  readonly olderThan?: Duration | undefined
  readonly dryRun?: boolean
  /** What a preview found: anything else stays. */
  readonly only?: readonly string[]
}

export interface CleanReport {
  readonly before: Instant
  /** Paths below the data directory, `../` beside it. */
  readonly removed: readonly string[]
  readonly kinds: Readonly<Partial<Record<GarbageKind, number>>>
  readonly bytes: number
  /** Why something was left where it is. */
  readonly kept: readonly string[]
  readonly changed: boolean
  readonly dryRun: boolean
}

/** The least age: what a command that is running now, or a copy that is being taken, may need. */
const LEAST = 86400

/** Times that another command may come between. */
const ATTEMPTS = 8

/** Takes away what was left behind long ago. Throws `clean-too-young` (usage), `standby`, `io`; `commit-lost` where other commands kept coming. */
export async function clean(session: Session, options: CleanOptions = {}): Promise<CleanReport> {
  const { olderThan = 30 * LEAST, dryRun = false, only } = options
  if (!dryRun) refuseStandby(session)
  if (olderThan < LEAST)
    throw new AppError('usage', 'clean-too-young', `--older-than ${olderThan} s: nothing of the last day is removed`, {
      hint: 'give 1d or more',
    })
  for (let attempt = 1; ; attempt++) {
    const look = await lookAround(session, olderThan)
    const wanted = only === undefined ? look.found : look.found.filter(({ path }) => only.includes(path))
    if (dryRun || wanted.length === 0) return reportOf(look, wanted, dryRun)
    const removed = await takeAway(session, look.head, wanted)
    if (removed !== undefined) return reportOf(look, removed, false)
    if (attempt === ATTEMPTS) throw overtaken()
  }
}

interface Look extends GarbageScan {
  readonly before: Instant
  readonly head: number
}

async function lookAround(session: Session, olderThan: number): Promise<Look> {
  return session.store.read(async (reader) => {
    const before = addSeconds(session.clockFor(reader).now(), -olderThan)
    return { ...findGarbage(session.store.layout, reader, before), before, head: reader.head }
  })
}

/** Undefined where another command came in between. */
async function takeAway(
  session: Session,
  head: number,
  wanted: readonly Garbage[],
): Promise<readonly Garbage[] | undefined> {
  const { watch } = session.options
  return session.store.write(async (writer) => {
    if (writer.head !== head) return undefined
    if (watch !== undefined) watch.changed = 'unknown'
    const gone = removeGarbage(session.store.layout, wanted)
    if (watch !== undefined) watch.changed = 'yes'
    return gone
  })
}

function reportOf({ before, kept }: Look, removed: readonly Garbage[], dryRun: boolean): CleanReport {
  return {
    before,
    removed: removed.map(({ path }) => path),
    kinds: countKinds(removed),
    bytes: removed.reduce((sum, { bytes }) => sum + bytes, 0),
    kept,
    changed: !dryRun && removed.length > 0,
    dryRun,
  }
}

function overtaken(): AppError {
  return new AppError('locked', 'commit-lost', 'other commands kept coming in between', {
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
