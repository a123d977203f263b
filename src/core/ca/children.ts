/** A CA as a parent: adding, changing and certifying children under its classes (RFC 6492 sections 3.3 and 3.4). */
import type { Violation } from '../base/errors.js'
import type { Handle } from '../base/handle.js'
import { entry } from '../base/record.js'
import { commandsOn, type EventOf } from '../eventsourcing/declare.js'
import { checkChildKey, unknownChild } from '../issuing/child-checks.js'
import {
  type Certifications,
  checkCertifications,
  checkKnownChild,
  childCommandsOn,
  revocationsOf,
  summarizeCertifications,
} from '../issuing/child-commands.js'
import { childEventsOn } from '../issuing/child-tables.js'
import {
  type ChildChanges,
  type ChildRequest,
  certify,
  type Entitlement,
  entitled,
  limited,
  merge,
  type ParkedCertificate,
} from '../issuing/children.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { reissueParked } from '../issuing/suspension.js'
import type { ReplayClock } from '../protocols/replay-clock.js'
import { fromResourceText, isEmpty, NO_RESOURCES, toResourceText, union } from '../resources/resource-set.js'
import type { ResourceSet } from '../resources/types.js'
import { fileName } from '../rpki/object-kinds.js'
import { type PublishingEvent, reconcile, reconciled } from './publishing.js'
import { type CaState, currentKey, issuerOf, type ResourceClass } from './state/state.js'

export const childEvents = childEventsOn<CaState>(({ classes }, { ski, sha256 }) => {
  const issues = (own: ResourceClass): boolean =>
    currentKey(own)?.point.objects[fileName('cer', ski)]?.sha256 === sha256
  return Object.values(classes).find(issues)?.name
})

interface Certification {
  readonly className: string
  readonly request: ChildRequest
}

const command = commandsOn<CaState, EventOf<typeof childEvents> | PublishingEvent, IssuingPorts>()

export const childCommands = {
  ...childCommandsOn<CaState, PublishingEvent>({
    held: heldResources,
    checkAdd: ({ handle }, child) =>
      child === handle ? [{ code: 'child-self', message: `${child} cannot be its own child` }] : [],
    reconciled,
  }),
  'child.remove': command<{ readonly child: Handle; readonly clock?: ReplayClock }>({
    check: (state, { child }) => checkKnownChild(state, child),
    decide: (_, { child, clock }, ports) =>
      reconciled([{ type: 'child.removed', child, ...(clock === undefined ? {} : { clock }) }], ports),
    publishesOnly: false,
    summarize: ({ child, clock }) => ({ child, ...(clock === undefined ? {} : { clock: { ...clock } }) }),
  }),
  'child.unsuspend': command<{ readonly child: Handle }>({
    check: (state, { child }) => checkKnownChild(state, child),
    decide: ({ children }, { child }, ports) => {
      const before = entry(children, child)
      if (before?.suspended === undefined) return []
      const { parked = {} } = before
      return {
        events: [{ type: 'child.unsuspended', child }],
        followUp: async (state) =>
          reconcile(state, ports, { children: await reissued(state, child, Object.values(parked), ports) }),
      }
    },
    publishesOnly: false,
    summarize: ({ child }) => ({ child }),
  }),
  'child.certify': command<Certification>({
    check: checkCertification,
    decide: async (state, certification, ports) => {
      const changes = await certifyChild(state, certification, ports)
      return reconcile(state, ports, { children: [{ class: certification.className, changes }] })
    },
    publishesOnly: false,
    summarize: ({ className, request: { child, ski } }) => ({ class: className, child, ski }),
  }),
  /** Any number of certificates and revocations with one manifest for each class. */
  'children.certify': command<Certifications<Certification>>({
    check: (state, list) => checkCertifications(state, list, (one) => checkCertification(state, one)),
    decide: (_, { certify: all, revoke }, ports) => ({
      events: revocationsOf(revoke),
      followUp: async (state) => reconcile(state, ports, { children: await certifyChildren(state, all, ports) }),
    }),
    publishesOnly: false,
    summarize: summarizeCertifications,
  }),
}

/** Issues what a child had before it was suspended, in each class that is still there. */
async function reissued(
  state: CaState,
  name: Handle,
  parked: readonly ParkedCertificate[],
  ports: IssuingPorts,
): Promise<readonly { readonly class: string; readonly changes: ChildChanges }[]> {
  const child = entry(state.children, name)
  if (child === undefined || state.repository === null) return []
  const all: { class: string; changes: ChildChanges }[] = []
  for (const own of Object.values(state.classes)) {
    const [key, had] = [currentKey(own), parked.filter((c) => c.class === own.name)]
    if (key === undefined || had.length === 0) continue
    const held = fromResourceText(key.certificate.resources)
    const changes = await reissueParked(child, had, issuerOf(state, own, key), held, ports)
    all.push({ class: own.name, changes })
  }
  return all
}

/** Returns the union of the resources of all current certificates of the CA. */
export function heldResources(state: CaState): ResourceSet {
  let all = NO_RESOURCES
  for (const resourceClass of Object.values(state.classes)) {
    const key = currentKey(resourceClass)
    if (key !== undefined) all = union(all, fromResourceText(key.certificate.resources))
  }
  return all
}

/** Returns what each class entitles the child to; classes that give it nothing are left out. */
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
      issuerUri: issuerOf(state, resourceClass, key).base,
      issued: Object.values(child.issued).filter((c) => entry(names, fileName('cer', c.ski))?.sha256 === c.sha256),
    })
  }
  return out
}

function checkCertification(state: CaState, { request, className }: Certification): readonly Violation[] {
  const child = entry(state.children, request.child)
  if (child === undefined) return [unknownChild(request.child)]
  const resourceClass = entry(state.classes, className)
  if (resourceClass === undefined || currentKey(resourceClass) === undefined)
    return [{ code: 'class-unknown', message: `there is no resource class ${className} with a certificate` }]
  if (!entitlementsOf(state, request.child).some((e) => e.className === className))
    return [{ code: 'child-no-resources', message: `child ${request.child} holds nothing in class ${className}` }]
  return checkChildKey(state.children, request)
}

/** Issues the requested certificates, by class. */
async function certifyChildren(
  state: CaState,
  all: readonly Certification[],
  ports: IssuingPorts,
): Promise<readonly { readonly class: string; readonly changes: ChildChanges }[]> {
  const byClass = new Map<string, ChildChanges[]>()
  for (const one of all) {
    const changes = await certifyChild(state, one, ports)
    const known = byClass.get(one.className)
    if (known === undefined) byClass.set(one.className, [changes])
    else known.push(changes)
  }
  return [...byClass].map(([name, changes]) => ({ class: name, changes: merge(changes) }))
}

/** Issues the requested certificate over what the child is entitled to. */
async function certifyChild(
  state: CaState,
  { request, className }: Certification,
  ports: IssuingPorts,
): Promise<ChildChanges> {
  const child = entry(state.children, request.child)
  const resourceClass = entry(state.classes, className)
  const key = resourceClass === undefined ? undefined : currentKey(resourceClass)
  if (child === undefined || resourceClass === undefined || key === undefined || state.repository === null)
    throw new TypeError('certify runs only after its check')
  const issuer = issuerOf(state, resourceClass, key)
  const held = fromResourceText(key.certificate.resources)
  return certify(issuer, request, limited(entitled(child, held), request.limit), ports)
}
