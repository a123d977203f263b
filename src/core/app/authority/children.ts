/** Use cases of `brine child`: children of a CA or of the trust anchor. A change takes effect in every CA below, in the same commit. */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { didYouMean } from '../../base/nearest.js'
import { entry } from '../../base/record.js'
import type { CaCommand } from '../../ca/aggregate.js'
import { dueTimes } from '../../ca/publishing.js'
import { Work } from '../../eventsourcing/work.js'
import type { WithIds } from '../../identity/id-keys.js'
import type { Child } from '../../issuing/children.js'
import { removeHeard } from '../../peers/heard.js'
import { formatResources, fromResourceText, toResourceText } from '../../resources/resource-set.js'
import type { ResourceSet, ResourceText } from '../../resources/types.js'
import type { TaCommand } from '../../ta/aggregate.js'
import type { ChangeRow } from '../changes/change-row.js'
import { changeRows } from '../changes/change-rows.js'
import { type Outcome, outcomeOf } from '../changes/outcome.js'
import { caState, readCas, runCa, runTa, type TransactionContext, taState } from '../session/context.js'
import type { Session } from '../session/session.js'
import { transact } from '../transaction/transact.js'
import { localParent } from './cas.js'
import { diffVisibility, type Impacts, visibleObjects } from './impact.js'
import { clockOf, lastSigned } from './replay-clocks.js'
import { syncResources } from './resource-sync.js'

/** Report of the change; `lost` and `regained` are of any CA below, and what is lost stays configured. */
export interface ChildReport extends Outcome, Impacts {
  readonly ca: Handle
  readonly child: Handle
  readonly resources: ResourceText
  readonly changes: readonly ChangeRow[]
  /** True if the child is a CA of this data directory that has no parent left. */
  readonly orphaned: boolean
  /** Keys of CAs below that no resource class uses any more; `clean` removes their files. */
  readonly unusedKeys: readonly { readonly ca: Handle; readonly ski: string }[]
}

type ResourceChange = (old: ResourceSet) => ResourceSet

/** Registers a child. Its own CA requests the certificate with `parent add`; a local CA that has this parent already does so in this commit. */
export function addChild(
  session: Session,
  parent: Handle,
  child: Handle,
  resources: ResourceSet,
  options: { readonly dryRun?: boolean } = {},
): Promise<ChildReport> {
  return changeChild(session, parent, child, options, async (tx) => {
    await runParent(tx, parent, { type: 'child.add', child, resources })
  })
}

/** Returns the commands that a local child still needs before it holds its resources. */
export function nextForChild(session: Session, parent: Handle, child: Handle): Promise<readonly string[]> {
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const state = work.exists('ca', child) ? caState(work, child) : undefined
    const isActive = state?.status === 'active'
    const steps = [
      ...(isActive ? [] : [`brine ca add ${child}`]),
      ...(isActive && state.repository !== null ? [] : [`brine repo configure ${child} --local`]),
      ...(isActive && entry(state.parents, parent) !== undefined
        ? []
        : [`brine parent add ${child} ${parent} --local`]),
    ]
    return steps
  })
}

/** Changes what a child is entitled to. Certificates and ROAs below follow in the same commit. Throws `child-unknown` (rejected). */
export function updateChild(
  session: Session,
  parent: Handle,
  child: Handle,
  update: ResourceChange,
  options: { readonly dryRun?: boolean } = {},
): Promise<ChildReport> {
  return changeChild(session, parent, child, options, async (tx) => {
    const resources = update(fromResourceText(knownChild(tx, parent, child).resources))
    await runParent(tx, parent, { type: 'child.update', child, resources })
  })
}

/** Removes a child: revokes and withdraws its certificates. */
export async function removeChild(
  session: Session,
  parent: Handle,
  child: Handle,
  options: { readonly dryRun?: boolean } = {},
): Promise<ChildReport> {
  const report = await changeChild(session, parent, child, options, async (tx) => {
    const known = childOf(tx, parent, child)
    const clock = known?.peer === undefined ? {} : await clockOf(known.peer, lastSigned(session, parent, child, known))
    await runParent(tx, parent, { type: 'child.remove', child, ...clock })
  })
  // another child may get the name later
  if (options.dryRun !== true) removeHeard(session.options.dataDir, { ca: parent, child }, session.options.onNotice)
  return report
}

/** Suspends a child: its certificates are revoked and withdrawn until it is back. Throws `child-unknown` (rejected). */
export function suspendChild(
  session: Session,
  parent: Handle,
  child: Handle,
  options: { readonly dryRun?: boolean } = {},
): Promise<ChildReport> {
  return changeChild(session, parent, child, options, async (tx) => {
    await runParent(tx, parent, { type: 'child.suspend', child })
  })
}

/** Ends the suspension of a child: it gets new certificates for the keys that it had. Throws `child-unknown` (rejected). */
export function unsuspendChild(
  session: Session,
  parent: Handle,
  child: Handle,
  options: { readonly dryRun?: boolean } = {},
): Promise<ChildReport> {
  return changeChild(session, parent, child, options, async (tx) => {
    await runParent(tx, parent, { type: 'child.unsuspend', child })
  })
}

type ChildCommand = Extract<
  CaCommand | TaCommand,
  { readonly type: 'child.add' | 'child.update' | 'child.remove' | 'child.suspend' | 'child.unsuspend' }
>

/** Runs a command on the parent, which is a trust anchor or a CA. */
async function runParent(tx: TransactionContext, parent: Handle, command: ChildCommand): Promise<void> {
  if (localParent(tx, parent).kind === 'ta') await runTa(tx, parent, command)
  else await runCa(tx, parent, command)
}

async function changeChild(
  session: Session,
  parent: Handle,
  child: Handle,
  options: { readonly dryRun?: boolean },
  act: (tx: TransactionContext) => Promise<void>,
): Promise<ChildReport> {
  const done = await transact(
    session,
    async (tx) => {
      const before = visibleObjects(tx, session.timing)
      const keysBefore = keysOf(tx)
      await act(tx)
      if (isLocalChild(tx, parent, child)) await syncResources(tx, child)
      const { lost, regained } = diffVisibility(before, visibleObjects(tx, session.timing))
      const resources = childOf(tx, parent, child)?.resources ?? toResourceText({ asn: [], ipv4: [], ipv6: [] })
      const kind = localParent(tx, parent).kind
      const due = kind === 'ca' ? (dueTimes(caState(tx.work, parent), session.timing)?.due ?? null) : null
      const changes = await changeRows(tx, session.timing, options)
      const used = new Set(keysOf(tx).map(({ ski }) => ski))
      const unusedKeys = keysBefore.filter(({ ski }) => !used.has(ski))
      const orphaned = isOrphan(tx, child)
      return { lost, regained, resources, kind, due, changes, orphaned, unusedKeys }
    },
    options,
  )
  const { lost, regained, resources, kind, due, changes, orphaned, unusedKeys } = done.result
  return {
    ca: parent,
    child,
    resources,
    lost,
    regained,
    changes,
    orphaned,
    unusedKeys,
    ...outcomeOf(done, kind, parent, due, options.dryRun),
  }
}

/** Returns the keys of all CAs that can be read. */
function keysOf(tx: Pick<TransactionContext, 'work'>): ChildReport['unusedKeys'] {
  return readCas(tx.work).cas.flatMap(({ handle, classes }) =>
    Object.values(classes).flatMap(({ keys }) => keys.map(({ ski }) => ({ ca: handle, ski: ski as string }))),
  )
}

/** Returns true if the child is an active CA of this data directory that is registered at none of its parents. */
function isOrphan(tx: TransactionContext, child: Handle): boolean {
  if (!tx.work.exists('ca', child)) return false
  const state = caState(tx.work, child)
  const isChildOf = (parent: Handle): boolean => childOf(tx, parent, child) !== undefined
  // whether a remote parent still has it is not known here
  const parents = Object.values(state.parents)
  return state.status === 'active' && !parents.some((p) => p.transport !== 'local' || isChildOf(p.aggregate.handle))
}

/** Returns true if the child is an active CA of this data directory and has this parent. */
function isLocalChild(tx: TransactionContext, parent: Handle, child: Handle): boolean {
  if (!tx.work.exists('ca', child)) return false
  const state = caState(tx.work, child)
  return (
    state.status === 'active' &&
    Object.values(state.parents).some((p) => p.transport === 'local' && p.aggregate.handle === parent)
  )
}

export function childrenOf(tx: Pick<TransactionContext, 'work'>, parent: Handle): Readonly<Record<string, Child>> {
  return parentState(tx, parent).children
}

/** Returns the state of a parent in this data directory. */
export function parentState(
  tx: Pick<TransactionContext, 'work'>,
  parent: Handle,
): WithIds & { readonly children: Readonly<Record<string, Child>> } {
  return localParent(tx, parent).kind === 'ta' ? taState(tx.work, parent) : caState(tx.work, parent)
}

function childOf(tx: Pick<TransactionContext, 'work'>, parent: Handle, child: Handle): Child | undefined {
  return entry(childrenOf(tx, parent), child)
}

/** Returns a registered child. Throws `child-unknown` (rejected). */
export function knownChild(tx: Pick<TransactionContext, 'work'>, parent: Handle, child: Handle): Child {
  const found = childOf(tx, parent, child)
  if (found !== undefined) return found
  throw new AppError(
    'rejected',
    'child-unknown',
    `${parent} has no child ${child}${didYouMean(child, Object.keys(childrenOf(tx, parent)))}`,
    {
      hint: `brine child list ${parent} shows its children`,
    },
  )
}

/** Formats the resources of a child on one line, for messages. */
export function resourceLine(text: ResourceText): string {
  return formatResources(fromResourceText(text))
}
