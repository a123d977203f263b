/**
 * Packs old files of history into segments, for `tick`, or writes them back to their places where the configuration ends packing, and removes what
 * became superfluous a day later.
 * Invariants: found without the write lock and done under it in short batches; after an interruption the next run continues; only a history
 * whose newest commit is of format 4 loses a single file, since older programs do not read segments.
 */
import { isCount, isFlag, isObject, isText, isTime, listOf, objectOf } from '../../base/shape.js'
import { addSeconds, type Instant } from '../../base/time.js'
import { cutoffOf } from '../../store/archive/archive-plan.js'
import { forgetReleased, releasedObjects } from '../../store/archive/packed-objects.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import type { FileWriter } from '../../store/commit/writer.js'
import { droppedFiles, type IsDropped } from '../../store/packing/dropped.js'
import { packedFolders } from '../../store/packing/held-segments.js'
import { isOver, type Overlap } from '../../store/packing/pack-rules.js'
import { type PackingSurvey, packedNames, surveyPacking } from '../../store/packing/pack-survey.js'
import { leaveOutDropped, packFiles } from '../../store/packing/segments.js'
import { findSuperfluous, removeSuperfluous, type Superfluous } from '../../store/packing/superfluous.js'
import { unpackFiles } from '../../store/packing/unpack.js'
import type { Session } from '../session/session.js'

export interface PackingReport {
  /** Number of files that were added to segments. */
  readonly packed: number
  /** Number of packed files that were written back to their places. */
  readonly unpacked: number
  /** Number of single files and segments that were removed. */
  readonly removed: number
}

/** STORED in `status/packing.json`. Replaceable: if it is lost, what waits for removal waits for another day. */
interface PackingNotes {
  /** Time of the last run. */
  readonly at: Instant
  /** Generation of the directory then: in another one, as of a copy, everything waits again. */
  readonly generation: number
  /** True if files were written back; where that changed since, the next run does not wait. */
  readonly unpacks?: boolean
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
  'unpacks?': isFlag,
  liveObjects: isCount,
  overlaps: listOf(objectOf({ segment: isText, 'holder?': isText, since: isTime })),
})

/**
 * Packs once a day if `pack_threshold_days` is set, or writes packed files back if it is 0. What is packed and waits is finished without it.
 * Returns undefined if nothing was due. Throws `locked`, `io`, `corrupt`.
 */
export async function packDaily(session: Session, options: PackingOptions = {}): Promise<PackingReport | undefined> {
  const { store } = session
  const found = await store.read(async (reader) => survey(session, reader, options))
  if (found === undefined) return undefined
  const report = found.unpacks
    ? { packed: 0, unpacked: await unpackAll(session, found) }
    : { packed: await packAll(session, found, options), unpacked: 0 }
  const removed = await removeAll(session, found)
  await store.read(async (reader) => writeNotes(session, reader, found))
  return { ...report, removed }
}

async function packAll(session: Session, found: Found, options: PackingOptions): Promise<number> {
  const { store } = session
  const { layout } = store
  const touched = (): void => touch(session)
  const rule = (folder: string) => ({ ...options, isDropped: (name: string) => found.isDropped(folder, name) })
  let packed = 0
  for (const { folder, due } of found.homes)
    for (let rest = due; rest.length > 0; ) {
      const done = await store.write(async (writer) => {
        begin(session, writer)
        return packFiles(layout, folder, rest, touched, rule(folder))
      })
      packed += done.files
      rest = done.rest
    }
  for (const folder of found.leaner)
    await store.write(async () => leaveOutDropped(layout, folder, touched, rule(folder)))
  return packed
}

async function unpackAll(session: Session, { folders, isDropped }: Found): Promise<number> {
  const { store } = session
  let unpacked = 0
  for (const folder of folders)
    for (let hasMore = true; hasMore; ) {
      const run = async () =>
        unpackFiles(
          store.layout,
          folder,
          () => touch(session),
          (name) => isDropped(folder, name),
        )
      const done = await store.write(run)
      unpacked += done.files
      hasMore = done.hasMore
    }
  return unpacked
}

async function removeAll(session: Session, { now, superfluous, isDropped, unpacks }: Found): Promise<number> {
  const { store } = session
  let removed = 0
  for (const one of superfluous.filter(({ since }) => isOver(since, now))) {
    const rules = { unpacks, isDropped: (name: string) => isDropped(one.folder, name) }
    await store.write(async (writer) => {
      if (writer.commitAt(writer.head).record.format >= 4)
        removed += removeSuperfluous(store.layout, one, now, () => touch(session), rules)
    })
  }
  return removed
}

interface Found extends PackingSurvey {
  readonly now: Instant
  /** True: packed files are written back to their places. */
  readonly unpacks: boolean
  /** Folders with segments. */
  readonly folders: readonly string[]
  /** Files and segments that are superfluous, some of them for a day. */
  readonly superfluous: readonly Superfluous[]
  /** Folders with segments from which the archive has taken files. */
  readonly leaner: readonly string[]
  readonly isDropped: IsDropped
}

function survey(session: Session, reader: StoreReader, { fewest }: PackingOptions): Found | undefined {
  const { layout, status } = session.store
  // format 3 begins with the next archive run
  if (reader.at === undefined || reader.commitAt(reader.head).record.format < 3) return undefined
  const days = session.config.packThresholdDays
  const unpacks = days === 0
  const folders = foldersOf(session, reader)
  if ((days === undefined || unpacks) && folders.length === 0) return undefined
  const now = session.clockFor(reader).now()
  const notes = readNotes(session)
  const isSame = notes !== undefined && (notes.unpacks ?? false) === unpacks
  if (isSame && notes.at <= now && addSeconds(notes.at, DAY) > now) return undefined
  const isDropped = droppedFiles(layout, status, reader, now)
  const liveObjects = notes?.liveObjects ?? 0
  const rules = { liveObjects, released: releasedObjects(status), ...(fewest === undefined ? {} : { fewest }) }
  const found =
    days === undefined || unpacks
      ? { homes: [], liveObjects }
      : surveyPacking(layout, reader, { ...rules, cutoff: cutoffOf(now, reader.at, days * DAY) })
  const superfluous = superfluousIn(session, folders, { now, known: notes?.overlaps ?? [], isDropped, unpacks })
  const leaner = folders.filter((folder) => [...packedNames(folder)].some((name) => isDropped(folder, name)))
  return { ...found, now, unpacks, folders, superfluous, leaner, isDropped }
}

/** Returns the notes of the last run; undefined if it was in another generation, or if they are lost. */
function readNotes({ store: { status, marker } }: Session): PackingNotes | undefined {
  const stored = status.read(NAME)
  if (!isObject(stored) || !isNotes(stored)) return undefined
  const notes = stored as unknown as PackingNotes
  return notes.generation === marker.generation ? notes : undefined
}

function foldersOf({ store: { layout } }: Session, reader: StoreReader): readonly string[] {
  return packedFolders(
    layout,
    reader.roster().map((id) => layout.folder(id)),
  )
}

interface Overlapping {
  readonly now: Instant
  readonly known: readonly Overlap[]
  readonly isDropped: IsDropped
  readonly unpacks: boolean
}

function superfluousIn(
  { store: { layout } }: Session,
  folders: readonly string[],
  { now, known, isDropped, unpacks }: Overlapping,
): readonly Superfluous[] {
  return folders.flatMap((folder) =>
    findSuperfluous(layout, folder, known, now, { unpacks, isDropped: (name) => isDropped(folder, name) }),
  )
}

/** Notes what is superfluous after the run, so that its day begins. */
function writeNotes(session: Session, reader: StoreReader, found: Found): void {
  const { layout, status, marker } = session.store
  const { now, liveObjects, unpacks } = found
  const left = superfluousIn(session, foldersOf(session, reader), { ...found, known: found.superfluous })
  const overlaps = left.map(({ segment, holder, since }) => ({
    segment,
    since,
    ...(holder === undefined ? {} : { holder }),
  }))
  status.write(NAME, { at: now, generation: marker.generation, unpacks, liveObjects, overlaps })
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
