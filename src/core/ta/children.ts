/** The trust anchor as a parent: adding, changing and certifying children (RFC 6492 sections 3.3 and 3.4). */
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
  merge,
  NO_CHILD_CHANGES,
  type ParkedCertificate,
} from '../issuing/children.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { reissueParked } from '../issuing/suspension.js'
import { ALL_RESOURCES, isEmpty, toResourceText } from '../resources/resource-set.js'
import { fileName } from '../rpki/object-kinds.js'
import { type PublishingEvent, reconcile, reconciled } from './publishing.js'
import { TA_CLASS, type TaState, taIssuer } from './state.js'

export const childEvents = childEventsOn<TaState>(({ point }, { ski, sha256 }) =>
  entry(point.objects, fileName('cer', ski))?.sha256 === sha256 ? TA_CLASS : undefined,
)

interface Certification {
  readonly request: ChildRequest
}

const command = commandsOn<TaState, EventOf<typeof childEvents> | PublishingEvent, IssuingPorts>()

export const childCommands = {
  ...childCommandsOn<TaState, PublishingEvent>({ held: () => ALL_RESOURCES, reconciled }),
  // its children are CAs of this data directory, which send no messages
  'child.remove': command<{ readonly child: Handle }>({
    check: (state, { child }) => checkKnownChild(state, child),
    decide: (_, { child }, ports) => reconciled([{ type: 'child.removed', child }], ports),
    publishesOnly: false,
    summarize: ({ child }) => ({ child }),
  }),
  'child.unsuspend': command<{ readonly child: Handle }>({
    check: (state, { child }) => checkKnownChild(state, child),
    decide: ({ children }, { child }, ports) => {
      const before = entry(children, child)
      if (before?.suspended === undefined) return []
      const parked = Object.values(before.parked ?? {})
      return {
        events: [{ type: 'child.unsuspended', child }],
        followUp: async (state) => reconcile(state, ports, { children: await reissued(state, child, parked, ports) }),
      }
    },
    publishesOnly: false,
    summarize: ({ child }) => ({ child }),
  }),
  'child.certify': command<Certification>({
    check: checkCertification,
    decide: async (state, one, ports) => reconcile(state, ports, { children: await certifyChild(state, one, ports) }),
    publishesOnly: false,
    summarize: ({ request: { child, ski } }) => ({ child, ski }),
  }),
  /** Any number of certificates and revocations with one manifest. */
  'children.certify': command<Certifications<Certification>>({
    check: (state, list) => checkCertifications(state, list, (one) => checkCertification(state, one)),
    decide: (_, { certify: all, revoke }, ports) => ({
      events: revocationsOf(revoke),
      followUp: async (state) => {
        const changes: ChildChanges[] = []
        for (const one of all) changes.push(await certifyChild(state, one, ports))
        return reconcile(state, ports, { children: merge(changes) })
      },
    }),
    publishesOnly: false,
    summarize: summarizeCertifications,
  }),
}

/** Issues what a child had before it was suspended. */
async function reissued(
  { children, key, place, point }: TaState,
  name: Handle,
  parked: readonly ParkedCertificate[],
  ports: IssuingPorts,
): Promise<ChildChanges> {
  const child = entry(children, name)
  if (child === undefined || key === null || place === null) return NO_CHILD_CHANGES
  return reissueParked(child, parked, taIssuer(key, place, point), ALL_RESOURCES, ports)
}

function checkCertification({ children }: TaState, { request }: Certification): readonly Violation[] {
  const { child } = request
  return entry(children, child) === undefined ? [unknownChild(child)] : checkChildKey(children, request)
}

async function certifyChild(state: TaState, { request }: Certification, ports: IssuingPorts): Promise<ChildChanges> {
  const child = entry(state.children, request.child)
  if (child === undefined || state.key === null || state.place === null)
    throw new TypeError('certify runs only after its check')
  return certify(taIssuer(state.key, state.place, state.point), request, entitled(child, ALL_RESOURCES), ports)
}

/** Returns what a child may request from the trust anchor. */
export function taEntitlementsOf(state: TaState, childName: Handle): readonly Entitlement[] {
  const child = entry(state.children, childName)
  if (child === undefined || state.key === null || state.place === null) return []
  const resources = entitled(child, ALL_RESOURCES)
  if (isEmpty(resources)) return []
  const { base: issuerUri } = taIssuer(state.key, state.place, state.point)
  const issued = Object.values(child.issued).filter(
    (c) => entry(state.point.objects, fileName('cer', c.ski))?.sha256 === c.sha256,
  )
  return [{ className: TA_CLASS, resources: toResourceText(resources), issuerUri, issued }]
}
