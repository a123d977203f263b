/**
 * What makes a recovered aggregate cheap to load again: `info.json` and the two links to snapshots.
 * Invariant: a cache that speaks of what is no more is moved aside before history moves on.
 */
import { join } from 'node:path'
import { sha256Hex } from '../../crypto/digest.js'
import { quarantine } from '../commit/quarantine.js'
import { type Info, readInfo, type SnapshotRef, writeInfo } from '../disk/caches.js'
import { isCorrupt } from '../disk/damage.js'
import { exists, readIfExists, syncDir } from '../disk/fs.js'
import { type Layout, snapshotName } from '../disk/paths.js'
import { replaceLink } from '../disk/write-file.js'
import type { AggregatePlan } from './plan.js'
import type { Step } from './scan.js'

/** What the caches should say, and which of them do not. */
export interface CacheCheck {
  readonly info: Info
  readonly infoValid: boolean
  /** Links whose content no record names. */
  readonly damagedLinks: readonly string[]
}

const LINKS = ['snapshot.json', 'snapshot-bk.json']

/** Looks at the caches of an aggregate whose history ends at the base. */
export function checkCaches(layout: Layout, plan: AggregatePlan): CacheCheck {
  const folder = layout.folder(plan.id)
  const info = infoOf(plan)
  const there = readInfo(folder)
  const vouched = new Set<ReturnType<typeof hashOf>>(
    plan.branch.flatMap(({ record }) =>
      record === undefined || record.effect.result === 'rejected' ? [] : [record.effect.snapshot?.sha256],
    ),
  )
  const backup = typeof there === 'object' ? there.backup?.version : undefined
  if (backup !== undefined && plan.unprovableVersions.has(backup))
    vouched.add(hashOf(join(folder, snapshotName(backup))))
  return {
    info,
    infoValid: typeof there === 'object' && isGood(there, info, plan),
    damagedLinks: LINKS.filter((name) => {
      const sha256 = hashOf(join(folder, name))
      return sha256 === 'none' || (sha256 !== undefined && !vouched.has(sha256))
    }),
  }
}

/** Puts the links and, for a history that goes on without a record of the recovery, `info.json` right. */
export function repairCaches(
  layout: Layout,
  plan: AggregatePlan,
  { info, infoValid: infoIsGood, damagedLinks: badLinks }: CacheCheck,
): void {
  const folder = layout.folder(plan.id)
  quarantine(folder, 'surplus', badLinks)
  // one that speaks of what is lost would lead a load astray until the commit is made
  if (!infoIsGood || plan.recorded)
    quarantine(folder, 'surplus', exists(join(folder, 'info.json')) ? ['info.json'] : [])
  if (plan.recorded) return
  for (const [i, hint] of [info.snapshot, info.backup].entries()) {
    const name = LINKS[i]
    if (hint === null || name === undefined || exists(join(folder, name))) continue
    replaceLink(join(folder, snapshotName(hint.version)), join(folder, name), layout.temp)
  }
  if (!infoIsGood) writeInfo(folder, info, layout.temp)
  syncDir(folder)
}

function infoOf({ branch: line, snapshots }: AggregatePlan): Info {
  const last = line.at(-1)?.named
  const [snapshot, backup] = [hintOf(snapshots.at(-1)), hintOf(snapshots.at(-2))]
  const after = (backup ?? snapshot)?.sequence ?? 0
  const accepted = line.filter((s) => s.record?.effect.result === 'accepted' && s.named.sequence > after)
  return {
    version: last?.version ?? 0,
    sequence: last?.sequence ?? 0,
    commit: last?.commit ?? 0,
    snapshot,
    backup,
    tail: accepted.map((s) => s.named.sequence),
  }
}

function hintOf(step: Step | undefined): SnapshotRef | null {
  return step === undefined ? null : { version: step.named.version, sequence: step.named.sequence }
}

function isGood(there: Info, right: Info, { snapshots, unprovableVersions: unread }: AggregatePlan): boolean {
  const isSound = (hint: SnapshotRef | null): boolean =>
    hint === null || snapshots.some((s) => s.named.version === hint.version && s.named.sequence === hint.sequence)
  return (
    there.version === right.version &&
    there.sequence === right.sequence &&
    there.commit === right.commit &&
    (there.snapshot === null) === (right.snapshot === null) &&
    isSound(there.snapshot) &&
    (isSound(there.backup) || unread.has(there.backup?.version ?? 0))
  )
}

/** Undefined where nothing lies; `none` for what is no file. */
function hashOf(path: string): ReturnType<typeof sha256Hex> | 'none' | undefined {
  try {
    const bytes = readIfExists(path)
    return bytes && sha256Hex(bytes)
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return 'none'
  }
}
