/**
 * Index of a table of configured ROAs for the resources of one class: those that are held, and the ROA objects that they lead to. It is
 * computed once for each table; a table that a change made takes over all that the change did not touch.
 * Invariant: pure in effect; the same table and resources give the same objects in the same order, whichever table was seen before.
 */
import { entry, type Table, withEntries } from '../../base/record.js'
import { contentDigest } from '../../issuing/stored.js'
import { trustedPrefix } from '../../resources/prefix.js'
import { containsPrefix } from '../../resources/resource-set.js'
import { formatRoaPayload, roaAggregateFileName, roaFileName } from '../../resources/roa-payload.js'
import type { ResourceSet, RoaPayload } from '../../resources/types.js'
import type { RoaConfig } from '../state/configured.js'
import type { DesiredProduct } from './products.js'

/** One ROA object that should be published. */
export interface DesiredRoa extends DesiredProduct {
  readonly asn: number
  readonly payloads: readonly RoaPayload[]
  /** Keys of the payloads in the table of configured ROAs. */
  readonly texts: readonly string[]
}

export interface RoaIndex {
  /** Number of held ROAs. */
  readonly count: number
  /** The object of all held ROAs of an AS, in the order of the first ROA of each. */
  readonly byAs: ReadonlyMap<number, RoaOfAs>
  /** An object for each held ROA, in the order of the table. */
  readonly single: () => readonly DesiredRoa[]
}

/** Difference between a table and the one from which it was made, the root. */
interface Change {
  readonly root: Table<RoaConfig>
  readonly gone: ReadonlySet<string>
  /** In the order in which they follow the entries of the root that are left. */
  readonly added: ReadonlyMap<string, RoaConfig>
}

/** With more changes a table is a root of its own. */
const MAX_CHANGES = 512

const changes = new WeakMap<Table<RoaConfig>, Change>()
const indexes = new WeakMap<Table<RoaConfig>, WeakMap<ResourceSet, RoaIndex>>()
const payloads = new WeakMap<object, RoaPayload>()
const singles = new WeakMap<RoaConfig, DesiredRoa>()

/** Returns the configured ROA as a payload. */
export function payloadOf(config: Pick<RoaConfig, 'asn' | 'prefix' | 'maxLength'>): RoaPayload {
  const known = payloads.get(config)
  if (known !== undefined) return known
  const payload = { asn: config.asn, prefix: trustedPrefix(config.prefix), maxLength: config.maxLength }
  payloads.set(config, payload)
  return payload
}

/** Returns the table with ROAs added, after others were removed. */
export function changedRoas(
  roas: Table<RoaConfig>,
  added: readonly RoaConfig[],
  removed: readonly string[],
): Table<RoaConfig> {
  const put = added.map((config) => [formatRoaPayload(payloadOf(config)), config] as const)
  const next = withEntries(roas, put, removed)
  const change = changeOf(roas, put, removed)
  if (change !== undefined) changes.set(next, change)
  return next
}

function changeOf(
  roas: Table<RoaConfig>,
  put: readonly (readonly [string, RoaConfig])[],
  removed: readonly string[],
): Change | undefined {
  const before = changes.get(roas) ?? { root: roas, gone: new Set<string>(), added: new Map<string, RoaConfig>() }
  if (before.gone.size + before.added.size + put.length + removed.length > MAX_CHANGES) return undefined
  const [gone, added] = [new Set(before.gone), new Map(before.added)]
  const isLeft = (text: string): boolean => entry(before.root, text) !== undefined && !gone.has(text)
  for (const text of removed) if (!added.delete(text) && isLeft(text)) gone.add(text)
  for (const [text, config] of put) {
    // one that is replaced keeps its place in the table
    if (isLeft(text)) return undefined
    added.set(text, config)
  }
  return { root: before.root, gone, added }
}

/** Returns the keys of the entries that may differ between two tables: all that do, and few others if one was made from the other. */
export function differingTexts(before: Table<RoaConfig>, after: Table<RoaConfig>): ReadonlySet<string> {
  if (before === after) return new Set()
  const [was, is] = [changes.get(before), changes.get(after)]
  if ((was?.root ?? before) === (is?.root ?? after))
    return new Set([...textsOf(was), ...textsOf(is)].filter((text) => entry(before, text) !== entry(after, text)))
  const all = new Set([...Object.keys(before), ...Object.keys(after)])
  return new Set([...all].filter((text) => entry(before, text) !== entry(after, text)))
}

function textsOf(change: Change | undefined): readonly string[] {
  return change === undefined ? [] : [...change.gone, ...change.added.keys()]
}

/** Returns the held ROAs and their objects. */
export function indexOf(roas: Table<RoaConfig>, held: ResourceSet): RoaIndex {
  const known = indexes.get(roas)?.get(held)
  if (known !== undefined) return known
  const change = changes.get(roas)
  const index = (change === undefined ? undefined : indexOfChange(change, held)) ?? indexOfAll(roas, held)
  const own = indexes.get(roas) ?? new WeakMap<ResourceSet, RoaIndex>()
  indexes.set(roas, own.set(held, index))
  return index
}

type Held = readonly (readonly [text: string, config: RoaConfig])[]

function indexOfAll(roas: Table<RoaConfig>, held: ResourceSet): RoaIndex {
  const all = Object.entries(roas).filter(([, config]) => isHeld(config, held))
  const byAs = new Map([...byAsn(all)].map(([asn, own]) => [asn, new RoaOfAs(asn, own)] as const))
  return { count: all.length, byAs, single: once(() => all.map(([text, config]) => singleOf(text, config))) }
}

/** Returns undefined if the order of the objects is another. */
function indexOfChange({ root, gone, added }: Change, held: ResourceSet): RoaIndex | undefined {
  const before = indexOf(root, held)
  const removed = [...gone].flatMap((text) => heldEntry(text, entry(root, text), held))
  const put = [...added].flatMap(([text, config]) => heldEntry(text, config, held))
  const byAs = new Map(before.byAs)
  for (const [asn, own] of byAsn(removed)) {
    const left = (byAs.get(asn)?.held ?? []).filter(([text]) => !gone.has(text))
    if (left.length === 0) byAs.delete(asn)
    else if (own.some(([text]) => text === byAs.get(asn)?.held[0]?.[0])) return undefined
    else byAs.set(asn, new RoaOfAs(asn, left))
  }
  for (const [asn, own] of byAsn(put)) byAs.set(asn, new RoaOfAs(asn, [...(byAs.get(asn)?.held ?? []), ...own]))
  const single = once(() => [
    ...before.single().filter(({ texts }) => texts.every((text) => !gone.has(text))),
    ...put.map(([text, config]) => singleOf(text, config)),
  ])
  return { count: before.count - removed.length + put.length, byAs, single }
}

function heldEntry(text: string, config: RoaConfig | undefined, held: ResourceSet): Held {
  return config !== undefined && isHeld(config, held) ? [[text, config]] : []
}

/** Returns true if the set contains the prefix of the ROA. */
export function isHeld(config: RoaConfig, held: ResourceSet): boolean {
  return containsPrefix(held, payloadOf(config).prefix)
}

function byAsn(entries: Held): ReadonlyMap<number, Held> {
  const groups = new Map<number, (readonly [string, RoaConfig])[]>()
  for (const own of entries) {
    const group = groups.get(own[1].asn)
    if (group === undefined) groups.set(own[1].asn, [own])
    else group.push(own)
  }
  return groups
}

/** The object of all held ROAs of an AS. What is in it is computed when it is asked for. */
class RoaOfAs implements DesiredRoa {
  readonly name: string
  readonly asn: number
  readonly held: Held
  #content: string | undefined

  constructor(asn: number, held: Held) {
    this.name = roaAggregateFileName(asn)
    this.asn = asn
    this.held = held
  }

  get payloads(): readonly RoaPayload[] {
    return this.held.map(([, config]) => payloadOf(config))
  }

  get texts(): readonly string[] {
    return this.held.map(([text]) => text)
  }

  get content(): string {
    this.#content ??= contentDigest([...this.texts].sort())
    return this.#content
  }
}

/** Returns the object of one ROA. */
export function singleOf(text: string, config: RoaConfig): DesiredRoa {
  const known = singles.get(config)
  if (known !== undefined) return known
  const payload = payloadOf(config)
  const content = contentDigest([text])
  const made = { name: roaFileName(payload), asn: config.asn, payloads: [payload], texts: [text], content }
  singles.set(config, made)
  return made
}

function once<T>(compute: () => T): () => T {
  let known: { readonly value: T } | undefined
  return () => {
    known ??= { value: compute() }
    return known.value
  }
}
