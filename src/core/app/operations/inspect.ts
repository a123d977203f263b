/** Files of the RPKI that somebody was sent: what each says, and every fault in it. Needs no data directory. */
import { type Moment, resolveMoment } from '../../base/moment.js'
import { type Instant, instantOf } from '../../base/time.js'
import { type Inspection, inspectObject } from '../../rpki/inspect/inspect.js'
import { readUserBytes } from '../../store/disk/user-files.js'

export interface InspectReport {
  readonly at: Instant
  readonly files: readonly Inspection[]
  /** False when any file has a fault. */
  readonly ok: boolean
}

/** Reads and judges each file as of `moment`, the present when left out. Throws `file-unreadable` (usage) before anything is judged. */
export async function inspectFiles(paths: readonly string[], moment?: Moment): Promise<InspectReport> {
  const present = instantOf(Date.now() / 1000)
  const now = moment === undefined ? present : resolveMoment(moment, present)
  const contents = paths.map((path) => ({ path, bytes: readUserBytes(path) }))
  const files: Inspection[] = []
  for (const { path, bytes } of contents) files.push(await inspectObject(path, bytes, now))
  return { at: now, files, ok: files.every((f) => f.faults.length === 0) }
}
