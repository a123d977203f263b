/** Where everything lies in DATA_DIR. Invariant: a path is made from parsed handles, numbers and hashes alone, never from text of strangers. */
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
  /** The key that signs checkpoints: beside the others, so that a backup has it. */
  readonly auditKey: string
  readonly status: string
  readonly head: string
  readonly origin: string
  /** Files that grow; emptied by each new lock holder. */
  readonly temp: string
  readonly lock: string
  readonly lockFolder: string
  readonly lockOwnerFile: string
  commit(n: number): string
  object(sha256: Sha256): string
  key(id: KeyId): string
  poolKey(id: KeyId): string
  folder(id: AggregateId): string
  /** Every place where an aggregate's file may lie once it was archived, our own first. */
  archived(id: AggregateId, name: string): readonly string[]
  archivedObject(sha256: Sha256): readonly string[]
}

/** `archives`: folders that hold what was archived or moved out of `archived/`: laid out as `archive --to` does, as a copy of a data directory, or the bare files. */
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

/** `cas/acme`: below a data directory and below an archive alike. */
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

/** What a file name in an aggregate's folder says; undefined for any other name. */
export function parseFileName(
  name: string,
): { readonly type: 'event' | 'command' | 'snapshot'; readonly n: number } | undefined {
  const m = /^(event|command|snapshot)-(0|[1-9]\d{0,14})\.json$/.exec(name)
  const type = m?.[1]
  if (type !== 'event' && type !== 'command' && type !== 'snapshot') return undefined
  return { type, n: Number(m?.[2]) }
}
