/** Rows of a change of CAs: the difference between the states before and after it, and the publication that follows. */
import type { Handle } from '../../base/handle.js'
import { entry, type Table } from '../../base/record.js'
import { datesText } from '../../ca/roa-schedule.js'
import { isUnconfirmed } from '../../ca/state/places.js'
import { type CaState, currentKey, type ResourceClass } from '../../ca/state/state.js'
import type { Child } from '../../issuing/children.js'
import type { Timing } from '../../issuing/timing.js'
import { PUBD_HANDLE, pubd } from '../../pubd/aggregate.js'
import type { PubdState, Publisher } from '../../pubd/state.js'
import { formatResources, fromResourceText } from '../../resources/resource-set.js'
import type { ResourceText } from '../../resources/types.js'
import { CA, caState, pubdState, TA, type TransactionContext, taState } from '../session/context.js'
import { hiddenClasses } from '../session/suspended-by.js'
import { isHeld, leaveRepositories, publishLocal } from '../transaction/local-publication.js'
import { aspaChanges } from './aspa-rows.js'
import { type ChangeItem, type ChangeRow, difference } from './change-row.js'
import { changedRoaTexts, type RoaRow, type RoaRowOptions, roaRows } from './roa-rows.js'
import { routerChanges } from './router-rows.js'

export interface ChangeOptions {
  /** The keys that the change made are dummies: their names are replaced by `NEW-KEY`. */
  readonly dryRun?: boolean | undefined
}

/** Returns what the work has changed: configuration, certificates, ROAs, ASPAs and router keys by CA, then objects and the RRDP serial. Publishes it locally. */
export async function changeRows(
  tx: TransactionContext,
  timing: Timing,
  { dryRun = false }: ChangeOptions = {},
): Promise<readonly ChangeRow[]> {
  const { work } = tx
  await leaveRepositories(tx, work.touched('ca'))
  const cas = [...work.touched('ca')].sort()
  const tas = work.touched('ta')
  if (!isHeld(tx)) await publishLocal(tx, [...cas, ...tas])
  const isHidden = hiddenClasses(tx)
  const rows = inOrder([
    ...tas.flatMap((handle) => {
      const of = `ta/${handle}`
      const [before, after] = [work.before(TA, handle).children, taState(work, handle).children]
      return [...childRows(of, before, after), ...issuedRows(of, before, after, cas)]
    }),
    ...cas.flatMap((handle) => caRows(work.before(CA, handle), caState(work, handle), { timing, isHidden }, cas)),
    ...(work.touched('pubd').length === 0 ? [] : publicationRows(work.before(pubd, PUBD_HANDLE), pubdState(work))),
  ])
  return dryRun ? withoutDummyKeys(rows, newKeys(tx, cas)) : rows
}

/** Order of the rows: the change itself, then the certificates, ROAs, ASPAs and router keys that follow, then the publication. */
const ORDER: Readonly<Partial<Record<ChangeItem, number>>> = {
  certificate: 1,
  key: 1,
  roa: 2,
  aspa: 2,
  router: 2,
  publisher: 3,
  object: 3,
  rrdp: 4,
}

function inOrder(rows: readonly ChangeRow[]): readonly ChangeRow[] {
  return [...rows].sort((a, b) => (ORDER[a.item] ?? 0) - (ORDER[b.item] ?? 0))
}

/** Returns the difference between two states of one CA. The certificates of the CAs `touched` are reported by themselves. */
export function caRows(
  before: CaState,
  after: CaState,
  options: RoaRowOptions,
  touched: readonly Handle[] = [],
): readonly ChangeRow[] {
  const of = `ca/${after.handle}`
  const active = ({ status }: CaState): string | undefined => (status === 'active' ? '' : undefined)
  const parents = keysOf(before.parents, after.parents).flatMap((name) => {
    const at = (state: CaState): string | undefined => entry(state.parents, name)?.transport
    return difference({ item: 'parent', of, name }, at(before), at(after))
  })
  return [
    ...difference({ item: 'ca', of: null, name: after.handle }, active(before), active(after)),
    ...parents,
    ...difference({ item: 'repository', of, name: 'rsync' }, before.repository?.base, after.repository?.base),
    ...difference({ item: 'repository', of, name: 'left' }, leftBase(before), leftBase(after)),
    ...childRows(of, before.children, after.children),
    ...issuedRows(of, before.children, after.children, touched),
    ...certificateRows(of, before.classes, after.classes),
    ...keyRows(of, before.classes, after.classes),
    ...roaChanges(of, before, after, options),
    ...aspaChanges(of, before, after),
    ...routerChanges(of, before, after),
  ]
}

function leftBase({ leaving }: CaState): string | undefined {
  if (leaving === undefined) return undefined
  return leaving.abandonedAt === undefined ? leaving.repository.base : `${leaving.repository.base} (abandoned)`
}

function childRows(of: string, before: Table<Child>, after: Table<Child>): readonly ChangeRow[] {
  const resources = (table: Table<Child>, name: string): string | undefined => lineOf(entry(table, name)?.resources)
  return keysOf(before, after).flatMap((name) =>
    difference({ item: 'child', of, name }, resources(before, name), resources(after, name)),
  )
}

/** Returns the changes of certificates issued to children that are no CAs among `touched`, or that are suspended before or after the change. */
function issuedRows(
  of: string,
  before: Table<Child>,
  after: Table<Child>,
  touched: readonly Handle[],
): readonly ChangeRow[] {
  return keysOf(before, after)
    .filter((name) => !touched.includes(name as Handle) || isSuspended(before, name) || isSuspended(after, name))
    .flatMap((name) => {
      const [was, is] = [entry(before, name)?.issued ?? {}, entry(after, name)?.issued ?? {}]
      return keysOf(was, is).flatMap((ski) => {
        const place = { item: 'certificate', of, name: `${name} ${ski}` } as const
        return difference(place, lineOf(entry(was, ski)?.resources), lineOf(entry(is, ski)?.resources))
      })
    })
}

/** Returns true for a suspended child; what the CA itself holds stays the same meanwhile. */
function isSuspended(children: Table<Child>, name: string): boolean {
  return entry(children, name)?.suspended !== undefined
}

/** Returns the changes of what the CA itself holds, by class. */
function certificateRows(of: string, before: Table<ResourceClass>, after: Table<ResourceClass>): readonly ChangeRow[] {
  const held = (own: ResourceClass | undefined): string | undefined =>
    own === undefined ? undefined : lineOf(currentKey(own)?.certificate.resources)
  return keysOf(before, after).flatMap((name) => {
    const [was, is] = [entry(before, name), entry(after, name)]
    return difference({ item: 'certificate', of, name: `from ${(is ?? was)?.parent}` }, held(was), held(is))
  })
}

/** Returns the keys that a roll added, moved to another state, or removed. The key that a class begins with is no change by itself. */
function keyRows(of: string, before: Table<ResourceClass>, after: Table<ResourceClass>): readonly ChangeRow[] {
  const rolled = keysOf(before, after).flatMap((name) => {
    const [was, is] = [entry(before, name), entry(after, name)]
    return was === undefined || is === undefined ? [] : [[was, is] as const]
  })
  return rolled.flatMap(([was, is]) =>
    [...new Set([...was.keys, ...is.keys].map(({ ski }) => ski))].flatMap((ski) => {
      const state = ({ keys }: ResourceClass): string | undefined => keys.find((key) => key.ski === ski)?.state
      return difference({ item: 'key', of, name: `class ${is.name} ${ski}` }, state(was), state(is))
    }),
  )
}

/** Returns the ROAs that were added, removed, changed, or whose publication begins or ends with what the CA holds. */
function roaChanges(of: string, before: CaState, after: CaState, options: RoaRowOptions): readonly ChangeRow[] {
  const isSame = before.classes === after.classes || heldLines(before) === heldLines(after)
  if (before.roas === after.roas && before.scheduled === after.scheduled && isSame) return []
  const wanted = changedRoaTexts(before, after, options.timing)
  const [was, is] = [statesOf(before, { ...options, wanted }), statesOf(after, { ...options, wanted })]
  const isWaiting = isUnconfirmed(after)
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((name) => {
    const [old, now] = [was.get(name), is.get(name)]
    const note = (now ?? old)?.comment ?? null
    const shown = (row: RoaRow | undefined): string | undefined =>
      row === undefined
        ? undefined
        : [row.state === 'notHeld' ? 'not held' : row.state, datesText(row)].join(' ').trim()
    // a repository elsewhere has not heard of what begins now
    const begins = isWaiting && now?.state === 'published' && old?.state !== 'published'
    const rows = difference({ item: 'roa', of, name, note }, shown(old), begins ? 'pending' : shown(now))
    if (rows.length > 0 || old === undefined || now === undefined || old.comment === now.comment) return rows
    return difference({ item: 'roa', of, name }, old.comment ?? 'no note', now.comment ?? 'no note')
  })
}

function statesOf(state: CaState, options: RoaRowOptions): ReadonlyMap<string, RoaRow> {
  const rows = state.status === 'active' ? roaRows(state, options) : []
  return new Map(rows.map((row) => [row.roa, row]))
}

function heldLines({ classes }: CaState): string {
  return Object.values(classes)
    .map((own) => lineOf(currentKey(own)?.certificate.resources) ?? '')
    .join()
}

/** Returns the publishers and objects that differ, and the serial that publishes them. */
export function publicationRows(before: PubdState, after: PubdState): readonly ChangeRow[] {
  const publishers = keysOf(before.publishers, after.publishers).flatMap((name) => {
    const [was, is] = [entry(before.publishers, name), entry(after.publishers, name)]
    return [...difference({ item: 'publisher', of: PUBSERVER, name }, was?.base, is?.base), ...objectRows(was, is)]
  })
  const serial = ({ serial: n }: PubdState): string => String(n)
  return [...publishers, ...difference({ item: 'rrdp', of: PUBSERVER, name: 'serial' }, serial(before), serial(after))]
}

const PUBSERVER = 'pubserver/0'

function objectRows(before: Publisher | undefined, after: Publisher | undefined): readonly ChangeRow[] {
  if (before?.objects === after?.objects) return []
  const base = (after ?? before)?.base ?? ''
  const [was, is] = [before?.objects ?? {}, after?.objects ?? {}]
  return keysOf(was, is).flatMap((name) => {
    const place = { item: 'object', of: null, name: `${base}${name}` } as const
    return difference(place, entry(was, name)?.sha256, entry(is, name)?.sha256)
  })
}

function newKeys(tx: TransactionContext, cas: readonly Handle[]): readonly string[] {
  const skis = (state: CaState): readonly string[] =>
    Object.values(state.classes).flatMap(({ keys }) => keys.map(({ ski }) => ski))
  return cas.flatMap((handle) => {
    const old = skis(tx.work.before(CA, handle))
    return skis(caState(tx.work, handle)).filter((ski) => !old.includes(ski))
  })
}

/** Returns the rows without what only dummy keys and signatures lead to: the names of new keys, and the hashes of objects. */
function withoutDummyKeys(rows: readonly ChangeRow[], keys: readonly string[]): readonly ChangeRow[] {
  return rows.map((row) => ({
    ...row,
    name: keys.reduce((name, ski) => name.replaceAll(ski, 'NEW-KEY'), row.name),
    after: row.item === 'object' ? null : row.after,
  }))
}

function lineOf(resources: ResourceText | undefined): string | undefined {
  return resources === undefined ? undefined : formatResources(fromResourceText(resources))
}

function keysOf(before: Table<unknown>, after: Table<unknown>): readonly string[] {
  if (before === after) return []
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
}
