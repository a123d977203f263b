/**
 * Commands whose files are archived, as history tells them: read where they lie, and where nobody knows that any more as the commits and the
 * note of the archive have them. Invariant: nothing is left out, and what is not known is not made up.
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

/** `gone`: archived, and its files are not to be had here. */
export type Fate = 'live' | 'archived' | 'gone'

export interface CommandHistory {
  readonly reader: Pick<Reader, 'load' | 'command'>
  fateOf(record: StoredCommand): Fate
}

/** Records of a cut, those that are archived included. Throws `corrupt` for a damaged note, as for a record that is missing and was not archived. */
export function readCommandHistory(layout: Layout, reader: StoreReader): CommandHistory {
  const notes = new Map<string, readonly ArchivedRange[]>()
  const gone = new WeakSet<StoredCommand>()
  let entries: ReadonlyMap<string, readonly HistoryEntry[]> | undefined
  const noteOf = (id: AggregateId): readonly ArchivedRange[] => {
    const name = formatAggregateId(id)
    const note = notes.get(name) ?? readArchivedIndex(layout, id)
    notes.set(name, note)
    return note
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
      const record = remembered(id, range, entry)
      gone.add(record)
      return record
    }
  }
  return {
    reader: {
      load: (id) => reader.load(id),
      command(id, sequence) {
        const range = rangeOf(noteOf(id), sequence)
        return range === undefined ? reader.command(id, sequence) : archived(id, range, sequence)
      },
    },
    fateOf(record) {
      if (gone.has(record)) return 'gone'
      return rangeOf(noteOf(record), record.sequence) === undefined ? 'live' : 'archived'
    },
  }
}

/** What commit and note say of a command. What they do not say is empty here, and no row shows it. */
function remembered({ kind, handle }: AggregateId, range: ArchivedRange, entry: HistoryEntry): StoredCommand {
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
