/**
 * Where a lost file may still lie: in its place, archived, moved aside, in a copy or backup that the operator names.
 * Invariant: bytes count only by their hash; a read error is thrown and never taken for damage.
 */
import { join } from 'node:path'
import { AppError } from '../../base/errors.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { AggregateId } from '../../eventsourcing/types.js'
import { archivedRangeOf, pathInArchive, tryReadArchivedIndex } from '../commit/archived-index.js'
import { exists, listDir } from '../disk/fs.js'
import { type Layout, layoutOf } from '../disk/paths.js'
import { readVerified } from '../disk/verified-read.js'

export interface Found {
  readonly path: string
  /** `place` and `archived` are where it belongs; `aside`: `surplus/` or `corrupt/`; `given`: what `--from` names. */
  readonly where: 'place' | 'archived' | 'aside' | 'given'
}

/** What became of one file that a commit vouches for. */
export interface FileEvidence {
  readonly name: string
  readonly found: Found | undefined
  /** Where it belongs and something else lies: paths. */
  readonly damaged: readonly string[]
}

export interface RecoverySources {
  readonly layout: Layout
  /** Data directories, or copies of one. */
  readonly backups: readonly Layout[]
}

/** Throws `recover-from` (usage) where `from` is no copy of a data directory. */
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

/** Looks for a file of an aggregate by hash. Throws `io`. */
export function findFileEvidence(
  { layout, backups: given }: RecoverySources,
  id: AggregateId,
  name: string,
  sha256: Sha256,
): FileEvidence {
  const folder = layout.folder(id)
  const [place, archived] = [join(folder, name), join(folder, 'archived', name)]
  // nearly every file lies in its place: it is read once, and nothing is listed
  const isThere = readVerified(place, sha256) !== undefined
  const wrong = isThere || !exists(place) ? [] : [place]
  const bad = exists(archived) && readVerified(archived, sha256) === undefined ? [...wrong, archived] : wrong
  if (isThere) return { name, found: { path: place, where: 'place' }, damaged: bad }
  const tries: Found[] = [
    ...layout.archived(id, name).map((path) => ({ path, where: 'archived' as const })),
    ...aside(folder, name),
    ...given.flatMap((other) => [
      { path: join(other.folder(id), name), where: 'given' as const },
      ...other.archived(id, name).map((path) => ({ path, where: 'given' as const })),
      ...aside(other.folder(id), name).map(({ path }) => ({ path, where: 'given' as const })),
    ]),
  ]
  for (const found of tries)
    if (!bad.includes(found.path) && readVerified(found.path, sha256) !== undefined)
      return { name, found, damaged: bad }
  return { name, found: onVolume(layout, id, name, sha256), damaged: bad }
}

/** In the folder that it was archived to. */
function onVolume(layout: Layout, id: AggregateId, name: string, sha256: Sha256): Found | undefined {
  const range = archivedRangeOf(tryReadArchivedIndex(layout, id), name)
  if (range === undefined || range.dir === null) return undefined
  const path = pathInArchive(layout, id, range.dir, name)
  return readVerified(path, sha256) === undefined ? undefined : { path, where: 'archived' }
}

function aside(folder: string, name: string): readonly Found[] {
  return ['surplus', 'corrupt'].flatMap((below) =>
    listDir(join(folder, below))
      .filter((other) => other.startsWith(`${name}.`))
      .map((other) => ({ path: join(folder, below, other), where: 'aside' as const })),
  )
}

/** A commit file of this hash, from where it was moved to or from what was given. */
export function findCommitCopy(
  { layout, backups: given }: RecoverySources,
  n: number,
  sha256: Sha256,
): string | undefined {
  const name = `${n}.json`
  const paths = [
    ...aside(layout.commits, name).map((f) => f.path),
    ...given.flatMap((other) => [other.commit(n), ...aside(other.commits, name).map((f) => f.path)]),
  ]
  return paths.find((path) => readVerified(path, sha256) !== undefined)
}
