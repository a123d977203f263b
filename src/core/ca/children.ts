/** A CA as a parent: adding, changing and certifying children under its classes (RFC 6492 section 3.3 and 3.4). */
import type { Violation } from '../base/errors.js'
import type { Handle } from '../base/handle.js'
import { entry, withEntry, withoutEntry } from '../base/record.js'
import {
  type Child,
  type ChildChanges,
  certify,
  checkChildAdd,
  checkChildUpdate,
  type Entitlement,
  entitled,
  unknownChild,
} from '../issuing/children.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { fromResourceText, isEmpty, NO_RESOURCES, toResourceText, union } from '../resources/resource-set.js'
import type { ResourceSet, ResourceText } from '../resources/types.js'
import type { CaCommand } from './commands.js'
import { type CaState, currentKey, issuerOf } from './state.js'

type Certify = Extract<CaCommand, { type: 'child.certify' }>

/** All that the CA's certificates hold together. */
export function heldResources(state: CaState): ResourceSet {
  let all = NO_RESOURCES
  for (const resourceClass of Object.values(state.classes)) {
    const key = currentKey(resourceClass)
    if (key !== undefined) all = union(all, fromResourceText(key.certificate.resources))
  }
  return all
}

export function checkAdd(state: CaState, child: Handle, resources: ResourceSet): readonly Violation[] {
  if (child === state.handle) return [{ code: 'child-self', message: `${child} cannot be its own child` }]
  return checkChildAdd(state.children, child, resources, heldResources(state))
}

export function checkUpdate(state: CaState, child: Handle, resources: ResourceSet): readonly Violation[] {
  return checkChildUpdate(state.children, child, resources, heldResources(state))
}

/** What each class entitles the child to; classes that give it nothing are left out. */
export function entitlementsOf(state: CaState, childName: Handle): readonly Entitlement[] {
  const child = entry(state.children, childName)
  if (child === undefined || state.repository === null || state.status !== 'active') return []
  const out: Entitlement[] = []
  for (const resourceClass of Object.values(state.classes)) {
    const key = currentKey(resourceClass)
    if (key === undefined) continue
    const resources = entitled(child, fromResourceText(key.certificate.resources))
    if (isEmpty(resources)) continue
    const names = key.point.objects
    out.push({
      className: resourceClass.name,
      resources: toResourceText(resources),
      issuerUri: issuerOf(state.repository, resourceClass, key).base,
      issued: Object.values(child.issued).filter((c) => entry(names, `${c.ski}.cer`)?.sha256 === c.sha256),
    })
  }
  return out
}

export function checkCertify(state: CaState, { request, className }: Certify): readonly Violation[] {
  const child = entry(state.children, request.child)
  if (child === undefined) return [unknownChild(request.child)]
  const resourceClass = entry(state.classes, className)
  if (resourceClass === undefined || currentKey(resourceClass) === undefined)
    return [{ code: 'class-unknown', message: `there is no resource class ${className} with a certificate` }]
  if (!entitlementsOf(state, request.child).some((e) => e.className === className))
    return [{ code: 'child-no-resources', message: `child ${request.child} holds nothing in class ${className}` }]
  return checkKeyReuse(state, request)
}

function checkKeyReuse(state: CaState, request: Certify['request']): readonly Violation[] {
  const owner = Object.entries(state.children).find(
    ([name, child]) => name !== request.child && entry(child.issued, request.ski) !== undefined,
  )
  if (owner === undefined) return []
  return [{ code: 'child-key-reuse', message: `key ${request.ski} was certified for child ${owner[0]} already` }]
}

/** Issues what was asked for, as far as the child is entitled. */
export async function certifyChild(
  state: CaState,
  { request, className }: Certify,
  ports: IssuingPorts,
): Promise<ChildChanges> {
  const child = entry(state.children, request.child)
  const resourceClass = entry(state.classes, className)
  const key = resourceClass === undefined ? undefined : currentKey(resourceClass)
  if (child === undefined || resourceClass === undefined || key === undefined || state.repository === null)
    throw new TypeError('certify runs only after its check')
  const issuer = issuerOf(state.repository, resourceClass, key)
  return certify(issuer, request, entitled(child, fromResourceText(key.certificate.resources)), ports)
}

export function withChild(state: CaState, name: Handle, resources: ResourceText): CaState {
  const old = entry(state.children, name)
  const child: Child = { transport: 'local', resources, issued: old?.issued ?? {} }
  return { ...state, children: withEntry(state.children, name, child) }
}

export function withoutChild(state: CaState, name: Handle): CaState {
  return { ...state, children: withoutEntry(state.children, name) }
}
