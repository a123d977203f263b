/**
 * Resource sync between local parents and children, in one unit of work: entitlements go down, requests up, certificates down (what RFC 6492
 * does over the network).
 * Invariant: when it returns, every certificate below the starting point equals what its parent entitles it to.
 */
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import { secondsBetween } from '../../base/time.js'
import { entitlementsOf } from '../../ca/children.js'
import { siaOf } from '../../ca/classes.js'
import type { LocalParent } from '../../ca/contacts.js'
import { type IsOutdated, type OpenRequest, openRequests } from '../../ca/requests.js'
import { type CaState, type ClassKey, type ResourceClass, repositoryOf } from '../../ca/state.js'
import type { KeyId, Sha256 } from '../../crypto/ports.js'
import { type Entitlement, type IssuedCertificate, wantsCertificate } from '../../issuing/children.js'
import { fileName } from '../../rpki/object-kinds.js'
import { taEntitlementsOf } from '../../ta/children.js'
import { caState, runCa, runTa, type TransactionContext, taState } from '../session/context.js'
import { isParentUnconfirmed } from './roll-waits.js'

/** Brings a CA to what its parents entitle it to; if that changed it, also the CAs below. Returns the handles that changed. */
export async function syncResources(tx: TransactionContext, handle: Handle): Promise<readonly Handle[]> {
  const changed = await syncWithParents(tx, handle)
  const touched = changed ? [handle] : []
  if (!changed) return touched
  for (const child of localChildren(tx, handle)) touched.push(...(await syncResources(tx, child)))
  return touched
}

/**
 * Records what a repository elsewhere of a CA has confirmed; `base`: that of the repository, left out for the present one. A parent in this directory
 * revokes the old key of a roll now, and the day of staging of a child begins.
 */
export async function confirmPublication(
  tx: TransactionContext,
  handle: Handle,
  confirmed: { readonly content: Sha256; readonly base?: string },
): Promise<void> {
  await runCa(tx, handle, { type: 'repository.confirm', ...confirmed })
  const touched = await syncResources(tx, handle)
  if (!touched.includes(handle)) for (const child of localChildren(tx, handle)) await syncResources(tx, child)
}

/** Returns the children of a CA or trust anchor that are CAs of this data directory. */
export function localChildren(tx: TransactionContext, parent: Handle): readonly Handle[] {
  const names = tx.work.exists('ca', parent)
    ? Object.keys(caState(tx.work, parent).children)
    : Object.keys(taState(tx.work, parent).children)
  return (names.sort() as Handle[]).filter((name) => tx.work.exists('ca', name) && parentsOf(tx, name).includes(parent))
}

function parentsOf(tx: TransactionContext, handle: Handle): readonly Handle[] {
  const state = caState(tx.work, handle)
  return state.status === 'active'
    ? Object.values(state.parents).flatMap((p) => (p.transport === 'local' ? [p.aggregate.handle] : []))
    : []
}

async function syncWithParents(tx: TransactionContext, handle: Handle): Promise<boolean> {
  let changed = false
  for (const [parent, contact] of Object.entries(caState(tx.work, handle).parents))
    if (contact.transport === 'local' && (await syncWithParent(tx, handle, parent as Handle, contact))) changed = true
  return changed
}

async function syncWithParent(
  tx: TransactionContext,
  handle: Handle,
  parent: Handle,
  contact: LocalParent,
): Promise<boolean> {
  if (caState(tx.work, handle).repository === null) return false
  const entitlements = listEntitlements(tx, contact)
  const events = await runCa(tx, handle, { type: 'parent.sync', parent, entitlements })
  let changed = events.length > 0
  const isOutdated: IsOutdated = (own, key) => {
    const entitlement = entitlements.find((e) => e.className === own.parentClass)
    return entitlement !== undefined && mustRequest(tx, entitlement, key)
  }
  for (const request of openRequests(caState(tx.work, handle), parent, isOutdated))
    if (await carryOut(tx, handle, contact, request)) changed = true
  if (await receiveAll(tx, handle, parent, contact)) changed = true
  return changed
}

/** Returns what the parent entitles this child to now. */
export function listEntitlements(tx: Pick<TransactionContext, 'work'>, contact: LocalParent): readonly Entitlement[] {
  const { kind, handle } = contact.aggregate
  return kind === 'ta'
    ? taEntitlementsOf(taState(tx.work, handle), contact.childName)
    : entitlementsOf(caState(tx.work, handle), contact.childName)
}

/** Carries out one open request at the parent. Returns true if that removed a key of the CA. */
async function carryOut(
  tx: TransactionContext,
  handle: Handle,
  contact: LocalParent,
  { kind, class: className, ski }: OpenRequest,
): Promise<boolean> {
  const state = caState(tx.work, handle)
  const own = entry(state.classes, className)
  const key = own?.keys.find((k) => k.ski === ski)
  if (own === undefined || key === undefined) return false
  if (kind === 'issue') {
    // a request before this one may have had it renewed already
    const offer = offerOf(tx, contact, own)
    if (offer !== undefined && mustRequest(tx, offer, key)) await request(tx, state, own, key, contact)
    return false
  }
  await revokeAtParent(tx, contact, ski)
  await runCa(tx, handle, { type: 'keyroll.finish', className, ski })
  return true
}

/** Revokes a key of the child at its parent, unless it has no certificate there. */
export async function revokeAtParent(
  tx: TransactionContext,
  { aggregate, childName: child }: LocalParent,
  ski: KeyId,
): Promise<void> {
  const isTa = aggregate.kind === 'ta'
  const { children } = isTa ? taState(tx.work, aggregate.handle) : caState(tx.work, aggregate.handle)
  if (entry(entry(children, child)?.issued ?? {}, ski) === undefined) return
  const command = { type: 'child.revoke', child, ski } as const
  if (isTa) await runTa(tx, aggregate.handle, command)
  else await runCa(tx, aggregate.handle, command)
}

/** Takes every certificate that the parent lists and the CA does not have. */
async function receiveAll(
  tx: TransactionContext,
  handle: Handle,
  parent: Handle,
  contact: LocalParent,
): Promise<boolean> {
  let changed = false
  for (const own of Object.values(caState(tx.work, handle).classes))
    for (const key of own.parent === parent ? own.keys : [])
      if (await receive(tx, handle, own, key, contact)) changed = true
  return changed
}

async function receive(
  tx: TransactionContext,
  handle: Handle,
  own: ResourceClass,
  key: ClassKey,
  contact: LocalParent,
): Promise<boolean> {
  const offer = offerOf(tx, contact, own)
  const certificate = offer === undefined ? undefined : issuedTo(offer, key)
  if (offer === undefined || certificate === undefined) return false
  const events = await runCa(tx, handle, {
    type: 'certificate.receive',
    className: own.name,
    ski: key.ski,
    certificate: {
      uri: `${offer.issuerUri}${fileName('cer', key.ski)}`,
      sha256: certificate.sha256,
      resources: certificate.resources,
      notAfter: certificate.notAfter,
    },
    awaitsParent: isParentUnconfirmed(tx, contact),
  })
  return events.length > 0
}

function offerOf(tx: TransactionContext, contact: LocalParent, own: ResourceClass): Entitlement | undefined {
  return listEntitlements(tx, contact).find((e) => e.className === own.parentClass)
}

function issuedTo(entitlement: Entitlement, key: ClassKey): IssuedCertificate | undefined {
  return entitlement.issued.find((c) => c.ski === key.ski)
}

/** Returns true if the key has no certificate, one with other resources than entitled, or one that is about to expire. */
function mustRequest(tx: TransactionContext, entitlement: Entitlement, key: ClassKey): boolean {
  const issued = issuedTo(entitlement, key)
  if (issued === undefined || wantsCertificate(issued, entitlement)) return true
  return secondsBetween(tx.ports.clock.now(), issued.notAfter) <= tx.ports.timing.childReissueSeconds
}

async function request(
  tx: TransactionContext,
  state: CaState,
  own: ResourceClass,
  key: ClassKey,
  contact: LocalParent,
): Promise<void> {
  const repository = repositoryOf(state, key)
  if (repository === null) return
  const order = {
    child: contact.childName,
    ski: key.ski,
    spki: key.spki,
    sia: siaOf(repository, own.name, key.ski),
  }
  if (contact.aggregate.kind === 'ta')
    await runTa(tx, contact.aggregate.handle, { type: 'child.certify', request: order })
  else await runCa(tx, contact.aggregate.handle, { type: 'child.certify', className: own.parentClass, request: order })
}
