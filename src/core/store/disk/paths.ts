/** Paths of all files in DATA_DIR. Invariant: a path is built only from parsed handles, numbers and hashes, never from unchecked input. */
import { join } from 'node:path'
import { encodeHandle } from '../../base/handle.js'
import type { KeyId, Sha256 } from '../../crypto/ports.js'
import type { AggregateId, Kind } from '../../eventsourcing/types.js'

export const KIND_FOLDERS: Readonly<Record<Kind, string>> = {
  ca: 'cas',
  pubd: 'pubd',
  ta: 'ta',
  ha: 'ha',
  est: 'est',
}

export interface Layout {
  readonly dir: string
  readonly marker: string
  readonly commits: string
  readonly objects: string
  readonly keys: string
  readonly pool: string
  /** The key that signs checkpoints, beside the other keys so that a backup includes it. */
  readonly auditKey: string
  readonly status: string
  readonly head: string
  readonly origin: string
  /** Staging folder for files that are being written; each new lock holder empties it. */
  readonly temp: string
  readonly lock: string
  readonly lockFolder: string
  readonly lockOwnerFile: string
  commit(n: number): string
  object(sha256: Sha256): string
  key(id: KeyId): string
  poolKey(id: KeyId): string
  folder(id: AggregateId): string
  /** Every path that an archived file of an aggregate may have, the one in its own `archived/` first. */
  archived(id: AggregateId, name: string): readonly string[]
  archivedObject(sha256: Sha256): readonly string[]
}

/**
 * Builds the paths of a data directory. `archives` are folders with files that were archived or moved out of `archived/`: laid out as by
 * `archive --to`, as a copy of a data directory, or as bare files.
 */
export function layoutOf(dir: string, archives: readonly string[] = []): Layout {
  const commits = join(dir, 'commits')
  const objects = join(dir, 'objects')
  const keys = join(dir, 'keys')
  const pool = join(keys, 'pool')
  const status = join(dir, 'status')
  return {
    dir,
    commits,
    objects,
    keys,
    pool,
    auditKey: join(keys, 'audit'),
    status,
    marker: join(dir, 'brine.json'),
    head: join(status, 'head.json'),
    origin: join(status, 'origin.json'),
    temp: join(dir, 'tmp'),
    lock: join(dir, '.lock'),
    lockFolder: join(dir, '.lock.d'),
    lockOwnerFile: join(dir, '.lock-owner'),
    commit: (n) => join(commits, `${n}.json`),
    object: (sha256) => join(objects, sha256.slice(0, 2), sha256),
    key: (id) => join(keys, id),
    poolKey: (id) => join(pool, id),
    folder: (id) => join(dir, folderName(id)),
    archived: (id, name) => [
      join(dir, folderName(id), 'archived', name),
      ...archives.flatMap((a) => [
        join(a, folderName(id), name),
        join(a, folderName(id), 'archived', name),
        join(a, name),
      ]),
    ],
    archivedObject: (sha256) =>
      [
        join(objects, 'archived'),
        ...archives.flatMap((a) => [join(a, 'objects'), join(a, 'objects', 'archived'), a]),
      ].map((folder) => join(folder, sha256.slice(0, 2), sha256)),
  }
}

/** Returns the folder of an aggregate relative to a data directory or an archive: `cas/acme`. */
export function folderName(id: AggregateId): string {
  return join(KIND_FOLDERS[id.kind], encodeHandle(id.handle))
}

export function eventName(version: number): string {
  return `event-${version}.json`
}

export function commandName(sequence: number): string {
  return `command-${sequence}.json`
}

export function snapshotName(version: number): string {
  return `snapshot-${version}.json`
}

/** Parses the name of an event, command or snapshot file; undefined for any other name. */
export function parseFileName(
  name: string,
): { readonly type: 'event' | 'command' | 'snapshot'; readonly n: number } | undefined {
  const m = /^(event|command|snapshot)-(0|[1-9]\d{0,14})\.json$/.exec(name)
  const type = m?.[1]
  if (type !== 'event' && type !== 'command' && type !== 'snapshot') return undefined
  return { type, n: Number(m?.[2]) }
}
