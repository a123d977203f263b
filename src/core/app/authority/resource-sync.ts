/**
 * Resource sync between local parents and children, in one unit of work: entitlements go down, requests up, certificates down (what RFC 6492
 * does over the network).
 * Invariant: when it returns, every certificate below the starting point equals what its parent entitles it to. A suspended child waits with all its
 * classes; only keys that it gave up are revoked.
 */
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import { secondsBetween } from '../../base/time.js'
import { entitlementsOf } from '../../ca/children.js'
import { siaOf } from '../../ca/classes.js'
import type { LocalParent } from '../../ca/state/contacts.js'
import { type IsOutdated, openRequests } from '../../ca/state/requests.js'
import { type CaState, type ClassKey, type ResourceClass, repositoryOf } from '../../ca/state/state.js'
import type { KeyId, Sha256 } from '../../crypto/ports.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import {
  type ChildRequest,
  type Entitlement,
  type IssuedCertificate,
  type Withdrawal,
  wantsCertificate,
} from '../../issuing/children.js'
import { knownCertificates } from '../../issuing/suspension.js'
import { fileName } from '../../rpki/object-kinds.js'
import { taEntitlementsOf } from '../../ta/children.js'
import { caState, runCa, runTa, type TransactionContext, taState } from '../session/context.js'
import { childAt, suspendedSince } from '../session/suspended-by.js'
import { isParentUnconfirmed } from './roll-waits.js'

/**
 * Brings CAs to what their parents entitle them to; if that changed them, also the CAs below. Each parent carries out all that they request in
 * one command, so that it issues one manifest for all of them. Returns the handles that changed.
 */
export async function syncResources(
  tx: TransactionContext,
  handles: Handle | readonly Handle[],
): Promise<readonly Handle[]> {
  const touched = new Set<Handle>()
  let level: readonly Handle[] = typeof handles === 'string' ? [handles] : handles
  while (level.length > 0) {
    const changed = await syncLevel(tx, level)
    for (const handle of changed) touched.add(handle)
    level = [...new Set(changed.flatMap((handle) => localChildren(tx, handle)))]
  }
  return [...touched]
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
  if (!touched.includes(handle)) await syncResources(tx, localChildren(tx, handle))
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

/** A CA as the child of one local parent. */
interface Relation {
  readonly handle: Handle
  readonly parent: Handle
  readonly contact: LocalParent
}

function relationsOf(tx: TransactionContext, handle: Handle): readonly Relation[] {
  const { repository, parents } = caState(tx.work, handle)
  if (repository === null) return []
  return Object.entries(parents).flatMap(([parent, contact]) =>
    contact.transport === 'local' ? [{ handle, parent: parent as Handle, contact }] : [],
  )
}

/** Brings CAs to what their parents entitle them to. Returns those that changed. */
async function syncLevel(tx: TransactionContext, handles: readonly Handle[]): Promise<readonly Handle[]> {
  const relations = handles.flatMap((handle) => relationsOf(tx, handle))
  const changed = new Set<Handle>()
  const orders = new Map<string, Order>()
  const ended: EndedKey[] = []
  for (const relation of relations) {
    const { handle, parent, contact } = relation
    const entitlements = listEntitlements(tx, contact)
    const isWaiting = suspendedSince(tx, contact) !== undefined
    const events = isWaiting ? [] : await runCa(tx, handle, { type: 'parent.sync', parent, entitlements })
    if (events.length > 0) changed.add(handle)
    const name = formatAggregateId(contact.aggregate)
    const order = orders.get(name) ?? { parent: contact.aggregate, certify: [], revoke: [] }
    orders.set(name, order)
    ended.push(...collect(tx, relation, entitlements, order))
  }
  for (const order of orders.values()) await carryOut(tx, order)
  for (const { handle, className, ski } of ended) {
    await runCa(tx, handle, { type: 'keyroll.finish', className, ski })
    changed.add(handle)
  }
  for (const { handle, parent, contact } of relations)
    if (await receiveAll(tx, handle, parent, contact)) changed.add(handle)
  return handles.filter((handle) => changed.has(handle))
}

/** Returns what the parent entitles this child to now. */
export function listEntitlements(tx: Pick<TransactionContext, 'work'>, contact: LocalParent): readonly Entitlement[] {
  const { kind, handle } = contact.aggregate
  return kind === 'ta'
    ? taEntitlementsOf(taState(tx.work, handle), contact.childName)
    : entitlementsOf(caState(tx.work, handle), contact.childName)
}

/** All that a parent is to carry out for its children. */
interface Order {
  readonly parent: AggregateId
  readonly certify: { readonly className: string; readonly request: ChildRequest }[]
  readonly revoke: Withdrawal[]
}

/** A key that its CA gave up: it is removed when the parent has revoked it. */
interface EndedKey {
  readonly handle: Handle
  readonly className: string
  readonly ski: KeyId
}

/** Adds the open requests of a CA to the order at its parent. Returns the keys that end with it. */
function collect(
  tx: TransactionContext,
  { handle, parent, contact }: Relation,
  entitlements: readonly Entitlement[],
  order: Order,
): readonly EndedKey[] {
  const state = caState(tx.work, handle)
  const offerTo = (own: ResourceClass) => entitlements.find((e) => e.className === own.parentClass)
  const isOutdated: IsOutdated = (own, key) => {
    const offer = offerTo(own)
    return offer !== undefined && mustRequest(tx, offer, key)
  }
  const ended: EndedKey[] = []
  for (const { kind, class: className, ski } of openRequests(state, parent, isOutdated)) {
    const own = entry(state.classes, className)
    const key = own?.keys.find((k) => k.ski === ski)
    if (own === undefined || key === undefined) continue
    if (kind === 'issue') {
      const request = isOutdated(own, key) ? requestOf(state, own, key, contact) : undefined
      if (request !== undefined) order.certify.push({ className: own.parentClass, request })
    } else {
      order.revoke.push(...certifiedAtParent(tx, contact, ski))
      ended.push({ handle, className, ski })
    }
  }
  return ended
}

/** Runs an order at the parent as one command: one of its own type where it is a single request. */
async function carryOut(tx: TransactionContext, { parent, certify, revoke }: Order): Promise<void> {
  const { kind, handle } = parent
  const [first] = certify
  const [ended] = revoke
  if (first !== undefined && certify.length === 1 && ended === undefined) {
    if (kind === 'ta') await runTa(tx, handle, { type: 'child.certify', request: first.request })
    else await runCa(tx, handle, { type: 'child.certify', ...first })
  } else if (first === undefined && ended !== undefined && revoke.length === 1) {
    const command = { type: 'child.revoke', ...ended } as const
    if (kind === 'ta') await runTa(tx, handle, command)
    else await runCa(tx, handle, command)
  } else if (first !== undefined || ended !== undefined) {
    if (kind === 'ta') {
      const requests = certify.map(({ request }) => ({ request }))
      await runTa(tx, handle, { type: 'children.certify', certify: requests, revoke })
    } else await runCa(tx, handle, { type: 'children.certify', certify, revoke })
  }
}

/** Revokes keys of the child at its parent, as far as they have a certificate there. */
export async function revokeAtParent(
  tx: TransactionContext,
  contact: LocalParent,
  skis: readonly KeyId[],
): Promise<void> {
  const revoke = skis.flatMap((ski) => certifiedAtParent(tx, contact, ski))
  await carryOut(tx, { parent: contact.aggregate, certify: [], revoke })
}

function certifiedAtParent(
  tx: TransactionContext,
  { aggregate, childName: child }: LocalParent,
  ski: KeyId,
): readonly Withdrawal[] {
  const known = childAt(tx, { aggregate, childName: child })
  return known === undefined || entry(knownCertificates(known), ski) === undefined ? [] : [{ child, ski }]
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

function requestOf(state: CaState, own: ResourceClass, key: ClassKey, contact: LocalParent): ChildRequest | undefined {
  const repository = repositoryOf(state, key)
  if (repository === null) return undefined
  const sia = siaOf(repository, own.name, key.ski)
  return { child: contact.childName, ski: key.ski, spki: key.spki, sia }
}
