/** The trust anchor as a parent: adding, changing and certifying children (RFC 6492 sections 3.3 and 3.4). */
import type { Handle } from '../base/handle.js'
import { entry } from '../base/record.js'
import { commandsOn, type EventOf } from '../eventsourcing/declare.js'
import {
  checkChildAdd,
  checkChildKey,
  checkChildRevoke,
  checkChildUpdate,
  unknownChild,
} from '../issuing/child-checks.js'
import { type ChildResources, childEventsOn, summarizeChild } from '../issuing/child-tables.js'
import { type ChildRequest, certify, type Entitlement, entitled, type Withdrawal } from '../issuing/children.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { ALL_RESOURCES, equalSets, fromResourceText, isEmpty, toResourceText } from '../resources/resource-set.js'
import { fileName } from '../rpki/object-kinds.js'
import { type PublishingEvent, reconcile, reconciled } from './publishing.js'
import { TA_CLASS, type TaState, taIssuer } from './state.js'

export const childEvents = childEventsOn<TaState>()

const command = commandsOn<TaState, EventOf<typeof childEvents> | PublishingEvent, IssuingPorts>()

export const childCommands = {
  'child.add': command<ChildResources>({
    check: ({ children }, { child, resources }) => checkChildAdd(children, child, resources, ALL_RESOURCES),
    decide: (_, { child, resources }) => [{ type: 'child.added', child, resources: toResourceText(resources) }],
    publishesOnly: false,
    summarize: summarizeChild,
  }),
  'child.update': command<ChildResources>({
    check: ({ children }, { child, resources }) => checkChildUpdate(children, child, resources, ALL_RESOURCES),
    decide: ({ children }, { child, resources }, ports) => {
      const before = entry(children, child)
      if (before !== undefined && equalSets(fromResourceText(before.resources), resources)) return []
      return reconciled([{ type: 'child.updated', child, resources: toResourceText(resources) }], ports)
    },
    publishesOnly: false,
    summarize: summarizeChild,
  }),
  // its children are CAs of this data directory, which send no messages
  'child.remove': command<{ readonly child: Handle }>({
    check: ({ children }, { child }) => (entry(children, child) === undefined ? [unknownChild(child)] : []),
    decide: (_, { child }, ports) => reconciled([{ type: 'child.removed', child }], ports),
    publishesOnly: false,
    summarize: ({ child }) => ({ child }),
  }),
  'child.suspend': command<{ readonly child: Handle }>({
    check: ({ children }, { child }) => (entry(children, child) === undefined ? [unknownChild(child)] : []),
    decide: ({ children }, { child }, ports) =>
      entry(children, child)?.suspended === undefined
        ? reconciled([{ type: 'child.suspended', child, at: ports.clock.now() }], ports)
        : [],
    publishesOnly: false,
    summarize: ({ child }) => ({ child }),
  }),
  'child.unsuspend': command<{ readonly child: Handle }>({
    check: ({ children }, { child }) => (entry(children, child) === undefined ? [unknownChild(child)] : []),
    // a child of the trust anchor is a CA of this data directory, which requests a certificate itself
    decide: ({ children }, { child }) =>
      entry(children, child)?.suspended === undefined ? [] : [{ type: 'child.unsuspended', child }],
    publishesOnly: false,
    summarize: ({ child }) => ({ child }),
  }),
  'child.revoke': command<Withdrawal>({
    check: ({ children }, withdrawal) => checkChildRevoke(children, withdrawal),
    decide: (_, { child, ski }, ports) => reconciled([{ type: 'child.key.revoked', child, ski }], ports),
    publishesOnly: false,
    summarize: ({ child, ski }) => ({ child, ski }),
  }),
  'child.certify': command<{ readonly request: ChildRequest }>({
    check: ({ children }, { request, request: { child } }) =>
      entry(children, child) === undefined ? [unknownChild(child)] : checkChildKey(children, request),
    decide: async (state, { request }, ports) => {
      const child = entry(state.children, request.child)
      if (child === undefined || state.key === null || state.place === null)
        throw new TypeError('certify runs only after its check')
      const issuer = taIssuer(state.key, state.place, state.point)
      return reconcile(state, ports, {
        children: await certify(issuer, request, entitled(child, ALL_RESOURCES), ports),
      })
    },
    publishesOnly: false,
    summarize: ({ request: { child, ski } }) => ({ child, ski }),
  }),
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
