/**
 * One tree in the place of another, as one step for everybody else: folders change places while the marker says the older format, which
 * every other command refuses.
 * Invariants: `upgrade.json` is durable before the first folder moves and goes when all have; each move can be seen to be done, so whoever
 * comes next completes what a crash cut short; nothing is destroyed but names that hold nothing.
 */
import { join } from 'node:path'
import { isCount, isOne, isText, isTime, listOf, objectOf } from '../base/shape.js'
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import { fileDamaged } from '../store/disk/damage.js'
import { exists, listDir, makeDir, moveFile, readIfExists, removeFile, syncDir } from '../store/disk/fs.js'
import { KIND_FOLDERS, layoutOf } from '../store/disk/paths.js'
import { encodeRecord, parseObject, parseShape } from '../store/disk/records.js'
import { replaceFile, writeNew } from '../store/disk/write-file.js'
import { dropTree } from './work-tree.js'

/** What a format may lay out anew; all else in DATA_DIR stays where it is. */
const FOLDERS: readonly string[] = ['commits', 'objects', ...Object.values(KIND_FOLDERS)]
const INTENT = 'upgrade.json'
/** In a kept tree: the way back. */
const RECORD = 'upgraded.json'

/** STORED in `upgrade.json` while folders change places. */
export interface Swap {
  readonly direction: 'up' | 'undo'
  readonly from: number
  readonly to: number
  /** The tree that comes, below DATA_DIR. */
  readonly comes: string
  /** Where the tree that goes is kept, below DATA_DIR. */
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

/** The swap that was begun here and not ended. Throws `file-damaged`. */
export function unfinishedSwap(dir: string): Swap | undefined {
  return readSwap(join(dir, INTENT))
}

function readSwap(path: string): Swap | undefined {
  const bytes = readIfExists(path, 65536)
  if (bytes === undefined) return undefined
  const { format: _, ...swap } = parseShape(bytes, path, SWAP)
  return swap as unknown as Swap
}

/** What would change places for the tree at `comes`. */
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

/** Begins and ends a swap. The caller holds the lock, and the tree that comes is synced and proved. */
export function swapTrees(dir: string, swap: Swap): void {
  // what a crash leaves of it goes with that folder
  replaceFile(join(dir, INTENT), encodeRecord({ format: 1, ...swap }), { temp: join(dir, swap.comes) })
  syncDir(dir)
  completeSwap(dir, swap)
}

/** Does what is left of a swap: what is done already is passed over. */
export function completeSwap(dir: string, swap: Swap): void {
  const [comes, keeps] = [join(dir, swap.comes), join(dir, swap.keeps)]
  const { marker, head } = layoutOf(dir)
  makeDir(join(dir, 'old'))
  makeDir(keeps)
  keepMarker(marker, keeps, comes)
  // while folders move the marker says the older format, which no command but this one takes
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
  // its folders are elsewhere by now
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
  if (bytes === undefined) throw fileDamaged(path, 'the tree that comes has no marker')
  replaceFile(layoutOf(dir).marker, bytes, { temp: comes })
  syncDir(dir)
}

/** Renames unless it is done; both folders are durable when it returns. */
function move(fromDir: string, from: string, toDir: string, to: string): void {
  if (!moveFile(from, to)) return
  syncDir(toDir)
  syncDir(fromDir)
}

/** The newest tree that was kept when this format came; undefined when there is none. */
export function keptTree(dir: string, to: number): (Swap & { readonly place: string }) | undefined {
  const kept = listDir(join(dir, 'old')).flatMap((name) => {
    const place = `old/${name}`
    if (!isPlace(place)) return []
    const swap = readSwap(join(dir, place, RECORD))
    return swap === undefined || swap.to !== to ? [] : [{ ...swap, place }]
  })
  return kept.sort((a, b) => (a.at < b.at ? 1 : -1))[0]
}

/** Trees that an interrupted migration built and nothing counts on. */
export function dropWork(dir: string): void {
  for (const name of listDir(dir)) if (/^upgrade-\d+-\d+$/.test(name)) dropTree(join(dir, name))
}

/** What a marker of any format says. */
export interface AnyMarker {
  readonly format: number
  readonly generation: number
  readonly test?: true
}

const ANY_MARKER = objectOf({ format: isCount, generation: isCount })

/** The marker in a folder; undefined where there is none. Throws `file-damaged`. */
export function markerIn(dir: string): AnyMarker | undefined {
  const path = layoutOf(dir).marker
  const bytes = readIfExists(path, 65536)
  if (bytes === undefined) return undefined
  const marker = parseObject(bytes, path)
  const { format, generation, test } = marker
  if (!ANY_MARKER({ format: format ?? null, generation: generation ?? null }))
    throw fileDamaged(path, 'format or generation is wrong')
  return { format: Number(format), generation: Number(generation), ...(test === true ? { test } : {}) }
}
