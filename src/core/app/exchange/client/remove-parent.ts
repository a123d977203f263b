/**
 * Use case of `brine parent remove`: the keys that the parent certified are revoked there, then the parent and its classes are removed.
 * Invariant: a parent that cannot be reached does not keep the CA from leaving it; the report says which keys it still certifies.
 */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { entitlementsOf } from '../../../ca/children.js'
import { dueTimes } from '../../../ca/publishing.js'
import type { Parent, RemoteParent } from '../../../ca/state/contacts.js'
import type { CaState } from '../../../ca/state/state.js'
import type { KeyId } from '../../../crypto/ports.js'
import { Work } from '../../../eventsourcing/work.js'
import { removeExchange } from '../../../peers/last-exchange.js'
import { formatResources, fromResourceText } from '../../../resources/resource-set.js'
import { diffVisibility, type Impacts, visibleObjects } from '../../authority/impact.js'
import { localChildren, revokeAtParent, syncResources } from '../../authority/resource-sync.js'
import type { ChangeRow } from '../../changes/change-row.js'
import { changeRows } from '../../changes/change-rows.js'
import { type Outcome, outcomeOf } from '../../changes/outcome.js'
import { caState, knownCa, runCa, type TransactionContext } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { afterChange } from '../../transaction/errors.js'
import { transact } from '../../transaction/transact.js'
import { GONE } from '../parent/send-request.js'
import type { Deliver } from './deliver.js'
import { knownParent } from './list-parents.js'
import { askParent, failureText } from './parent-messages.js'

export interface Revocation {
  readonly class: string
  readonly ski: KeyId
  /** `refused` and `failed`: the parent certifies the key until its certificate ends; `skipped`: not asked after a failure. */
  readonly outcome: 'revoked' | 'refused' | 'failed' | 'skipped'
  readonly message: string | null
}

/** Report of the change; `lost` and `regained` are of any CA below, and what is lost stays configured. */
export interface ParentRemoveReport extends Outcome, Impacts {
  readonly ca: Handle
  readonly parent: Handle
  /** Keys that a parent elsewhere was asked to revoke; empty in a dry run. */
  readonly revocations: readonly Revocation[]
  /** Children that are entitled to less afterwards. */
  readonly children: readonly Handle[]
  readonly changes: readonly ChangeRow[]
}

/** Removes a parent. Throws `ca-unknown`, `parent-unknown` (rejected). */
export async function removeParent(
  session: Session,
  ca: Handle,
  parent: Handle,
  options: { readonly deliver: Deliver; readonly dryRun?: boolean },
): Promise<ParentRemoveReport> {
  const dryRun = options.dryRun === true
  const state = await session.store.read(async (reader) => knownCa(new Work(reader), ca))
  const known = knownParent(state, parent)
  const isAsked = known.transport === 'rfc6492' && !dryRun
  const revocations = isAsked ? await revokeAll(session, state, parent, known, options.deliver) : []
  const left = transact(session, (tx) => leave(session, tx, ca, parent, dryRun), { dryRun })
  const done = await left.catch((error: unknown) => {
    throw revocations.some(({ outcome }) => outcome === 'revoked') ? afterChange(error) : error
  })
  if (!dryRun) removeExchange(session.options.dataDir, { kind: 'parent', ca, peer: parent }, session.options.onNotice)
  const { due, ...result } = done.result
  return { ca, parent, revocations, ...result, ...outcomeOf(done, 'ca', ca, due, dryRun) }
}

async function leave(session: Session, tx: TransactionContext, ca: Handle, parent: Handle, dryRun: boolean) {
  const before = visibleObjects(tx, session.timing)
  const was = knownCa(tx.work, ca)
  const known = knownParent(was, parent)
  await revokeLocally(tx, was, parent, known)
  await runCa(tx, ca, { type: 'parent.remove', parent })
  await syncResources(tx, localChildren(tx, ca))
  const is = caState(tx.work, ca)
  const { lost, regained } = diffVisibility(before, visibleObjects(tx, session.timing))
  return {
    ...{ lost, regained, children: losingChildren(was, is) },
    changes: await changeRows(tx, session.timing, { dryRun }),
    due: dueTimes(is, session.timing)?.due ?? null,
  }
}

async function revokeLocally(tx: TransactionContext, state: CaState, parent: Handle, known: Parent): Promise<void> {
  if (known.transport !== 'local') return
  const skis = certifiedKeys(state, parent).map(({ ski }) => ski)
  await revokeAtParent(tx, known, skis)
}

function certifiedKeys(state: CaState, parent: Handle) {
  return Object.values(state.classes)
    .filter((own) => own.parent === parent)
    .flatMap(({ name, parentClass, keys }) =>
      keys.filter(({ certificate }) => certificate !== null).map(({ ski }) => ({ class: name, parentClass, ski })),
    )
}

/** Returns the children whose entitlement in any class is another one. */
function losingChildren(was: CaState, is: CaState): readonly Handle[] {
  const held = (state: CaState, child: Handle): string =>
    entitlementsOf(state, child)
      .map(({ resources }) => formatResources(fromResourceText(resources)))
      .join('; ')
  return (Object.keys(was.children).sort() as Handle[]).filter((child) => held(was, child) !== held(is, child))
}

/** Asks the parent to revoke each key that it certified. After a failure the others are not tried: they would wait for the same time-out. */
async function revokeAll(
  session: Session,
  state: CaState,
  parent: Handle,
  contact: RemoteParent,
  deliver: Deliver,
): Promise<readonly Revocation[]> {
  const done: Revocation[] = []
  let isDown = false
  for (const { class: name, parentClass: className, ski } of certifiedKeys(state, parent)) {
    const row = (outcome: Revocation['outcome'], message: string | null = null) =>
      done.push({ class: name, ski, outcome, message })
    if (isDown) {
      row('skipped')
      continue
    }
    try {
      const answer = await askParent(session, { state, parent, contact }, { type: 'revoke', className, ski }, deliver)
      if (answer.type === 'revoke_response' && answer.ski === ski) row('revoked')
      else if (answer.type !== 'error_response') row('failed', `the parent answered ${answer.type}`)
      else if (GONE.has(answer.status)) row('revoked')
      else row('refused', failureText(answer))
    } catch (error) {
      if (!(error instanceof AppError) || (error.kind !== 'remote' && error.code !== 'peer-host-busy')) throw error
      isDown = true
      row('failed', error.message)
    }
  }
  return done
}
