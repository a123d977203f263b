/**
 * Promotes a stand-by to primary, and demotes a primary.
 * Invariant: nothing is deleted; `origin.json` is written last, so an interrupted promote leaves a stand-by that can be promoted again.
 */
import { join } from 'node:path'
import { AppError, hintThen, rewrap } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import type { AnyMarker, Marker } from '../directory/data-dir.js'
import { readMarker, writeMarker } from '../directory/data-dir.js'
import { readInstallationId, roleOf, thisInstallation, writeInstallationId } from '../directory/installation-id.js'
import { readInfo, writeHeadCache, writeInfo } from '../disk/caches.js'
import { exists, listDir, makeDir, removeFile, syncDir } from '../disk/fs.js'
import { KIND_FOLDERS, type Layout } from '../disk/paths.js'
import { syncTree } from '../disk/sync-tree.js'
import { listCommits } from './commit-log.js'
import { filesBeyond, quarantine } from './quarantine.js'
import type { StoreReader } from './store-reader.js'

export interface Promotion {
  /** The commit that is the head from now on. */
  readonly commit: number
  readonly generation: number
  /** Newer commits that were incomplete here: moved to `commits/surplus/`. */
  readonly dropped: readonly number[]
  /** Files that were moved to `surplus/`: aggregate and name. */
  readonly moved: readonly string[]
}

/**
 * Makes this directory the primary as of the reader's revision, in a new generation above its own and `above`. The caller holds the lock
 * and has wiped the key pool. Rethrows the error that stopped it with `changed: yes` if something was moved or raised before; throws
 * `promote-uncertain` if it is the primary but that may not be durable.
 */
export function promoteAt(layout: Layout, reader: StoreReader, marker: Marker, at: Instant, above = 0): Promotion {
  const quarantined = countQuarantined(layout)
  try {
    return runPromotion(layout, reader, marker, at, above)
  } catch (error) {
    throw error instanceof AppError
      ? interruptedPromotion(layout, marker, countQuarantined(layout) !== quarantined, error)
      : error
  }
}

/** Counts the files in all `surplus/` folders. */
function countQuarantined(layout: Layout): number {
  const folders = Object.values(KIND_FOLDERS).flatMap((kind) =>
    listDir(join(layout.dir, kind)).map((name) => join(layout.dir, kind, name)),
  )
  return [layout.commits, ...folders].reduce((sum, folder) => sum + listDir(join(folder, 'surplus')).length, 0)
}

function interruptedPromotion(layout: Layout, before: Marker, moved: boolean, cause: AppError): AppError {
  const { generation } = readMarker(layout.dir)
  if (generation !== before.generation && roleOf(layout.dir, { generation }).role === 'primary')
    return notDurable('promote-uncertain', 'the primary', cause)
  const done = generation !== before.generation ? `its generation is ${generation} now` : 'files were moved to surplus/'
  if (generation === before.generation && !moved) return cause
  return rewrap(cause, {
    message: `still a stand-by, but ${done}: ${cause.message}`,
    hint: hintThen(cause, 'then: brine promote --reason "…"'),
    changed: 'yes',
  })
}

function notDurable(code: string, what: string, cause: AppError): AppError {
  return rewrap(cause, {
    kind: 'uncertain',
    code,
    message: `this directory is ${what} now, but that may not be durable: ${cause.message}`,
    hint: 'brine status says what it is',
    changed: 'unknown',
    retry: false,
  })
}

function runPromotion(layout: Layout, reader: StoreReader, marker: Marker, at: Instant, above: number): Promotion {
  makeDir(layout.temp)
  // the copying program may not have synced the files that everything after this builds on
  syncTree(layout.dir, layout.temp)
  const dropped = listCommits(layout).filter((n) => n > reader.head)
  quarantine(
    layout.commits,
    'surplus',
    [...dropped].reverse().map((n) => `${n}.json`),
  )
  const moved = clearFolders(layout, reader)
  // a copy may have a marker from before a promote or a recovery, and commits from after it
  const generation = Math.max(marker.generation, reader.lastGeneration, above) + 1
  // before the head cache, which makes this directory look like the original, so that no command runs without renumbering
  writeMarker(layout.dir, { ...marker, generation })
  if (reader.head > 0)
    writeHeadCache(layout.head, { head: reader.head, sha256: reader.commitAt(reader.head).sha256 }, layout.status)
  else removeFile(layout.head)
  syncDir(layout.status)
  writeInstallationId(layout.dir, thisInstallation(layout.dir, generation, at))
  return { commit: reader.head, generation, dropped, moved }
}

/** Moves everything beyond the revision to `surplus/`, and caches that refer to it, and writes the right caches. */
function clearFolders(layout: Layout, reader: StoreReader): readonly string[] {
  const roster = new Map<string, AggregateId>(reader.roster().map((id) => [layout.folder(id), id]))
  const moved: string[] = []
  for (const kind of Object.values(KIND_FOLDERS)) {
    for (const name of listDir(join(layout.dir, kind))) {
      const folder = join(layout.dir, kind, name)
      const id = roster.get(folder)
      const files = clearFolder(layout, reader, folder, id)
      const who = id === undefined ? `${kind}/${name}` : formatAggregateId(id)
      moved.push(...files.map((file) => `${who}: ${file}`))
    }
  }
  return moved
}

function clearFolder(
  layout: Layout,
  reader: StoreReader,
  folder: string,
  id: AggregateId | undefined,
): readonly string[] {
  const expected = id === undefined ? undefined : reader.infoOf(id)
  const names = filesBeyond(folder, expected?.version ?? 0, expected?.sequence ?? 0)
  const info = readInfo(folder)
  const stale = info !== undefined && (expected === undefined || info === 'damaged' || info.commit > reader.head)
  const links = ['snapshot.json', 'snapshot-bk.json'].filter((link) => names.length > 0 && exists(join(folder, link)))
  const moved = quarantine(folder, 'surplus', [...names, ...links, ...(stale ? ['info.json'] : [])])
  if (expected !== undefined) {
    writeInfo(folder, expected, layout.temp)
    syncDir(folder)
  }
  return moved
}

/** Makes this directory a stand-by. The caller holds the lock. Throws `demote-uncertain` if it is one but that may not be durable. */
export function demoteAt(layout: Layout, marker: AnyMarker, at: Instant, reason: string): void {
  const id = readInstallationId(layout.dir) ?? thisInstallation(layout.dir, marker.generation, at)
  try {
    writeInstallationId(layout.dir, { ...id, demoted: { at, reason } })
  } catch (error) {
    if (!(error instanceof AppError) || roleOf(layout.dir, marker).role === 'primary') throw error
    throw notDurable('demote-uncertain', 'a stand-by', error)
  }
}
