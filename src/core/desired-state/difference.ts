/** The difference between a state and a desired one, as rows. Pure. */
import type { Handle } from '../base/handle.js'
import { sortedCustomers } from './aspas.js'
import { withoutRequest } from './routers.js'
import { type DesiredCa, type DesiredState, sortedCas, sortedRoas } from './state.js'

export type PlanItem = 'ca' | 'parent' | 'child' | 'roa' | 'aspa' | 'router'

/** One change. `keep`: not in the file, and not removed since nothing said so. */
export interface PlanRow {
  readonly change: 'add' | 'remove' | 'update' | 'keep'
  readonly item: PlanItem
  /** Handle of a parent or child, text of a ROA, customer AS of an ASPA, name of a router key. */
  readonly name: string
  /** Resources of a parent or child, comment of a ROA, providers and comment of an ASPA, what routers.ts has of a router key; null: there is none. */
  readonly before: string | null
  readonly after: string | null
}

/** The changes of one CA, in the order of the lists, of `roa list`, of `aspa list` and of `router list`. */
export interface CaPlan {
  readonly ca: Handle
  readonly rows: readonly PlanRow[]
}

export interface Counts {
  readonly add: number
  readonly remove: number
  readonly change: number
  readonly kept: number
}

const CHANGES = { parents: 'parent', children: 'child', roas: 'roa', aspas: 'aspa', routers: 'router' } as const

/**
 * Returns what leads from `current` to `wanted`, for the CAs that `wanted` names; those without a difference are left out. With `prune` what is
 * not in `wanted` is removed, else it is kept.
 */
export function differenceOf(current: DesiredState, wanted: DesiredState, prune: boolean): readonly CaPlan[] {
  return sortedCas(wanted)
    .map(({ handle }) => ({ ca: handle, rows: rowsOf(current.cas.get(handle), wanted, handle, prune) }))
    .filter(({ rows }) => rows.length > 0)
}

/** Returns the rows of one CA of `wanted`; `before` undefined: there is none. */
export function rowsOf(
  before: DesiredCa | undefined,
  wanted: DesiredState,
  handle: Handle,
  prune: boolean,
): readonly PlanRow[] {
  const isNew: readonly PlanRow[] =
    before === undefined ? [{ change: 'add', item: 'ca', name: handle, before: null, after: null }] : []
  const none: ReadonlyMap<string, string | null> = new Map()
  const lists = (['parents', 'children', 'roas', 'aspas', 'routers'] as const).flatMap((list) => {
    const after = wanted.cas.get(handle)?.[list]
    if (after === undefined) return []
    const rows = listRows(CHANGES[list], before?.[list] ?? none, after, prune).filter(
      // a child that becomes a CA of this directory is given its resources as that
      ({ item, name, after: to }) => item !== 'child' || to !== null || !hasParent(wanted, name, handle),
    )
    return inOrder(list, rows)
  })
  return [...isNew, ...lists]
}

function hasParent({ cas }: DesiredState, ca: string, parent: Handle): boolean {
  return cas.get(ca as Handle)?.parents?.has(parent) === true
}

function listRows(
  item: PlanItem,
  before: ReadonlyMap<string, string | null>,
  after: ReadonlyMap<string, string | null>,
  prune: boolean,
): readonly PlanRow[] {
  const rows: PlanRow[] = []
  for (const [name, value] of after) {
    const was = before.get(name)
    if (was === undefined) rows.push({ change: 'add', item, name, before: null, after: value })
    else if (!isSame(item, was, value)) rows.push({ change: 'update', item, name, before: was, after: value })
  }
  for (const [name, value] of before)
    if (!after.has(name)) rows.push({ change: prune ? 'remove' : 'keep', item, name, before: value, after: null })
  return rows
}

/** Returns true if two texts of an item ask for the same. A new signature of a router key asks for nothing new: its name identifies the key. */
function isSame(item: PlanItem, was: string | null, value: string | null): boolean {
  if (was === value) return true
  return item === 'router' && was !== null && value !== null && withoutRequest(was) === withoutRequest(value)
}

function inOrder(list: keyof typeof CHANGES, rows: readonly PlanRow[]): readonly PlanRow[] {
  const byName = new Map(rows.map((row) => [row.name, row]))
  const names =
    list === 'roas'
      ? sortedRoas(byName.keys())
      : list === 'aspas'
        ? sortedCustomers(byName.keys())
        : [...byName.keys()].sort()
  return names.flatMap((name) => byName.get(name) ?? [])
}

/** Returns the rows that change something. */
export function changesOf({ rows }: Pick<CaPlan, 'rows'>): readonly PlanRow[] {
  return rows.filter(({ change }) => change !== 'keep')
}

export function countsOf(cas: readonly CaPlan[]): Counts {
  const counts = { add: 0, remove: 0, update: 0, keep: 0 }
  for (const { rows } of cas) for (const { change } of rows) counts[change]++
  return { add: counts.add, remove: counts.remove, change: counts.update, kept: counts.keep }
}
