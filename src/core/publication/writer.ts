/**
 * Writes the published tree from the publication server's state and the signed objects, after the commit; can rebuild it at any time.
 * Invariant: idempotent; the next run completes an interrupted one, and readers see one complete version at any time.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import { equalBytes, utf8 } from '../base/bytes.js'
import { encodeHandle } from '../base/handle.js'
import { claimTree } from './primary-claim.js'
import { type RrdpReport, servedRrdp, writeRrdp } from './rrdp.js'
import { currentTree, type RsyncReport, servedRsync, writeRsync } from './rsync.js'
import { ensureFolder, namesIn, removeFile, replaceFile, textOf, unlessAbsent } from './served-files.js'
import { areModesRight, repairModes } from './served-modes.js'
import { requiredSpace } from './space-estimate.js'
import {
  type OpenTarget,
  openTarget,
  type PublicationTarget,
  type TrustAnchorFiles,
  type WriteOptions,
  writeError,
} from './target.js'
import { readRrdpRecord, readTrees } from './writer-records.js'

export type { PublicationTarget, TrustAnchorFiles, WriteOptions } from './target.js'

export interface WriteReport {
  readonly session: string
  readonly serial: number
  readonly changed: boolean
  readonly rsync: RsyncReport
  readonly rrdp: RrdpReport
  readonly ta: { readonly changed: boolean; readonly files: number }
  /** Parts of a tree that was written before and has been incomplete or modified since: `ta`, `rsync`, `rrdp`, `modes`. */
  readonly repaired: readonly string[]
}

export interface ServedVersion {
  readonly session: string
  readonly serial: number
}

const NO_RSYNC: RsyncReport = { changed: false, tree: '', whole: false, files: 0, bytes: 0, ms: 0 }
const NO_RRDP: RrdpReport = { changed: false, spliced: false, files: 0, bytes: 0, ms: 0 }

/**
 * Updates the published tree to the current state; writes nothing if it is current. Called by the lock holder, after the commit. Throws
 * `standby-superseded` if another primary has claimed the tree, `repository-write` (io) with the file, `object-missing` or
 * `object-damaged` (corrupt); readers still see a complete version then, and the next call completes the update.
 */
export function writeTree(options: WriteOptions): WriteReport {
  const site = openTarget(options)
  const { sessionId: session, serial } = site.state
  try {
    if (site.primary !== undefined) claimTree(site, site.primary)
    const before = readRrdpRecord(site.scratch)
    const ta = writeTrustAnchors(site)
    const rsync = serial === 0 ? NO_RSYNC : writeRsync(site)
    const rrdp = serial === 0 ? NO_RRDP : writeRrdp(site)
    const isWritten = rsync.changed || rrdp.changed || ta.changed
    // a change sets the modes of what it writes; the whole tree is looked at if nothing changed, on request, and in a new session
    const isChecked = !isWritten || site.rebuild || before?.session !== session
    const repaired = isChecked ? repairModes(site.disk, site.repoDir, site.scratch) : 0
    // the record is written last: one of this serial shows that all of it was there
    const wasWritten = before?.session === session && before.serial === serial && !site.rebuild
    const parts = [ta.changed && 'ta', rsync.changed && 'rsync', rrdp.changed && 'rrdp', repaired > 0 && 'modes']
    const isRepaired = wasWritten ? parts.filter((part) => part !== false) : []
    return { session, serial, changed: isWritten || repaired > 0, rsync, rrdp, ta, repaired: isRepaired }
  } catch (error) {
    throw writeError(error, options.repoDir, () => requiredSpace(site))
  }
}

/** Folders of publishers whose files are not looked at; false: no modes are. */
export type ModesCheck = ReadonlySet<string> | false

/**
 * Returns true if the published tree is known to be current and, with `modes`, readable. Takes one stat call for each folder, with the modes
 * for each file, and no lock.
 */
export function isTreeCurrent(site: PublicationTarget, modes: ModesCheck = new Set()): boolean {
  const { repoDir, state } = site
  const scratch = join(repoDir, '.state')
  if (trustAnchorNames(site.ta ?? []).some(([name, bytes]) => !isSame(join(repoDir, 'ta', name), bytes))) return false
  if (modes !== false && !areModesRight(repoDir, modes)) return false
  if (state.serial === 0) return true
  return (
    servedRsync({ ...site, scratch }) !== undefined && servedRrdp(repoDir, state, readRrdpRecord(scratch)) !== undefined
  )
}

/** Returns the versions that are served: RRDP from its notification, rsync from its record; null if unknown. */
export function servedSerials(repoDir: string): {
  readonly rrdp: ServedVersion | null
  readonly rsync: ServedVersion | null
} {
  const scratch = join(repoDir, '.state')
  const notification = textOf(join(repoDir, 'rrdp', 'notification.xml')) ?? ''
  const said = /session_id="([0-9a-f-]+)" serial="(\d+)"/.exec(notification)
  const name = currentTree(repoDir)
  const tree = readTrees(scratch)?.find((t) => t.name === name && t.serial > 0)
  return {
    rrdp: said === null ? null : { session: said[1] ?? '', serial: Number(said[2]) },
    rsync: tree === undefined ? null : { session: tree.session, serial: tree.serial },
  }
}

/**
 * Returns true if a path belongs to a publication that is not served yet: to an rsync tree that is not the current one, or to a session or
 * serial that `notification.xml` does not announce. `path` is relative to `repo/`.
 */
export function isUnserved(repoDir: string, path: string): boolean {
  const [part, first, second] = path.split('/')
  if (first === undefined) return false
  if (part === 'rsync') return first !== currentTree(repoDir)
  const { rrdp } = servedSerials(repoDir)
  if (part !== 'rrdp' || rrdp === null) return part === 'rrdp'
  return first !== rrdp.session || Number(second) > rrdp.serial
}

/** Returns the file names below `ta/` with their content. */
export function trustAnchorNames(ta: readonly TrustAnchorFiles[]): readonly (readonly [string, Uint8Array])[] {
  return ta.flatMap(({ handle, certificate, tal }) => {
    const name = encodeHandle(handle)
    return [[`${name}.cer`, certificate] as const, [`${name}.tal`, utf8(tal)] as const]
  })
}

function writeTrustAnchors(site: OpenTarget): WriteReport['ta'] {
  ensureFolder(site.disk, site.repoDir, site.repoDir)
  if (site.ta === undefined) return { changed: false, files: 0 }
  const folder = join(site.repoDir, 'ta')
  const wanted = trustAnchorNames(site.ta)
  const stale = namesIn(folder).filter((name) => /\.(?:cer|tal)$/.test(name) && !wanted.some(([n]) => n === name))
  const due = wanted.filter(([name, bytes]) => site.rebuild || !isSame(join(folder, name), bytes))
  if (due.length > 0) {
    ensureFolder(site.disk, site.scratch, site.repoDir)
    ensureFolder(site.disk, folder, site.repoDir)
  }
  for (const [name, bytes] of due) replaceFile(site.disk, site.scratch, join(folder, name), bytes)
  for (const name of stale) removeFile(site.disk, join(folder, name))
  return { changed: due.length + stale.length > 0, files: due.length }
}

function isSame(path: string, bytes: Uint8Array): boolean {
  const found = unlessAbsent(() => fs.readFileSync(path))
  return found !== undefined && equalBytes(found, bytes)
}
