/**
 * Finds a lost file by its hash: in place, archived, quarantined, or in a copy or backup that the operator names.
 * Invariant: bytes count only if their hash matches; a read error is thrown and never taken for damage.
 */
import { join } from 'node:path'
import { AppError } from '../../base/errors.js'
import type { Sha256 } from '../../crypto/ports.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import { archivedRangeOf, pathInArchive, tryReadArchivedIndex } from '../commit/archived-index.js'
import type { ArchivedRange } from '../commit/archived-ranges.js'
import { exists, isOnDisk, listDir } from '../disk/fs.js'
import { type Layout, layoutOf } from '../disk/paths.js'
import { readVerified } from '../disk/verified-read.js'

export interface Found {
  readonly path: string
  /** `place` and `archived`: where it belongs; `aside`: in `surplus/` or `corrupt/`; `given`: in a copy that `--from` names. */
  readonly where: 'place' | 'archived' | 'aside' | 'given'
}

/** Result of the search for one file that a commit references. */
export interface FileEvidence {
  readonly name: string
  readonly found: Found | undefined
  /** Paths where it belongs but that have other content. */
  readonly damaged: readonly string[]
}

export interface RecoverySources {
  readonly layout: Layout
  /** Copies of the data directory and restored backups. */
  readonly backups: readonly Layout[]
  /** Repaired archive indexes, by name of the aggregate, which count instead of those in place. */
  readonly indexes?: ReadonlyMap<string, readonly ArchivedRange[]>
}

/** Returns the places that a recovery reads. Throws `recover-from` (usage) if a path of `from` is not a copy of a data directory. */
export function recoverySources(layout: Layout, from: readonly string[]): RecoverySources {
  for (const dir of from) {
    if (exists(join(dir, 'commits'))) continue
    throw new AppError('usage', 'recover-from', `${dir}: not a copy of a data directory`, {
      hint: 'give a copy of a data directory, a restored directory, or a backup file',
      details: { path: dir },
    })
  }
  return { layout, backups: from.map((dir) => layoutOf(dir)) }
}

/** Searches for a file of an aggregate by hash. Throws `io`. */
export function findFileEvidence(
  sources: RecoverySources,
  id: AggregateId,
  name: string,
  sha256: Sha256,
): FileEvidence {
  const { layout, backups: given } = sources
  const folder = layout.folder(id)
  const [place, archived] = [join(folder, name), join(folder, 'archived', name)]
  // nearly every file is in place: it is read once, and no folder is listed
  const isThere = readVerified(place, sha256) !== undefined
  // a damaged entry of a segment cannot be moved: a file that is restored in its place is read before it
  const damagedInPlace = isThere || !isOnDisk(place) ? [] : [place]
  const damaged =
    isOnDisk(archived) && readVerified(archived, sha256) === undefined ? [...damagedInPlace, archived] : damagedInPlace
  if (isThere) return { name, found: { path: place, where: 'place' }, damaged }
  const candidates: Found[] = [
    ...layout.archived(id, name).map((path) => ({ path, where: 'archived' as const })),
    ...quarantinedCopies(folder, name),
    ...given.flatMap((other) => [
      { path: join(other.folder(id), name), where: 'given' as const },
      ...other.archived(id, name).map((path) => ({ path, where: 'given' as const })),
      ...quarantinedCopies(other.folder(id), name).map(({ path }) => ({ path, where: 'given' as const })),
    ]),
  ]
  for (const found of candidates)
    if (!damaged.includes(found.path) && readVerified(found.path, sha256) !== undefined) return { name, found, damaged }
  return { name, found: inArchiveFolder(sources, id, name, sha256), damaged }
}

/** Returns the repaired archive index of an aggregate, or the one in place; an empty list if it is damaged. Throws `io`. */
export function archivedIndexOf({ layout, indexes }: RecoverySources, id: AggregateId): readonly ArchivedRange[] {
  return indexes?.get(formatAggregateId(id)) ?? tryReadArchivedIndex(layout, id)
}

/** Searches the folder that the file was archived to. */
function inArchiveFolder(sources: RecoverySources, id: AggregateId, name: string, sha256: Sha256): Found | undefined {
  const { layout } = sources
  const range = archivedRangeOf(archivedIndexOf(sources, id), name)
  if (range === undefined || range.dir === null) return undefined
  const path = pathInArchive(layout, id, range.dir, name)
  return readVerified(path, sha256) === undefined ? undefined : { path, where: 'archived' }
}

function quarantinedCopies(folder: string, name: string): readonly Found[] {
  return ['surplus', 'corrupt'].flatMap((below) =>
    listDir(join(folder, below))
      .filter((other) => other.startsWith(`${name}.`))
      .map((other) => ({ path: join(folder, below, other), where: 'aside' as const })),
  )
}

/** Finds a commit file of this hash in quarantine or in a copy, and returns its path. Throws `io`. */
export function findCommitCopy(
  { layout, backups: given }: RecoverySources,
  n: number,
  sha256: Sha256,
): string | undefined {
  const name = `${n}.json`
  const paths = [
    ...quarantinedCopies(layout.commits, name).map((f) => f.path),
    ...given.flatMap((other) => [other.commit(n), ...quarantinedCopies(other.commits, name).map((f) => f.path)]),
  ]
  return paths.find((path) => readVerified(path, sha256) !== undefined)
}
