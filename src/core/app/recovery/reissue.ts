/**
 * Issues missing objects again: a ROA, an ASPA or a router key is removed and added, a child's certificate is requested again; manifest and CRL are issued with them.
 * Invariant: the configuration stays the same; only the objects change.
 */
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import { configuredAspas } from '../../ca/aspas.js'
import { routerObject } from '../../ca/products/router-objects.js'
import type { RoaAddition } from '../../ca/roas.js'
import { configuredRouters } from '../../ca/routers.js'
import type { RoaConfig } from '../../ca/state/configured.js'
import type { CaState } from '../../ca/state/state.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { Child } from '../../issuing/children.js'
import type { PublicationPoint } from '../../issuing/point.js'
import { objectsInUse } from '../../pubd/content.js'
import { aspaFileName } from '../../resources/aspa-payload.js'
import { fromResourceText, NO_RESOURCES } from '../../resources/resource-set.js'
import { fromRoaKey, roaAggregateFileName, roaFileName } from '../../resources/roa-payload.js'
import { routerName } from '../../resources/router-names.js'
import type { ResourceSet } from '../../resources/types.js'
import { syncResources } from '../authority/resource-sync.js'
import { pubdState, readCas, runCa, runPubd, runTa, type TransactionContext, taState } from '../session/context.js'
import { publishLocal } from '../transaction/local-publication.js'

/** Issues missing objects again. Starts a new RRDP session if an object is missing that only RRDP deltas reference. */
export async function reissue(
  tx: TransactionContext,
  handles: readonly Handle[],
  missing: ReadonlySet<Sha256>,
): Promise<void> {
  for (const handle of tx.work.handles('ta')) if (handles.includes(handle)) await reissueTa(tx, handle, missing)
  for (const state of readCas(tx.work).cas) if (handles.includes(state.handle)) await reissueCa(tx, state, missing)
  await publishLocal(tx, handles)
  if ([...objectsInUse(pubdState(tx.work))].some((sha256) => missing.has(sha256)))
    await runPubd(tx, { type: 'session.reset' })
}

async function reissueTa(tx: TransactionContext, handle: Handle, missing: ReadonlySet<Sha256>): Promise<void> {
  const { point, children } = taState(tx.work, handle)
  for (const child of childrenOf(children, missing)) {
    const run = (resources: ResourceSet) => runTa(tx, handle, { type: 'child.update', child, resources })
    await reissueCertificate(tx, child, entry(children, child), run)
  }
  if (hasMissing(point, missing)) await runTa(tx, handle, { type: 'republish', force: true })
}

async function reissueCa(tx: TransactionContext, state: CaState, missing: ReadonlySet<Sha256>): Promise<void> {
  const { handle } = state
  const points = Object.values(state.classes).flatMap((c) => c.keys.map((k) => k.point))
  const names = new Set(points.flatMap((point) => missingNames(point, missing)))
  const roas = Object.entries(state.roas).filter(([key]) => {
    const payload = fromRoaKey(key)
    return names.has(roaFileName(payload)) || names.has(roaAggregateFileName(payload.asn))
  })
  if (roas.length > 0) {
    await runCa(tx, handle, { type: 'roas.update', add: [], remove: roas.map(([key]) => fromRoaKey(key)) })
    await runCa(tx, handle, { type: 'roas.update', add: roas.map(additionOf), remove: [] })
  }
  const aspas = configuredAspas(state).filter(({ customer }) => names.has(aspaFileName(customer)))
  if (aspas.length > 0) {
    const remove = aspas.map(({ customer }) => customer)
    const add = aspas.map(({ customer, providers, comment }) => ({ payload: { customer, providers }, comment }))
    await runCa(tx, handle, { type: 'aspas.update', add: [], edit: [], remove })
    await runCa(tx, handle, { type: 'aspas.update', add, edit: [], remove: [] })
  }
  const routers = configuredRouters(state).filter((config) => names.has(routerObject(config).name))
  if (routers.length > 0) {
    const remove = routers.map(({ asn, ski }) => routerName(asn, ski))
    const none = { add: [], edit: [], remove: [], sameKey: true }
    await runCa(tx, handle, { type: 'routers.update', ...none, remove })
    await runCa(tx, handle, { type: 'routers.update', ...none, add: routers })
  }
  for (const child of childrenOf(state.children, missing)) {
    const run = (resources: ResourceSet) => runCa(tx, handle, { type: 'child.update', child, resources })
    await reissueCertificate(tx, child, entry(state.children, child), run)
  }
  if (points.some((point) => hasMissing(point, missing))) await runCa(tx, handle, { type: 'republish', force: true })
}

function additionOf([key, { comment }]: [string, RoaConfig]): RoaAddition {
  return { payload: fromRoaKey(key), comment }
}

/**
 * Issues a child's certificate again. A certificate is issued only when the child's resources change, so this removes them, grants the same
 * again, and lets the child request.
 */
async function reissueCertificate(
  tx: TransactionContext,
  child: Handle,
  held: Child | undefined,
  update: (resources: ResourceSet) => Promise<unknown>,
): Promise<void> {
  if (held === undefined) return
  await update(NO_RESOURCES)
  await update(fromResourceText(held.resources))
  if (tx.work.exists('ca', child)) await syncResources(tx, child)
}

function childrenOf(children: Readonly<Record<string, Child>>, missing: ReadonlySet<Sha256>): readonly Handle[] {
  return Object.entries(children)
    .filter(([, child]) => Object.values(child.issued).some((c) => missing.has(c.sha256)))
    .map(([name]) => name as Handle)
}

function missingNames(point: PublicationPoint, missing: ReadonlySet<Sha256>): readonly string[] {
  return Object.entries(point.objects)
    .filter(([, object]) => missing.has(object.sha256))
    .map(([name]) => name)
}

/** Returns true if the manifest or the CRL is missing. */
function hasMissing({ manifest, crl }: PublicationPoint, missing: ReadonlySet<Sha256>): boolean {
  return [manifest?.sha256, crl?.sha256].some((sha256) => sha256 !== undefined && missing.has(sha256))
}
