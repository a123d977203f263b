/** Carries out one step of a plan on a transaction: resources are given first, then ROAs, ASPAs and router keys change, then resources are taken. */
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import type { CaCommand } from '../../ca/aggregate.js'
import type { PlanRow } from '../../desired-state/difference.js'
import { containsSet, fromResourceText, parseResources, union } from '../../resources/resource-set.js'
import { fromRoaKey } from '../../resources/roa-payload.js'
import type { ResourceSet } from '../../resources/types.js'
import { createCa, localParent, useLocalRepository } from '../authority/cas.js'
import { childrenOf } from '../authority/children.js'
import { localChildren, syncResources } from '../authority/resource-sync.js'
import { caState, knownCa, runCa, runTa, type TransactionContext } from '../session/context.js'
import { type AspaUpdate, aspaUpdate } from './aspa-changes.js'
import { isChildHere } from './current.js'
import { type RouterUpdate, routerUpdate } from './router-changes.js'
import { childIsCa, childUnknown } from './violations.js'

/**
 * Runs what one row needs, or the ROAs, ASPAs or router keys of several as one command. The check of a plan collects what is rejected, and returns false; `apply` lets it
 * end the transaction.
 */
export type Attempt = (rows: readonly PlanRow[], act: () => Promise<unknown>) => Promise<boolean>

export type RoaUpdate = Extract<CaCommand, { readonly type: 'roas.update' }>

export interface StepPorts {
  readonly attempt: Attempt
  /** Runs, or only checks, the change of ROAs, ASPAs or router keys. */
  readonly update: (ca: Handle, command: RoaUpdate | AspaUpdate | RouterUpdate) => Promise<unknown>
}

/** Carries out the rows of one CA. */
export async function runStep(
  tx: TransactionContext,
  ca: Handle,
  rows: readonly PlanRow[],
  { attempt, update }: StepPorts,
): Promise<void> {
  const of = (item: PlanRow['item']): readonly PlanRow[] => rows.filter((row) => row.item === item)
  const [parents, children, roas, aspas, routers] = [of('parent'), of('child'), of('roa'), of('aspa'), of('router')]
  for (const row of of('ca')) if (!(await attempt([row], () => createCa(tx, ca, placeOf(parents))))) return
  for (const row of parents) await attempt([row], () => giveFrom(tx, ca, row))
  for (const row of children) await attempt([row], () => giveTo(tx, ca, row))
  if (parents.length > 0) await syncResources(tx, ca)
  if (roas.length > 0) await attempt(roas, () => update(ca, roaUpdate(roas)))
  if (aspas.length > 0) await attempt(aspas, () => update(ca, aspaUpdate(aspas)))
  if (routers.length > 0) await attempt(routers, () => update(ca, routerUpdate(routers)))
  for (const row of children) await attempt([row], () => takeBack(tx, ca, row))
  for (const row of parents) await attempt([row], () => takeAway(tx, ca, row))
}

/** Returns the place of a new CA for history, which names one parent. */
function placeOf(
  parents: readonly PlanRow[],
): { readonly parent: Handle; readonly resources: ResourceSet } | undefined {
  const [first] = parents
  return first === undefined
    ? undefined
    : { parent: first.name as Handle, resources: parseResources(first.after ?? 'none') }
}

/** Gives a CA what a parent in this directory is to give, besides what it has given so far. */
async function giveFrom(tx: TransactionContext, ca: Handle, row: PlanRow): Promise<void> {
  const parent = row.name as Handle
  if (row.after === null) return
  await give(tx, parent, ca, parseResources(row.after))
  if (row.change !== 'add' || entry(knownCa(tx.work, ca).parents, parent) !== undefined) return
  const aggregate = localParent(tx, parent)
  if (caState(tx.work, ca).repository === null) await useLocalRepository(tx, ca)
  await runCa(tx, ca, { type: 'parent.add', parent, contact: { transport: 'local', aggregate, childName: ca } })
}

/** Gives a child elsewhere what it is to have, besides what it has. */
async function giveTo(tx: TransactionContext, ca: Handle, { name, after }: PlanRow): Promise<void> {
  const child = name as Handle
  if (after === null) return
  if (isChildHere(tx, ca, child)) throw childIsCa(ca, child)
  if (entry(childrenOf(tx, ca), child) === undefined) throw childUnknown(ca, child)
  await give(tx, ca, child, parseResources(after))
}

/** Makes a child of a parent, or adds to what it may hold. */
async function give(tx: TransactionContext, parent: Handle, child: Handle, wanted: ResourceSet): Promise<void> {
  localParent(tx, parent)
  const known = entry(childrenOf(tx, parent), child)
  if (known === undefined) return runParent(tx, parent, { type: 'child.add', child, resources: wanted })
  const before = fromResourceText(known.resources)
  if (!containsSet(before, wanted))
    await runParent(tx, parent, { type: 'child.update', child, resources: union(before, wanted) })
}

/** Limits a child elsewhere to what it is to have, or removes it. */
async function takeBack(tx: TransactionContext, ca: Handle, { change, name, after }: PlanRow): Promise<void> {
  const child = name as Handle
  if (change === 'remove') return runParent(tx, ca, { type: 'child.remove', child })
  if (after !== null && change === 'update')
    await runParent(tx, ca, { type: 'child.update', child, resources: parseResources(after) })
}

/** Limits a CA to what a parent is to give, or removes the parent; the CAs below follow. */
async function takeAway(tx: TransactionContext, ca: Handle, { change, name, after }: PlanRow): Promise<void> {
  const parent = name as Handle
  if (change === 'remove') {
    await runParent(tx, parent, { type: 'child.remove', child: ca })
    await runCa(tx, ca, { type: 'parent.remove', parent })
    await syncResources(tx, localChildren(tx, ca))
  } else if (after !== null) {
    await runParent(tx, parent, { type: 'child.update', child: ca, resources: parseResources(after) })
    await syncResources(tx, ca)
  }
}

type ChildCommand = Extract<CaCommand, { readonly type: 'child.add' | 'child.update' | 'child.remove' }>

async function runParent(tx: TransactionContext, parent: Handle, command: ChildCommand): Promise<void> {
  if (localParent(tx, parent).kind === 'ta') await runTa(tx, parent, command)
  else await runCa(tx, parent, command)
}

/** Returns all changes of ROAs as one command. */
function roaUpdate(rows: readonly PlanRow[]): RoaUpdate {
  const of = (change: PlanRow['change']): readonly PlanRow[] => rows.filter((row) => row.change === change)
  const additions = (some: readonly PlanRow[]) =>
    some.map(({ name, after }) => ({ payload: fromRoaKey(name), comment: after }))
  const annotate = additions(of('update'))
  return {
    type: 'roas.update',
    add: additions(of('add')),
    remove: of('remove').map(({ name }) => fromRoaKey(name)),
    ...(annotate.length === 0 ? {} : { annotate }),
  }
}
