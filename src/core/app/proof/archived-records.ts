/**
 * Records of archived commands: read from the archive, or, where its folder is not known any more, reconstructed from the commits and the
 * archive index. Invariant: no command is left out, and nothing that is unknown is invented.
 */
import type { Sha256 } from '../../crypto/ports.js'
import type { Reader } from '../../eventsourcing/store.js'
import type { StoredCommand } from '../../eventsourcing/types.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import type { HistoryEntry } from '../../store/archive/archive-plan.js'
import { historyOf } from '../../store/archive/archive-survey.js'
import { readCommand } from '../../store/commit/aggregate-files.js'
import { readArchivedIndex } from '../../store/commit/archived-index.js'
import { type ArchivedRange, rangeOf } from '../../store/commit/archived-ranges.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { isCorrupt } from '../../store/disk/damage.js'
import type { Layout } from '../../store/disk/paths.js'

/** Location of a record: in place, in the archive, or archived and not available here (`unavailable`). */
export type RecordStatus = 'live' | 'archived' | 'unavailable'

export interface CommandHistory {
  readonly reader: Pick<Reader, 'load' | 'command'>
  statusOf(record: StoredCommand): RecordStatus
}

/** Returns the records of a revision, archived ones included. Throws `corrupt` for a damaged archive index and for a missing record that was not archived. */
export function readCommandHistory(layout: Layout, reader: StoreReader): CommandHistory {
  const indexes = new Map<string, readonly ArchivedRange[]>()
  const unavailable = new WeakSet<StoredCommand>()
  let entries: ReadonlyMap<string, readonly HistoryEntry[]> | undefined
  const indexOf = (id: AggregateId): readonly ArchivedRange[] => {
    const name = formatAggregateId(id)
    const index = indexes.get(name) ?? readArchivedIndex(layout, id)
    indexes.set(name, index)
    return index
  }
  const archived = (id: AggregateId, range: ArchivedRange, sequence: number): StoredCommand => {
    entries ??= historyOf(reader)
    const all = entries.get(formatAggregateId(id)) ?? []
    const entry =
      all[sequence - 1]?.sequence === sequence ? all[sequence - 1] : all.find((e) => e.sequence === sequence)
    if (entry === undefined) return reader.command(id, sequence)
    try {
      return readCommand(layout, id, sequence, entry.command).record
    } catch (error) {
      if (!isCorrupt(error)) throw error
      const record = reconstructed(id, range, entry)
      unavailable.add(record)
      return record
    }
  }
  return {
    reader: {
      load: (id) => reader.load(id),
      command(id, sequence) {
        const range = rangeOf(indexOf(id), sequence)
        return range === undefined ? reader.command(id, sequence) : archived(id, range, sequence)
      },
    },
    statusOf(record) {
      if (unavailable.has(record)) return 'unavailable'
      return rangeOf(indexOf(record), record.sequence) === undefined ? 'live' : 'archived'
    },
  }
}

/** Returns what commit and archive index record of a command. Every other member is empty, and no report shows it. */
function reconstructed({ kind, handle }: AggregateId, range: ArchivedRange, entry: HistoryEntry): StoredCommand {
  const events = entry.toVersion - entry.fromVersion
  const nothing = '' as Sha256
  return {
    format: 1,
    kind,
    handle,
    sequence: entry.sequence,
    version: entry.fromVersion,
    commit: entry.commit,
    at: entry.at,
    actor: range.actor,
    osUser: '',
    host: '',
    configDigest: nothing,
    command: { type: range.type, args: null },
    effect:
      events === 0
        ? { result: 'rejected', code: '', message: '' }
        : { result: 'accepted', events: Array.from({ length: events }, () => nothing), snapshot: null },
    previous: null,
  }
}
