/** `inspect`: decodes RPKI objects from files and reports every finding. Needs no data directory. */
import { type Moment, resolveMoment } from '../../base/moment.js'
import { type Instant, instantOf } from '../../base/time.js'
import { type Inspection, inspectTogether } from '../../rpki/inspect/inspect.js'
import { readUserBytes } from '../../store/disk/user-files.js'

export interface InspectReport {
  readonly at: Instant
  readonly files: readonly Inspection[]
  /** False if a file is invalid; with `strict`, if any file has a finding. */
  readonly ok: boolean
}

/** Reads the files and checks each, and them against each other, as of `moment` (default: now). Throws `file-unreadable` (usage) before any file is checked. */
export async function inspectFiles(paths: readonly string[], moment?: Moment, strict = false): Promise<InspectReport> {
  const present = instantOf(Date.now() / 1000)
  const now = moment === undefined ? present : resolveMoment(moment, present)
  const files = await inspectTogether(
    paths.map((path) => ({ name: path, bytes: readUserBytes(path) })),
    now,
  )
  const isOk = ({ faults, verdict }: Inspection): boolean => (strict ? faults.length === 0 : verdict !== 'invalid')
  return { at: now, files, ok: files.every(isOk) }
}
