/**
 * The due index, `status/due.json`: for each CA when it is due next, so that `tick` opens only what is due or has changed.
 * Invariant: derived, and used only if the commit, the configuration and the program that it was made with are the present ones; a CA that a later
 * commit names, that has anything open, or that it does not know is read. Without it every CA is.
 */
import type { Handle } from '../../base/handle.js'
import type { Json } from '../../base/json.js'
import { entry } from '../../base/record.js'
import { isObject } from '../../base/shape.js'
import type { Instant } from '../../base/time.js'
import type { CaState } from '../../ca/state/state.js'
import { sha256Hex } from '../../crypto/digest.js'
import { formatAggregateId } from '../../eventsourcing/types.js'
import type { Work } from '../../eventsourcing/work.js'
import { PUBD_HANDLE } from '../../pubd/aggregate.js'
import type { PubdState } from '../../pubd/state.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { unlessCorrupt } from '../../store/disk/damage.js'
import { caState, pubdState, taState } from '../session/context.js'
import type { Session } from '../session/session.js'

/** STORED: what is due at a CA. */
export interface DueEntry {
  /** Null: it publishes nothing. */
  readonly due: Instant | null
  readonly staleAt: Instant | null
  /** True: each run reads it, as it has something open or peers elsewhere. */
  readonly isOpen: boolean
  /** True: an object was missing or damaged. */
  readonly isDamaged: boolean
  /** Its parents in this data directory, such as `ca/acme`. */
  readonly parents: readonly string[]
  /** Digest of what the publication server has of it; null: nothing. */
  readonly content: string | null
}

/** STORED. */
interface StoredIndex {
  readonly version: string
  readonly config: string
  readonly generation: number
  readonly head: number
  readonly sha256: string
  readonly cas: Readonly<Record<string, DueEntry>>
}

/** The index as of one revision. */
export interface DueIndex {
  /** Entries that hold at this revision, of CAs that need not be read before they are due. */
  readonly rest: ReadonlyMap<Handle, DueEntry>
  /** True if the stored index is of this revision. */
  readonly isCurrent: boolean
}

const NAME = 'due'
/** Commits since the index that are read; after more it is made anew. */
const MOST_COMMITS = 1000

/** Reads the index of `version` of the program; undefined if there is none that can be used. */
export function readDueIndex(session: Session, reader: StoreReader, work: Work, version: string): DueIndex | undefined {
  const stored = readStored(session)
  const { head, generation } = reader
  if (stored === undefined || stored.version !== version || stored.config !== session.configDigest) return undefined
  if (stored.generation !== generation || stored.head < 1 || stored.head > head) return undefined
  if (head - stored.head > MOST_COMMITS) return undefined
  const changed = unlessCorrupt(() => changedSince(reader, stored))
  if (changed === undefined) return undefined
  const isServed = servedTest(work, changed)
  if (isServed === undefined) return undefined
  const rest = new Map<Handle, DueEntry>()
  for (const handle of work.handles('ca')) {
    const own = entry(stored.cas, handle)
    if (own === undefined || own.isOpen || own.isDamaged || changed.has(`ca/${handle}`)) continue
    if (!own.parents.some((parent) => changed.has(parent)) && isServed(handle, own)) rest.set(handle, own)
  }
  return { rest, isCurrent: stored.head === head }
}

/** Returns the CAs that a run has to read: what is due, has changed, or has something open. */
export function handlesToRead(index: DueIndex, work: Work, now: Instant): ReadonlySet<Handle> {
  const isQuiet = (handle: Handle): boolean => {
    const own = index.rest.get(handle)
    return own !== undefined && (own.due === null || own.due > now)
  }
  return new Set([...work.handles('ta'), ...work.handles('ca').filter((handle) => !isQuiet(handle))])
}

/** Returns the names of the aggregates in the commits after the index; undefined if its commit is not one of this history. */
function changedSince(reader: StoreReader, { head, sha256 }: StoredIndex): ReadonlySet<string> | undefined {
  if (reader.commitAt(head).sha256 !== sha256) return undefined
  const changed = new Set<string>()
  for (let n = head + 1; n <= reader.head; n++)
    for (const id of reader.commitAt(n).record.aggregates) changed.add(formatAggregateId(id))
  return changed
}

/** Returns a test of whether the server has what it had of a CA; undefined if the server cannot be read. */
function servedTest(
  work: Work,
  changed: ReadonlySet<string>,
): ((handle: Handle, own: DueEntry) => boolean) | undefined {
  if (!changed.has(formatAggregateId({ kind: 'pubd', handle: PUBD_HANDLE }))) return () => true
  const server = unlessCorrupt(() => pubdState(work))
  return server === undefined ? undefined : (handle, { content }) => contentDigest(server, handle) === content
}

function contentDigest({ publishers }: PubdState, handle: Handle): string | null {
  const own = entry(publishers, handle)
  if (own === undefined) return null
  const objects = Object.entries(own.objects).map(([name, { sha256 }]) => `${name} ${sha256}`)
  return sha256Hex(Buffer.from([own.remote === undefined ? 'local' : 'remote', ...objects.sort()].join('\n')))
}

/** Facts of a plan about one CA. */
export interface PlannedCa {
  readonly due: Instant | null
  readonly staleAt: Instant | null
  /** True if content waits to be published, it is to be renumbered, or a key roll or a retired key is open. */
  readonly isOpen: boolean
  readonly isDamaged: boolean
}

/** Returns the entry of a CA that could be read. */
export function entryOf(work: Work, server: PubdState, handle: Handle, planned: PlannedCa): DueEntry {
  const state = caState(work, handle)
  const locals = Object.values(state.parents).flatMap((contact) =>
    contact.transport === 'local' ? [contact.aggregate] : [],
  )
  const isReadable = ({ kind, handle: parent }: (typeof locals)[number]): boolean =>
    unlessCorrupt(() => (kind === 'ta' ? taState(work, parent) : caState(work, parent))) !== undefined
  const isOpen = planned.isOpen || hasPeers(state) || !locals.every(isReadable)
  const parents = [...new Set(locals.map(formatAggregateId))].sort()
  return { ...planned, isOpen, parents, content: contentDigest(server, handle) }
}

/** Returns true if a CA has a parent, a repository or a child elsewhere. */
function hasPeers({ parents, children, repository, leaving }: CaState): boolean {
  if (repository?.transport === 'rfc8181' || leaving?.repository.transport === 'rfc8181') return true
  return [...Object.values(parents), ...Object.values(children)].some(({ transport }) => transport !== 'local')
}

/** Writes the index as of the revision of `reader`. */
export function writeDueIndex(
  session: Session,
  reader: StoreReader,
  version: string,
  entries: ReadonlyMap<Handle, DueEntry>,
): void {
  if (reader.head === 0) return
  const index: StoredIndex = {
    ...{ version, config: session.configDigest, generation: reader.generation, head: reader.head },
    ...{ sha256: reader.commitAt(reader.head).sha256, cas: Object.fromEntries(entries) },
  }
  const text = JSON.stringify(index)
  session.store.status.write(NAME, { check: sha256Hex(Buffer.from(text)), text })
}

function readStored({ store }: Session): StoredIndex | undefined {
  const value: Json | undefined = store.status.read(NAME)
  const { check, text } = isObject(value) ? value : {}
  if (typeof text !== 'string' || check !== sha256Hex(Buffer.from(text))) return undefined
  return JSON.parse(text) as StoredIndex
}
