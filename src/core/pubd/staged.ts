/**
 * Content that a publisher elsewhere has sent within `rrdp_interval` of the last RRDP delta: it is accepted and durable, its publisher lists it, and
 * the next delta publishes it.
 * Invariant: what is staged differs from what is published, and the next delta of the publisher contains all of it.
 */
import type { Handle } from '../base/handle.js'
import { entry, type Table, withEntries } from '../base/record.js'
import type { PublisherChange } from './content.js'
import type { ObjectRef, PubdState, Publisher } from './state.js'

type Content = Pick<Publisher, 'objects' | 'staged'>
type Change = Pick<PublisherChange, 'put' | 'drop'>

/** Returns what the publisher wants to be published. */
export function contentOf({ objects, staged }: Content): Table<ObjectRef> {
  if (staged === undefined) return objects
  const { put, drop } = changeOf(staged)
  return withEntries(
    objects,
    put.map(({ name, sha256, size }) => [name, { sha256, size }] as const),
    drop,
  )
}

/** Returns the staged table after a change; undefined if nothing differs from what is published then. */
export function stagedAfter({ objects, staged = {} }: Content, { put, drop }: Change): Publisher['staged'] {
  const all = withEntries<ObjectRef | null>(staged, [
    ...drop.map((name) => [name, null] as const),
    ...put.map(({ name, sha256, size }) => [name, { sha256, size }] as const),
  ])
  const left = Object.entries(all).filter(([name, ref]) => entry(objects, name)?.sha256 !== ref?.sha256)
  return left.length === 0 ? undefined : withEntries<ObjectRef | null>({}, left)
}

/** Returns the change together with what is staged. */
export function withStaged(publisher: Content, change: Change): Change {
  return publisher.staged === undefined ? change : changeOf(stagedAfter(publisher, change) ?? {})
}

/** Returns the publishers that have staged content. */
export function stagedPublishers({ publishers }: PubdState): readonly Handle[] {
  return Object.keys(publishers)
    .filter((name) => entry(publishers, name)?.staged !== undefined)
    .sort() as Handle[]
}

/** Returns the publisher with this staged table, or without one. */
export function staging({ staged: _, ...publisher }: Publisher, staged: Publisher['staged']): Publisher {
  return staged === undefined ? publisher : { ...publisher, staged }
}

function changeOf(staged: NonNullable<Publisher['staged']>): Change {
  const all = Object.entries(staged)
  return {
    put: all.flatMap(([name, ref]) => (ref === null ? [] : [{ name, ...ref }])),
    drop: all.flatMap(([name, ref]) => (ref === null ? [name] : [])),
  }
}
