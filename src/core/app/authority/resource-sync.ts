/**
 * Local parents and children: entitlements down, requests up, certificates down, all in one unit of work (RFC 6492 without the wire).
 * Invariant: when it returns, every certificate below the starting point equals what its parent entitles it to.
 */
import type { Handle } from '../../base/handle.js'
import { secondsBetween } from '../../base/time.js'
import { entitlementsOf } from '../../ca/children.js'
import { classFor, siaOf } from '../../ca/classes.js'
import type { CaState, ClassKey, Parent, ResourceClass } from '../../ca/state.js'
import { type Entitlement, type IssuedCertificate, wantsCertificate } from '../../issuing/children.js'
import { taEntitlementsOf } from '../../ta/state.js'
import { caState, type Desk, runCa, runTa, taState } from '../transaction/context.js'

/** Brings one CA up to what its parents give it, then every CA below it that was touched. Returns the handles that changed. */
export async function syncDown(desk: Desk, handle: Handle): Promise<readonly Handle[]> {
  const changed = await syncWithParents(desk, handle)
  const touched = changed ? [handle] : []
  if (!changed) return touched
  for (const child of localChildren(desk, handle)) touched.push(...(await syncDown(desk, child)))
  return touched
}

/** Children of a CA or trust anchor that live in this data directory. */
export function localChildren(desk: Desk, parent: Handle): readonly Handle[] {
  const names = desk.work.exists('ca', parent)
    ? Object.keys(caState(desk.work, parent).children)
    : Object.keys(taState(desk.work, parent).children)
  return (names.sort() as Handle[]).filter(
    (name) => desk.work.exists('ca', name) && parentsOf(desk, name).includes(parent),
  )
}

function parentsOf(desk: Desk, handle: Handle): readonly Handle[] {
  const state = caState(desk.work, handle)
  return state.status === 'active' ? Object.values(state.parents).map((p) => p.aggregate.handle) : []
}

async function syncWithParents(desk: Desk, handle: Handle): Promise<boolean> {
  let changed = false
  for (const [parent, contact] of Object.entries(caState(desk.work, handle).parents))
    if (await syncWithParent(desk, handle, parent as Handle, contact)) changed = true
  return changed
}

async function syncWithParent(desk: Desk, handle: Handle, parent: Handle, contact: Parent): Promise<boolean> {
  if (caState(desk.work, handle).repository === null) return false
  const entitlements = listEntitlements(desk, contact)
  const events = await runCa(desk, handle, { type: 'parent.sync', parent, entitlements })
  let changed = events.length > 0
  for (const { className } of entitlements)
    if (await syncClass(desk, handle, parent, contact, className)) changed = true
  return changed
}

/** What the parent lists for us now. */
export function listEntitlements(desk: Pick<Desk, 'work'>, contact: Parent): readonly Entitlement[] {
  const { kind, handle } = contact.aggregate
  return kind === 'ta'
    ? taEntitlementsOf(taState(desk.work, handle), contact.childName)
    : entitlementsOf(caState(desk.work, handle), contact.childName)
}

async function syncClass(
  desk: Desk,
  handle: Handle,
  parent: Handle,
  contact: Parent,
  className: string,
): Promise<boolean> {
  const own = classFor(caState(desk.work, handle), parent, className)
  if (own === undefined) return false
  let changed = false
  for (const key of own.keys) if (await syncKey(desk, handle, own, key, contact)) changed = true
  return changed
}

async function syncKey(
  desk: Desk,
  handle: Handle,
  own: ResourceClass,
  key: ClassKey,
  contact: Parent,
): Promise<boolean> {
  const offer = (): Entitlement | undefined =>
    listEntitlements(desk, contact).find((e) => e.className === own.parentClass)
  const before = offer()
  if (before === undefined) return false
  if (mustRequest(desk, before, key)) await request(desk, caState(desk.work, handle), own, key, contact)
  const after = offer()
  const certificate = after === undefined ? undefined : issuedTo(after, key)
  if (after === undefined || certificate === undefined) return false
  const events = await runCa(desk, handle, {
    type: 'certificate.receive',
    className: own.name,
    ski: key.ski,
    certificate: {
      uri: `${after.issuerUri}${key.ski}.cer`,
      sha256: certificate.sha256,
      resources: certificate.resources,
      notAfter: certificate.notAfter,
    },
  })
  return events.length > 0
}

function issuedTo(entitlement: Entitlement, key: ClassKey): IssuedCertificate | undefined {
  return entitlement.issued.find((c) => c.ski === key.ski)
}

/** None yet, other resources than entitled, or about to run out. */
function mustRequest(desk: Desk, entitlement: Entitlement, key: ClassKey): boolean {
  const issued = issuedTo(entitlement, key)
  if (issued === undefined || wantsCertificate(issued, entitlement)) return true
  return secondsBetween(desk.ports.clock.now(), issued.notAfter) <= desk.ports.timing.childReissueSeconds
}

async function request(desk: Desk, state: CaState, own: ResourceClass, key: ClassKey, contact: Parent): Promise<void> {
  if (state.repository === null) return
  const asked = {
    child: contact.childName,
    ski: key.ski,
    spki: key.spki,
    sia: siaOf(state.repository, own.name, key.ski),
  }
  if (contact.aggregate.kind === 'ta')
    await runTa(desk, contact.aggregate.handle, { type: 'child.certify', request: asked })
  else
    await runCa(desk, contact.aggregate.handle, { type: 'child.certify', className: own.parentClass, request: asked })
}
