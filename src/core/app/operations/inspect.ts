/** `inspect`: decodes RPKI objects from files and reports every finding. Needs no data directory. */
import { type Moment, resolveMoment } from '../../base/moment.js'
import { type Instant, instantOf } from '../../base/time.js'
import { type Inspection, inspectObject } from '../../rpki/inspect/inspect.js'
import { readUserBytes } from '../../store/disk/user-files.js'

export interface InspectReport {
  readonly at: Instant
  readonly files: readonly Inspection[]
  /** False if any file has a finding. */
  readonly ok: boolean
}

/** Reads and checks each file as of `moment` (default: now). Throws `file-unreadable` (usage) before any file is checked. */
export async function inspectFiles(paths: readonly string[], moment?: Moment): Promise<InspectReport> {
  const present = instantOf(Date.now() / 1000)
  const now = moment === undefined ? present : resolveMoment(moment, present)
  const contents = paths.map((path) => ({ path, bytes: readUserBytes(path) }))
  const files: Inspection[] = []
  for (const { path, bytes } of contents) files.push(await inspectObject(path, bytes, now))
  return { at: now, files, ok: files.every((f) => f.faults.length === 0) }
}
