/**
 * Signed objects that nothing live references are archived together with the events that referenced them: to `objects/archived/` or another
 * folder.
 * Invariants: an object that a kept snapshot or an event in its original place references stays; the list of objects that wait for removal
 * is replaceable: if it is lost, the waiting time starts again.
 */
import { dirname, join } from 'node:path'
import type { Json } from '../../base/json.js'
import { isCount, isObject, isText, isTime, listOf, objectOf } from '../../base/shape.js'
import { addSeconds, type Instant, instantOf } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import { objectCorrupt } from '../disk/damage.js'
import { isOnDisk, listDir, listDisk, readIfExists, removeFile, statIfExists, syncDir } from '../disk/fs.js'
import type { Layout } from '../disk/paths.js'
import type { StatusFiles } from '../disk/status-files.js'
import { type ArchiveMove, archiveFile, makeDirs, type OnTouched, type Released, verifyArchived } from './archive.js'
import { OVERLAP_SECONDS } from './archive-plan.js'
import type { ArchiveRules } from './archive-survey.js'
import { addReleased, releasedObjects } from './packed-objects.js'

export interface DueObject {
  readonly sha256: Sha256
  readonly size: number
  /** Modification time of the file. */
  readonly dated: Instant
}

/** STORED in `status/archived-objects.json`: objects that are in the archive and still in their original place. */
export interface ObjectBatch {
  readonly since: Instant
  readonly generation: number
  readonly dir: string | null
  readonly objects: readonly Sha256[]
}

export interface ObjectSurvey {
  readonly due: readonly DueObject[]
  readonly waiting: readonly ObjectBatch[]
  readonly release: readonly ObjectBatch[]
}

const NAME = 'archived-objects'
const isBatch = objectOf({
  since: isTime,
  generation: isCount,
  dir: (v) => v === null || isText(v),
  objects: listOf((v) => typeof v === 'string' && /^[0-9a-f]{64}$/.test(v)),
})

/** Returns every SHA-256 that a stored file contains. */
export function hashesIn(bytes: Uint8Array): readonly Sha256[] {
  const text = new TextDecoder().decode(bytes)
  return [...text.matchAll(/"([0-9a-f]{64})"/g)].map((m) => m[1] as Sha256)
}

/** Finds old objects that are not in `live`, batches that still wait, and batches whose waiting time is over. Throws `io`. */
export function surveyObjects(
  layout: Layout,
  status: StatusFiles,
  live: ReadonlySet<Sha256>,
  rules: Pick<ArchiveRules, 'cutoff' | 'now' | 'dir' | 'generation'>,
): ObjectSurvey {
  const all = readBatches(status).filter((b) => b.generation === rules.generation)
  const isOver = (b: ObjectBatch): boolean => addSeconds(b.since, OVERLAP_SECONDS) <= rules.now
  const known = new Set<string>([...all.flatMap((b) => b.objects), ...releasedObjects(status)])
  const due: DueObject[] = []
  const { cutoff } = rules
  if (cutoff !== undefined) {
    for (const folder of placesOf(layout, rules.dir)) {
      for (const found of objectsBelow(folder, listDir)) {
        if (live.has(found.sha256) || known.has(found.sha256) || found.dated >= cutoff) continue
        known.add(found.sha256)
        due.push(found)
      }
    }
  }
  return { due, waiting: all.filter((b) => !isOver(b)), release: all.filter(isOver) }
}

/** Returns the folders from which objects are archived to `dir`. */
function placesOf(layout: Layout, dir: string | null): readonly string[] {
  return dir === null ? [layout.objects] : [layout.objects, join(layout.objects, 'archived')]
}

/**
 * Yields the objects in the subfolders `00` to `ff` of a folder, in order: those on disk, or with `listDir` the packed ones as well. Throws
 * `io`.
 */
export function* objectsBelow(folder: string, list: typeof listDir = listDisk): Generator<DueObject> {
  for (const part of list(folder)) {
    if (!/^[0-9a-f]{2}$/.test(part)) continue
    for (const name of list(join(folder, part))) {
      const stat = /^[0-9a-f]{64}$/.test(name) ? statIfExists(join(folder, part, name)) : undefined
      if (stat?.isFile() !== true) continue
      yield { sha256: name as Sha256, size: Number(stat.size), dated: instantOf(Number(stat.mtimeNs / 1_000_000_000n)) }
    }
  }
}

function moveOf(layout: Layout, dir: string | null, from: string, { sha256, dated }: DueObject): ArchiveMove {
  return {
    from,
    to: join(dir === null ? join(layout.objects, 'archived') : join(dir, 'objects'), sha256.slice(0, 2), sha256),
    sha256,
    mode: 0o644,
    dated,
    bytes: () =>
      readIfExists(from) ?? readIfExists(join(layout.objects, 'archived', sha256.slice(0, 2), sha256)) ?? lost(from),
  }
}

function lost(path: string): never {
  throw objectCorrupt('object-missing', path, 'object disappeared while it was being archived')
}

/** Copies objects to the archive and then adds them to the waiting list. Throws `io`, `corrupt`. */
export function archiveObjects(
  layout: Layout,
  status: StatusFiles,
  due: readonly DueObject[],
  rules: Pick<ArchiveRules, 'now' | 'dir' | 'generation'>,
  touched: OnTouched,
): void {
  const folders = new Set<string>()
  for (const object of due) {
    const move = moveOf(layout, rules.dir, layout.object(object.sha256), object)
    const folder = dirname(move.to)
    if (!folders.has(folder)) makeDirs(folder, rules.dir ?? layout.objects)
    folders.add(folder)
    archiveFile(move, rules.dir, touched)
  }
  for (const folder of folders) syncDir(folder)
  const { now: since, generation, dir } = rules
  const batch: ObjectBatch = { since, generation, dir, objects: due.map((d) => d.sha256) }
  writeBatches(status, [...readBatches(status), batch])
}

/** Removes archived objects from their original place, except those that are referenced again. Throws `io`, `corrupt`. */
export function releaseObjects(
  layout: Layout,
  status: StatusFiles,
  batch: ObjectBatch,
  objects: readonly Sha256[],
  live: ReadonlySet<Sha256>,
  touched: OnTouched,
): Released {
  let [files, bytes] = [0, 0]
  const folders = new Set<string>()
  const packed: Sha256[] = []
  for (const sha256 of objects.filter((o) => !live.has(o))) {
    for (const place of placesOf(layout, batch.dir)) {
      const from = join(place, sha256.slice(0, 2), sha256)
      const stat = statIfExists(from)
      const object = { sha256, size: 0, dated: instantOf(Number((stat?.mtimeNs ?? 0n) / 1_000_000_000n)) }
      if (stat === undefined || !verifyArchived(moveOf(layout, batch.dir, from, object), batch.dir, touched)) continue
      if (!isOnDisk(from)) packed.push(sha256)
      else if (removeFile(from)) {
        touched()
        ;[files, bytes] = [files + 1, bytes + Number(stat.size)]
      }
      folders.add(dirname(from))
    }
  }
  for (const folder of folders) if (isOnDisk(folder)) syncDir(folder)
  addReleased(status, packed)
  const done = new Set(objects)
  writeBatches(
    status,
    readBatches(status).flatMap((b) => {
      const remaining =
        b.since === batch.since && b.dir === batch.dir ? b.objects.filter((o) => !done.has(o)) : b.objects
      return remaining.length === 0 ? [] : [{ ...b, objects: remaining }]
    }),
  )
  return { files, bytes }
}

function readBatches(status: StatusFiles): readonly ObjectBatch[] {
  const value = status.read(NAME)
  const batches = isObject(value) ? value['batches'] : undefined
  return Array.isArray(batches) && (batches as readonly Json[]).every(isBatch)
    ? (batches as unknown as readonly ObjectBatch[])
    : []
}

function writeBatches(status: StatusFiles, batches: readonly ObjectBatch[]): void {
  if (batches.length === 0) status.remove(NAME)
  // durable, since otherwise the waiting time that a report gives could start again
  else status.write(NAME, { batches: batches as unknown as Json }, { durable: true })
}
