/** Use case of `brine export`: the CAs of a data directory as desired state. */
import type { Handle } from '../../base/handle.js'
import type { Moment } from '../../base/moment.js'
import type { DesiredState } from '../../desired-state/state.js'
import { formatStateToml, type StateDocument, stateDocument } from '../../desired-state/write.js'
import type { Reader } from '../../eventsourcing/store.js'
import { Work } from '../../eventsourcing/work.js'
import { revisionAt } from '../proof/past-reader.js'
import { readHistories } from '../proof/past-state.js'
import { knownCa, readCas } from '../session/context.js'
import type { Session } from '../session/session.js'
import { currentCa } from './current.js'

export interface Exported {
  readonly document: StateDocument
  /** Returns the file as TOML. */
  readonly toml: () => string
}

/**
 * Returns the desired state of the CAs that are named, or of all: now, or as it was at a time. Throws `ca-unknown` (rejected), the damage of a
 * CA that it needs, and for a time as `revisionAt` does.
 */
export async function exportState(session: Session, handles: readonly Handle[], at?: Moment): Promise<Exported> {
  const state = await (at === undefined
    ? session.store.read(async (reader) => stateOf(reader, handles))
    : readHistories(session, (histories) => stateOf(revisionAt(histories, at).reader, handles)))
  return { document: stateDocument(state), toml: () => formatStateToml(state) }
}

function stateOf(reader: Reader, handles: readonly Handle[]): DesiredState {
  const work = new Work(reader)
  const { cas, failed } = readCas(work)
  const [damaged] = failed
  // a file without a CA would be taken for one with all of them
  if (handles.length === 0 && damaged !== undefined) throw damaged.error
  const wanted = handles.length === 0 ? cas : [...new Set(handles)].map((handle) => knownCa(work, handle))
  return { cas: new Map(wanted.map((one) => [one.handle, currentCa({ work }, one)])) }
}
