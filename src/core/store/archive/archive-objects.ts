/**
 * Signed objects that nothing live names go the way of the events that named them: `objects/archived/`, or another folder.
 * Invariants: what a kept snapshot or an event in its place names stays; the list of what waits for its day is replaceable: lost, the day begins anew.
 */
import { dirname, join } from 'node:path'
import type { Json } from '../../base/json.js'
import { isCount, isObject, isText, isTime, listOf, objectOf } from '../../base/shape.js'
import { addSeconds, type Instant, instantOf } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import { objectCorrupt } from '../disk/damage.js'
import { listDir, readIfExists, removeFile, statIfExists, syncDir } from '../disk/fs.js'
import type { Layout } from '../disk/paths.js'
import type { StatusFiles } from '../disk/status-files.js'
import { type ArchiveMove, archiveFile, makeDirs, type OnTouched, type Released, verifyArchived } from './archive.js'
import { OVERLAP_SECONDS } from './archive-plan.js'
import type { ArchiveRules } from './archive-survey.js'

export interface DueObject {
  readonly sha256: Sha256
  readonly size: number
  /** The time that the file bears. */
  readonly dated: Instant
}

/** STORED in `status/archived-objects.json`: what is in the archive and in its place as well. */
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

/** Every hash that a stored file names. */
export function hashesIn(bytes: Uint8Array): readonly Sha256[] {
  const text = new TextDecoder().decode(bytes)
  return [...text.matchAll(/"([0-9a-f]{64})"/g)].map((m) => m[1] as Sha256)
}

/** Objects that are old and that nothing in `live` names; those that wait; those whose day is over. */
export function surveyObjects(
  layout: Layout,
  status: StatusFiles,
  live: ReadonlySet<Sha256>,
  rules: Pick<ArchiveRules, 'cutoff' | 'now' | 'dir' | 'generation'>,
): ObjectSurvey {
  const all = readBatches(status).filter((b) => b.generation === rules.generation)
  const isOver = (b: ObjectBatch): boolean => addSeconds(b.since, OVERLAP_SECONDS) <= rules.now
  const known = new Set(all.flatMap((b) => b.objects))
  const due: DueObject[] = []
  const { cutoff } = rules
  if (cutoff !== undefined) {
    for (const folder of placesOf(layout, rules.dir)) {
      for (const found of objectsBelow(folder)) {
        if (live.has(found.sha256) || known.has(found.sha256) || found.dated >= cutoff) continue
        known.add(found.sha256)
        due.push(found)
      }
    }
  }
  return { due, waiting: all.filter((b) => !isOver(b)), release: all.filter(isOver) }
}

/** Where objects lie that may go to `dir`. */
function placesOf(layout: Layout, dir: string | null): readonly string[] {
  return dir === null ? [layout.objects] : [layout.objects, join(layout.objects, 'archived')]
}

/** Objects in the folders `00` to `ff` of a folder, in order. */
export function* objectsBelow(folder: string): Generator<DueObject> {
  for (const part of listDir(folder)) {
    if (!/^[0-9a-f]{2}$/.test(part)) continue
    for (const name of listDir(join(folder, part))) {
      const stat = /^[0-9a-f]{64}$/.test(name) ? statIfExists(join(folder, part, name)) : undefined
      if (stat?.isFile() !== true) continue
      yield { sha256: name as Sha256, size: Number(stat.size), dated: instantOf(Number(stat.mtimeNs / 1_000_000_000n)) }
    }
  }
}

function passageOf(layout: Layout, dir: string | null, from: string, { sha256, dated }: DueObject): ArchiveMove {
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
  throw objectCorrupt('object-missing', path, 'it was there a moment ago')
}

/** Puts objects into the archive and then onto the list. */
export function archiveObjects(
  layout: Layout,
  status: StatusFiles,
  due: readonly DueObject[],
  rules: Pick<ArchiveRules, 'now' | 'dir' | 'generation'>,
  touched: OnTouched,
): void {
  const folders = new Set<string>()
  for (const object of due) {
    const passage = passageOf(layout, rules.dir, layout.object(object.sha256), object)
    const folder = dirname(passage.to)
    if (!folders.has(folder)) makeDirs(folder, rules.dir ?? layout.objects)
    folders.add(folder)
    archiveFile(passage, rules.dir, touched)
  }
  for (const folder of folders) syncDir(folder)
  const { now: since, generation, dir } = rules
  const batch: ObjectBatch = { since, generation, dir, objects: due.map((d) => d.sha256) }
  writeBatches(status, [...readBatches(status), batch])
}

/** Takes objects whose day is over out of their place, but for those that came to life again. */
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
  for (const sha256 of objects.filter((o) => !live.has(o))) {
    for (const place of placesOf(layout, batch.dir)) {
      const from = join(place, sha256.slice(0, 2), sha256)
      const stat = statIfExists(from)
      const object = { sha256, size: 0, dated: instantOf(Number((stat?.mtimeNs ?? 0n) / 1_000_000_000n)) }
      if (stat === undefined || !verifyArchived(passageOf(layout, batch.dir, from, object), batch.dir, touched))
        continue
      if (removeFile(from)) {
        touched()
        ;[files, bytes] = [files + 1, bytes + Number(stat.size)]
      }
      folders.add(dirname(from))
    }
  }
  for (const folder of folders) syncDir(folder)
  const done = new Set(objects)
  writeBatches(
    status,
    readBatches(status).flatMap((b) => {
      const left = b.since === batch.since && b.dir === batch.dir ? b.objects.filter((o) => !done.has(o)) : b.objects
      return left.length === 0 ? [] : [{ ...b, objects: left }]
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
  // the day that a report names would begin anew
  else status.write(NAME, { batches: batches as unknown as Json }, { durable: true })
}
