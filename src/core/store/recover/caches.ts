/**
 * Caches of a recovered aggregate: `info.json` and the two links to snapshots.
 * Invariant: a cache that refers to something lost is quarantined before the next commit.
 */
import { join } from 'node:path'
import { sha256Hex } from '../../crypto/digest.js'
import { quarantine } from '../commit/quarantine.js'
import { type Info, readInfo, type SnapshotRef, writeInfo } from '../disk/caches.js'
import { isCorrupt } from '../disk/damage.js'
import { exists, readIfExists, syncDir } from '../disk/fs.js'
import { type Layout, snapshotName } from '../disk/paths.js'
import { replaceLink } from '../disk/write-file.js'
import type { AggregatePlan } from './plan-types.js'
import type { Step } from './scan.js'

/** Expected content of the caches, and which of them are damaged. */
export interface CacheCheck {
  readonly info: Info
  readonly infoValid: boolean
  /** Links whose content no record references. */
  readonly damagedLinks: readonly string[]
}

const LINKS = ['snapshot.json', 'snapshot-bk.json']

/** Checks the caches of an aggregate whose history ends at the base. Throws `io`. */
export function checkCaches(layout: Layout, plan: AggregatePlan): CacheCheck {
  const folder = layout.folder(plan.id)
  const info = infoOf(plan)
  const stored = readInfo(folder)
  const referenced = new Set<ReturnType<typeof hashOf>>(
    plan.branch.flatMap(({ record }) =>
      record === undefined || record.effect.result === 'rejected' ? [] : [record.effect.snapshot?.sha256],
    ),
  )
  const backup = typeof stored === 'object' ? stored.backup?.version : undefined
  if (backup !== undefined && plan.unprovableVersions.has(backup))
    referenced.add(hashOf(join(folder, snapshotName(backup))))
  return {
    info,
    infoValid: typeof stored === 'object' && isValid(stored, info, plan),
    damagedLinks: LINKS.filter((name) => {
      const sha256 = hashOf(join(folder, name))
      return sha256 === 'none' || (sha256 !== undefined && !referenced.has(sha256))
    }),
  }
}

/** Repairs the links and, if no command records the recovery, `info.json`. Throws `io`. */
export function repairCaches(
  layout: Layout,
  plan: AggregatePlan,
  { info, infoValid: infoIsGood, damagedLinks: badLinks }: CacheCheck,
): void {
  const folder = layout.folder(plan.id)
  quarantine(folder, 'surplus', badLinks)
  // a cache that refers to lost commands would mislead a load until the commit is made
  if (!infoIsGood || plan.recorded)
    quarantine(folder, 'surplus', exists(join(folder, 'info.json')) ? ['info.json'] : [])
  if (plan.recorded) return
  for (const [i, ref] of [info.snapshot, info.backup].entries()) {
    const name = LINKS[i]
    if (ref === null || name === undefined || exists(join(folder, name))) continue
    replaceLink(join(folder, snapshotName(ref.version)), join(folder, name), layout.temp)
  }
  if (!infoIsGood) writeInfo(folder, info, layout.temp)
  syncDir(folder)
}

function infoOf({ branch, snapshots }: AggregatePlan): Info {
  const last = branch.at(-1)?.named
  const [snapshot, backup] = [snapshotRefOf(snapshots.at(-1)), snapshotRefOf(snapshots.at(-2))]
  const after = (backup ?? snapshot)?.sequence ?? 0
  const accepted = branch.filter((s) => s.record?.effect.result === 'accepted' && s.named.sequence > after)
  return {
    version: last?.version ?? 0,
    sequence: last?.sequence ?? 0,
    commit: last?.commit ?? 0,
    snapshot,
    backup,
    tail: accepted.map((s) => s.named.sequence),
  }
}

function snapshotRefOf(step: Step | undefined): SnapshotRef | null {
  return step === undefined ? null : { version: step.named.version, sequence: step.named.sequence }
}

function isValid(stored: Info, expected: Info, { snapshots, unprovableVersions }: AggregatePlan): boolean {
  const isIntact = (ref: SnapshotRef | null): boolean =>
    ref === null || snapshots.some((s) => s.named.version === ref.version && s.named.sequence === ref.sequence)
  return (
    stored.version === expected.version &&
    stored.sequence === expected.sequence &&
    stored.commit === expected.commit &&
    (stored.snapshot === null) === (expected.snapshot === null) &&
    isIntact(stored.snapshot) &&
    (isIntact(stored.backup) || unprovableVersions.has(stored.backup?.version ?? 0))
  )
}

/** Computes the SHA-256 of a file; undefined if it does not exist, `none` if it is not a readable regular file. */
function hashOf(path: string): ReturnType<typeof sha256Hex> | 'none' | undefined {
  try {
    const bytes = readIfExists(path)
    return bytes && sha256Hex(bytes)
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return 'none'
  }
}
