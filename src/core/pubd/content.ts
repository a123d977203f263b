/**
 * Content of the publication server and its changes, as pure functions of the state: the published tree and the retention of deltas are made
 * from them.
 * Invariant: everything is sorted by URI in code-unit order, so one state gives one text.
 */
import type { Handle } from '../base/handle.js'
import { entry, sortedEntries } from '../base/record.js'
import { type Instant, secondsBetween } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import {
  base64Length,
  deltaFrameLength,
  publishLength,
  snapshotFrameLength,
  withdrawLength,
} from '../protocols/rrdp.js'
import type { RetentionPolicy } from './ports.js'
import type { DeltaChange, DeltaDrop, DeltaPut, ObjectRef, PubdState, Publisher, StoredDelta } from './state.js'

/** rpki-client rejects a notification with more. */
const MAX_DELTAS = 300

/** An object to publish under a name. */
export interface ObjectPut extends ObjectRef {
  /** Relative to the publisher's base. */
  readonly name: string
}

/** Changes that one publisher requests: objects to publish, and names to withdraw. */
export interface PublisherChange {
  readonly publisher: Handle
  readonly put: readonly ObjectPut[]
  readonly drop: readonly string[]
}

/** One published object: `path` is relative to the rsync base. */
export interface PublishedObject extends ObjectRef {
  readonly uri: string
  readonly path: string
}

/** One element of a delta, in the order of the file. */
export interface DeltaElement {
  readonly uri: string
  /** The published object; undefined for a withdraw. */
  readonly put: ObjectRef | undefined
  /** The object that it replaces or withdraws; undefined for a new name. */
  readonly before: ObjectRef | undefined
}

/** Change of one path between two serials. Equal `before` and `after`: it was changed and changed back. */
export interface PathChange {
  readonly before: ObjectRef | undefined
  readonly after: ObjectRef | undefined
}

/** Returns the changes that make `publisher` publish exactly `desired`: compared by hash, dropped names sorted; both lists are empty when it already does. */
export function publicationDelta(state: PubdState, publisher: Handle, desired: readonly ObjectPut[]): PublisherChange {
  const held = entry(state.publishers, publisher)?.objects ?? {}
  const kept = new Set(desired.map((d) => d.name))
  return {
    publisher,
    put: desired.filter((d) => entry(held, d.name)?.sha256 !== d.sha256),
    drop: Object.keys(held)
      .filter((name) => !kept.has(name))
      .sort(),
  }
}

/** Published objects of one publisher, which are neighbours in every file that is sorted by URI. */
export interface PublishedPart {
  readonly base: string
  readonly objects: Publisher['objects']
}

/** Returns all published objects by publisher, sorted by base. */
export function publishedParts(state: PubdState): readonly PublishedPart[] {
  return publishersByBase(state)
}

/** Returns the length of the publish elements of a publisher in the RRDP snapshot. Names have no character that XML escapes. */
export function partLength({ base, objects }: PublishedPart): number {
  const each = publishLength(base, 0)
  let length = 0
  for (const name in objects) length += each + name.length + base64Length(entry(objects, name)?.size ?? 0)
  return length
}

/** Returns all published objects, sorted by URI. Bases never nest and end with a slash, so sorting bases and then names is enough. */
export function publishedObjects(state: PubdState): readonly PublishedObject[] {
  const out: PublishedObject[] = []
  for (const { base, objects } of publishersByBase(state)) {
    const folder = base.slice(state.rsyncBase.length)
    for (const [name, { sha256, size }] of sortedEntries(objects))
      out.push({ uri: base + name, path: folder + name, sha256, size })
  }
  return out
}

/** Returns the elements of a delta file, sorted by URI. */
export function deltaElements(delta: Pick<StoredDelta, 'changes'>): readonly DeltaElement[] {
  const out: DeltaElement[] = []
  for (const { base, put, drop } of delta.changes) {
    const elements: DeltaElement[] = []
    for (const { name, sha256, size, replaces } of put)
      elements.push({ uri: base + name, put: { sha256, size }, before: replaces })
    for (const { name, sha256, size } of drop)
      elements.push({ uri: base + name, put: undefined, before: { sha256, size } })
    for (const element of elements.sort((a, b) => (a.uri < b.uri ? -1 : 1))) out.push(element)
  }
  return out
}

/** Returns every path that changed after `serial` of `session`; undefined when the retained deltas do not reach back that far. */
export function changesSince(
  state: PubdState,
  session: string,
  serial: number,
): ReadonlyMap<string, PathChange> | undefined {
  if (session !== state.sessionId || serial > state.serial) return undefined
  const needed = state.serial - serial
  if (needed > state.deltas.length) return undefined
  const changes = new Map<string, PathChange>()
  for (const delta of state.deltas.slice(0, needed).reverse())
    for (const { uri, put, before } of deltaElements(delta)) {
      const path = uri.slice(state.rsyncBase.length)
      const earlier = changes.get(path)
      changes.set(path, { before: earlier === undefined ? before : earlier.before, after: put })
    }
  return changes
}

/** Returns the objects that the published tree needs: the current ones, those that wait for the next delta, and those that a retained delta publishes. */
export function objectsInUse(state: PubdState): ReadonlySet<Sha256> {
  const used = new Set<Sha256>()
  for (const publisher of Object.values(state.publishers))
    for (const object of [...Object.values(publisher.objects), ...Object.values(publisher.staged ?? {})])
      if (object !== null) used.add(object.sha256)
  for (const delta of state.deltas)
    for (const change of delta.changes) for (const object of change.put) used.add(object.sha256)
  return used
}

/** Returns the length of the RRDP snapshot file in bytes. */
export function snapshotLength(state: PubdState): number {
  let length = snapshotFrameLength(state.sessionId, state.serial)
  for (const publisher of Object.values(state.publishers)) length += partLength(publisher)
  return length
}

/**
 * Returns a predicate: true if the RRDP snapshot file has at least so many bytes. It adds up publishers until it knows, so that a small question
 * about a large repository is cheap, and goes on from there when it is asked for more.
 */
export function snapshotReaches(state: PubdState): (bytes: number) => boolean {
  const left = Object.values(state.publishers).values()
  let length = snapshotFrameLength(state.sessionId, state.serial)
  return (bytes) => {
    while (length < bytes) {
      const { value: publisher } = left.next()
      if (publisher === undefined) return false
      length += partLength(publisher)
    }
    return true
  }
}

/** Returns the length of a delta file in bytes. */
export function deltaLength(session: string, delta: Pick<StoredDelta, 'serial' | 'changes'>): number {
  let length = deltaFrameLength(session, delta.serial)
  for (const { base, put, drop } of delta.changes) {
    for (const { name, size, replaces } of put) length += publishLength(base + name, size, replaces !== undefined)
    for (const { name } of drop) length += withdrawLength(base + name)
  }
  return length
}

/**
 * Returns how many of `deltas` (newest first) the notification lists at `now`: by number and age as the policy says, and never more bytes than
 * the RRDP snapshot has (RFC 8182 section 3.3.1), since fetching that is cheaper then.
 */
export function retainedDeltas(
  session: string,
  deltas: readonly StoredDelta[],
  snapshotReachesBytes: (bytes: number) => boolean,
  now: Instant,
  policy: RetentionPolicy,
): number {
  let bytes = 0
  for (const [index, delta] of deltas.entries()) {
    bytes += deltaLength(session, delta)
    const age = secondsBetween(delta.at, now)
    const guaranteed = index < policy.minNr || age < policy.minSeconds
    const allowed = guaranteed || (index < policy.maxNr && age <= policy.maxSeconds)
    if (!allowed || index >= MAX_DELTAS || !snapshotReachesBytes(bytes)) return index
  }
  return deltas.length
}

/** Returns one change together with the objects that it replaces, names sorted; undefined when nothing would change. */
export function deltaChange(
  publisher: Handle,
  base: string,
  held: Readonly<Record<string, ObjectRef>>,
  change: Pick<PublisherChange, 'put' | 'drop'>,
): DeltaChange | undefined {
  const put: DeltaPut[] = []
  for (const { name, sha256, size } of change.put) {
    const replaces = entry(held, name)
    if (replaces === undefined) put.push({ name, sha256, size })
    else if (replaces.sha256 !== sha256)
      put.push({ name, sha256, size, replaces: { sha256: replaces.sha256, size: replaces.size } })
  }
  const drop: DeltaDrop[] = []
  for (const name of change.drop) {
    const dropped = entry(held, name)
    if (dropped !== undefined) drop.push({ name, sha256: dropped.sha256, size: dropped.size })
  }
  if (put.length + drop.length === 0) return undefined
  const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1)
  return { publisher, base, put: put.sort(byName), drop: drop.sort(byName) }
}

function publishersByBase(state: PubdState): readonly PubdState['publishers'][string][] {
  return Object.values(state.publishers).sort((a, b) => (a.base < b.base ? -1 : 1))
}
