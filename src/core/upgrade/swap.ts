/**
 * Replaces the tree of DATA_DIR by another one. Other commands see one step: while folders are moved the marker says the older format, which
 * they refuse.
 * Invariants: `upgrade.json` is durable before the first folder moves and is removed after the last; a move that was done is recognised, so the
 * next run completes an interrupted swap; no data is destroyed.
 */
import { join } from 'node:path'
import { isCount, isOne, isText, isTime, listOf } from '../base/shape.js'
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import { fileDamaged } from '../store/disk/damage.js'
import { exists, listDir, makeDir, moveFile, readIfExists, removeFile, syncDir } from '../store/disk/fs.js'
import { layoutOf } from '../store/disk/paths.js'
import { encodeRecord, parseShape } from '../store/disk/records.js'
import { replaceFile, writeNew } from '../store/disk/write-file.js'
import { FOLDERS } from './step.js'
import { dropTree } from './work-tree.js'

const INTENT = 'upgrade.json'
/** Name of the file in a kept tree that records the swap, for `--undo`. */
const RECORD = 'upgraded.json'

/** STORED in `upgrade.json` while folders are moved, and in `upgraded.json` of the kept tree. */
export interface Swap {
  readonly direction: 'up' | 'undo'
  readonly from: number
  readonly to: number
  /** Folder of the new tree, below DATA_DIR. */
  readonly comes: string
  /** Folder that keeps the old tree, below DATA_DIR. */
  readonly keeps: string
  readonly outgoing: readonly string[]
  readonly incoming: readonly string[]
  /** The newest commit of the tree in the newer format. */
  readonly head: number
  readonly sha256: Sha256
  readonly at: Instant
}

const isFolder = (v: unknown): boolean => typeof v === 'string' && FOLDERS.includes(v)
const isPlace = (v: unknown): boolean =>
  typeof v === 'string' && /^(?:upgrade-\d+-\d+|old\/format-\d+-\d{8}T\d{6}Z(?:-\d+)?)$/.test(v)
const SWAP = {
  format: isOne,
  direction: (v: unknown) => v === 'up' || v === 'undo',
  from: isCount,
  to: isCount,
  comes: isPlace,
  keeps: isPlace,
  outgoing: listOf(isFolder),
  incoming: listOf(isFolder),
  head: isCount,
  sha256: isText,
  at: isTime,
}

/** Returns the swap that was interrupted here, if any. Throws `file-damaged`. */
export function unfinishedSwap(dir: string): Swap | undefined {
  return readSwap(join(dir, INTENT))
}

function readSwap(path: string): Swap | undefined {
  const bytes = readIfExists(path, 65536)
  if (bytes === undefined) return undefined
  const { format: _, ...swap } = parseShape(bytes, path, SWAP)
  return swap as unknown as Swap
}

/** Plans a swap for the tree at `comes`. */
export function planSwap(
  dir: string,
  plan: Pick<Swap, 'direction' | 'from' | 'to' | 'comes' | 'head' | 'sha256' | 'at'>,
): Swap {
  const there = (place: string): readonly string[] => FOLDERS.filter((name) => exists(join(dir, place, name)))
  const keeps = freeName(dir, `old/format-${plan.from}-${plan.at.replace(/[-:]/g, '')}`)
  return { ...plan, keeps, outgoing: there('.'), incoming: there(plan.comes) }
}

function freeName(dir: string, name: string): string {
  for (let n = 1; ; n++) {
    const free = n === 1 ? name : `${name}-${n}`
    if (!exists(join(dir, free))) return free
  }
}

/** Swaps the trees. The caller holds the lock; the new tree is synced and verified. */
export function swapTrees(dir: string, swap: Swap): void {
  // a temporary file that a crash leaves there is removed with that folder
  replaceFile(join(dir, INTENT), encodeRecord({ format: 1, ...swap }), { temp: join(dir, swap.comes) })
  syncDir(dir)
  completeSwap(dir, swap)
}

/** Completes a swap: moves that are done are skipped. */
export function completeSwap(dir: string, swap: Swap): void {
  const [comes, keeps] = [join(dir, swap.comes), join(dir, swap.keeps)]
  const { marker, head } = layoutOf(dir)
  makeDir(join(dir, 'old'))
  makeDir(keeps)
  keepMarker(marker, keeps, comes)
  // while folders are moved the marker says the older format, which only `upgrade` accepts
  if (swap.direction === 'undo') placeMarker(dir, comes)
  if (removeFile(head)) syncDir(layoutOf(dir).status)
  for (const name of swap.outgoing) if (!exists(join(keeps, name))) move(dir, join(dir, name), keeps, join(keeps, name))
  for (const name of swap.incoming) move(comes, join(comes, name), dir, join(dir, name))
  if (swap.direction === 'up') {
    replaceFile(join(keeps, RECORD), encodeRecord({ format: 1, ...swap }), { temp: comes })
    syncDir(keeps)
    placeMarker(dir, comes)
  } else if (removeFile(join(comes, RECORD))) syncDir(comes)
  removeFile(join(dir, INTENT))
  syncDir(dir)
  // its folders have been moved out of it
  dropTree(comes)
  syncDir(dir)
}

function keepMarker(marker: string, keeps: string, temp: string): void {
  const bytes = readIfExists(marker, 65536)
  if (bytes !== undefined && !exists(join(keeps, 'brine.json'))) writeNew(join(keeps, 'brine.json'), bytes, { temp })
  syncDir(keeps)
}

function placeMarker(dir: string, comes: string): void {
  const path = join(comes, 'brine.json')
  const bytes = readIfExists(path, 65536)
  if (bytes === undefined) throw fileDamaged(path, 'the new tree has no marker')
  replaceFile(layoutOf(dir).marker, bytes, { temp: comes })
  syncDir(dir)
}

/** Renames unless that was done before; syncs both folders. */
function move(fromDir: string, from: string, toDir: string, to: string): void {
  if (!moveFile(from, to)) return
  syncDir(toDir)
  syncDir(fromDir)
}

/** Returns the newest tree that a migration to this format kept; undefined where there is none. */
export function keptTree(dir: string, to: number): (Swap & { readonly place: string }) | undefined {
  const kept = listDir(join(dir, 'old')).flatMap((name) => {
    const place = `old/${name}`
    if (!isPlace(place)) return []
    const swap = readSwap(join(dir, place, RECORD))
    return swap === undefined || swap.to !== to ? [] : [{ ...swap, place }]
  })
  return kept.sort((a, b) => (a.at < b.at ? 1 : -1))[0]
}

/** Removes trees that an interrupted migration built. */
export function dropWork(dir: string): void {
  for (const name of listDir(dir)) if (/^upgrade-\d+-\d+$/.test(name)) dropTree(join(dir, name))
}
