/**
 * Packs old files of history into segments, for `tick`, and removes what became superfluous a day later.
 * Invariants: found without the write lock and done under it in short batches; after an interruption the next run continues; only a history
 * whose newest commit is of format 4 loses a single file, since older programs do not read segments.
 */
import { isCount, isObject, isText, isTime, listOf, objectOf } from '../../base/shape.js'
import { addSeconds, type Instant } from '../../base/time.js'
import { cutoffOf } from '../../store/archive/archive-plan.js'
import { forgetReleased, releasedObjects } from '../../store/archive/packed-objects.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import type { FileWriter } from '../../store/commit/writer.js'
import { droppedFiles, type IsDropped } from '../../store/packing/dropped.js'
import { isOver, type Overlap } from '../../store/packing/pack-rules.js'
import { type PackingSurvey, packedNames, surveyPacking } from '../../store/packing/pack-survey.js'
import {
  findSuperfluous,
  leaveOutDropped,
  packedFolders,
  packFiles,
  removeSuperfluous,
  type Superfluous,
} from '../../store/packing/segments.js'
import type { Session } from '../session/session.js'

export interface PackingReport {
  /** Number of files that were added to segments. */
  readonly packed: number
  /** Number of single files and smaller segments that were removed. */
  readonly removed: number
}

/** STORED in `status/packing.json`. Replaceable: if it is lost, what waits for removal waits for another day. */
interface PackingNotes {
  /** Time of the last run. */
  readonly at: Instant
  /** Generation of the directory then: in another one, as of a copy, everything waits again. */
  readonly generation: number
  readonly liveObjects: number
  readonly overlaps: readonly Overlap[]
}

export interface PackingOptions {
  /** Fewest files of a folder that are packed at once. */
  readonly fewest?: number
}

const NAME = 'packing'
const DAY = 86400
const isNotes = objectOf({
  at: isTime,
  generation: isCount,
  liveObjects: isCount,
  overlaps: listOf(objectOf({ segment: isText, 'holder?': isText, since: isTime })),
})

/**
 * Packs once a day if `pack_threshold_days` is set. What is packed and waits is finished without it. Returns undefined if nothing was due.
 * Throws `locked`, `io`, `corrupt`.
 */
export async function packDaily(session: Session, options: PackingOptions = {}): Promise<PackingReport | undefined> {
  const { store } = session
  const found = await store.read(async (reader) => survey(session, reader, options))
  if (found === undefined) return undefined
  const { layout } = store
  const { now, superfluous, isDropped } = found
  const ran = { packed: 0, removed: 0 }
  const touched = (): void => touch(session)
  const rule = (folder: string) => ({ ...options, isDropped: (name: string) => isDropped(folder, name) })
  for (const { folder, due } of found.homes)
    for (let rest = due; rest.length > 0; ) {
      const done = await store.write(async (writer) => {
        begin(session, writer)
        return packFiles(layout, folder, rest, touched, rule(folder))
      })
      ran.packed += done.files
      rest = done.rest
    }
  for (const folder of found.leaner)
    await store.write(async () => leaveOutDropped(layout, folder, touched, rule(folder)))
  for (const one of superfluous.filter(({ since }) => isOver(since, now)))
    await store.write(async (writer) => {
      if (writer.commitAt(writer.head).record.format >= 4)
        ran.removed += removeSuperfluous(layout, one, now, touched, rule(one.folder).isDropped)
    })
  await store.read(async (reader) => writeNotes(session, reader, found))
  return ran
}

interface Found extends PackingSurvey {
  readonly now: Instant
  /** Files and segments that are superfluous, some of them for a day. */
  readonly superfluous: readonly Superfluous[]
  /** Folders with segments from which the archive has taken files. */
  readonly leaner: readonly string[]
  readonly isDropped: IsDropped
}

function survey(session: Session, reader: StoreReader, { fewest }: PackingOptions): Found | undefined {
  const { layout, status, marker } = session.store
  // format 3 begins with the next archive run
  if (reader.at === undefined || reader.commitAt(reader.head).record.format < 3) return undefined
  const days = session.config.packThresholdDays
  const folders = foldersOf(session, reader)
  if (days === undefined && folders.length === 0) return undefined
  const now = session.clockFor(reader).now()
  const stored = status.read(NAME)
  const notes = isObject(stored) && isNotes(stored) ? (stored as unknown as PackingNotes) : undefined
  const isOwn = notes?.generation === marker.generation
  if (isOwn && notes.at <= now && addSeconds(notes.at, DAY) > now) return undefined
  const isDropped = droppedFiles(layout, status, reader, now)
  const liveObjects = isOwn ? notes.liveObjects : 0
  const rules = { liveObjects, released: releasedObjects(status), ...(fewest === undefined ? {} : { fewest }) }
  const found =
    days === undefined
      ? { homes: [], liveObjects }
      : surveyPacking(layout, reader, { ...rules, cutoff: cutoffOf(now, reader.at, days * DAY) })
  const superfluous = superfluousIn(session, folders, now, isOwn ? notes.overlaps : [], isDropped)
  const leaner = folders.filter((folder) => [...packedNames(folder)].some((name) => isDropped(folder, name)))
  return { ...found, now, superfluous, leaner, isDropped }
}

function foldersOf({ store: { layout } }: Session, reader: StoreReader): readonly string[] {
  return packedFolders(
    layout,
    reader.roster().map((id) => layout.folder(id)),
  )
}

function superfluousIn(
  { store: { layout } }: Session,
  folders: readonly string[],
  now: Instant,
  known: readonly Overlap[],
  isDropped: IsDropped,
): readonly Superfluous[] {
  return folders.flatMap((folder) => findSuperfluous(layout, folder, known, now, (name) => isDropped(folder, name)))
}

/** Notes what is superfluous after the run, so that its day begins. */
function writeNotes(session: Session, reader: StoreReader, { now, liveObjects, superfluous, isDropped }: Found): void {
  const { layout, status, marker } = session.store
  const left = superfluousIn(session, foldersOf(session, reader), now, superfluous, isDropped)
  const overlaps = left.map(({ segment, holder, since }) => ({
    segment,
    since,
    ...(holder === undefined ? {} : { holder }),
  }))
  status.write(NAME, { at: now, generation: marker.generation, liveObjects, overlaps })
  const objects = packedNames(layout.objects)
  forgetReleased(status, (name) => objects.has(name))
}

/** Commits the beginning of format 4 before the first segment is written. */
function begin(session: Session, writer: FileWriter): void {
  if (writer.commitAt(writer.head).record.format >= 4) return
  writer.commitPacking()
  touch(session)
}

function touch(session: Session): void {
  if (session.options.watch !== undefined) session.options.watch.changed = 'yes'
}
