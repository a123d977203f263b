/** The part of the tables of commands that a CA and a trust anchor share as parents: children that are added, changed, suspended, and their keys. */
import type { Violation } from '../base/errors.js'
import type { Handle } from '../base/handle.js'
import { entry, type Table } from '../base/record.js'
import { commandsOn, type Decision, type EventOf } from '../eventsourcing/declare.js'
import type { DomainEvent } from '../eventsourcing/types.js'
import type { WithClocks } from '../protocols/replay-clock.js'
import { equalSets, fromResourceText, toResourceText } from '../resources/resource-set.js'
import type { ResourceSet } from '../resources/types.js'
import { checkChildAdd, checkChildRevoke, checkChildUpdate, checkDistinctKeys, unknownChild } from './child-checks.js'
import { type ChildResources, type childEventsOn, summarizeChild } from './child-tables.js'
import type { Child, ChildRequest, Withdrawal } from './children.js'
import type { IssuingPorts } from './ports.js'

type ParentState = WithClocks & { readonly children: Table<Child> }
type ChildEvent = EventOf<ReturnType<typeof childEventsOn<ParentState>>>

/** Differences between the parents. */
export interface Parenthood<S, E extends DomainEvent> {
  /** Returns the resources that it may give to children. */
  readonly held: (state: S) => ResourceSet
  /** Returns what keeps this child from being added, beside the common rules. */
  readonly checkAdd?: (state: S, child: Handle) => readonly Violation[]
  /** Returns the events and what issues the certificates, manifest and CRL that follow from them. */
  readonly reconciled: (events: readonly ChildEvent[], ports: IssuingPorts) => Decision<S, ChildEvent | E>
}

/** Children that are suspended at once, with one manifest: `child`, and the others. */
interface Suspension {
  readonly child: Handle
  readonly also?: readonly Handle[]
}

/** Revocations of keys of children, and certificates for them, that a parent carries out with one manifest. */
export interface Certifications<C extends { readonly request: ChildRequest }> {
  readonly certify: readonly C[]
  readonly revoke: readonly Withdrawal[]
}

/** Returns what history keeps of a list of certifications: the class where the parent has classes, child and key. */
export function summarizeCertifications({
  certify,
  revoke,
}: Certifications<{ readonly className?: string; readonly request: ChildRequest }>) {
  return {
    certified: certify.map(({ className, request: { child, ski } }) => {
      return { ...(className === undefined ? {} : { class: className }), child, ski }
    }),
    revoked: revoke.map(({ child, ski }) => ({ child, ski })),
  }
}

/** Returns the violations of a list of certifications. `one`: the violations of a single certificate. */
export function checkCertifications<C extends { readonly request: ChildRequest }>(
  { children }: ParentState,
  { certify, revoke }: Certifications<C>,
  one: (certification: C) => readonly Violation[],
): readonly Violation[] {
  return [
    ...certify.flatMap(one),
    ...checkDistinctKeys(certify.map(({ request }) => request)),
    ...revoke.flatMap((withdrawal) => checkChildRevoke(children, withdrawal)),
  ]
}

/** Returns the events by which keys of children are certified no longer. */
export function revocationsOf(revoke: readonly Withdrawal[]) {
  return revoke.map(({ child, ski }) => ({ type: 'child.key.revoked' as const, child, ski }))
}

/** Returns a violation if the parent has no such child. */
export function checkKnownChild({ children }: ParentState, child: Handle): readonly Violation[] {
  return entry(children, child) === undefined ? [unknownChild(child)] : []
}

/** Returns the commands on children on the state `S` of a parent, whose publication has events `E`. */
export function childCommandsOn<S extends ParentState, E extends DomainEvent>({
  held,
  checkAdd = () => [],
  reconciled,
}: Parenthood<S, E>) {
  const command = commandsOn<S, ChildEvent | E, IssuingPorts>()
  return {
    'child.add': command<ChildResources>({
      check: (state, { child, resources }) => {
        const own = checkAdd(state, child)
        return own.length > 0 ? own : checkChildAdd(state.children, child, resources, held(state))
      },
      decide: (_, { child, resources }) => [{ type: 'child.added', child, resources: toResourceText(resources) }],
      publishesOnly: false,
      summarize: summarizeChild,
    }),
    'child.update': command<ChildResources>({
      check: (state, { child, resources }) => checkChildUpdate(state.children, child, resources, held(state)),
      decide: ({ children }, { child, resources }, ports) => {
        const before = entry(children, child)
        if (before !== undefined && equalSets(fromResourceText(before.resources), resources)) return []
        return reconciled([{ type: 'child.updated', child, resources: toResourceText(resources) }], ports)
      },
      publishesOnly: false,
      summarize: summarizeChild,
    }),
    'child.suspend': command<Suspension>({
      check: (state, { child, also = [] }) => [child, ...also].flatMap((name) => checkKnownChild(state, name)),
      decide: ({ children }, { child, also = [] }, ports) => {
        const active = [child, ...also].filter((name) => entry(children, name)?.suspended === undefined)
        const at = ports.clock.now()
        const isHere = (name: Handle): boolean => entry(children, name)?.transport === 'local'
        const events = active.map((name) => {
          return { type: 'child.suspended' as const, child: name, at, ...(isHere(name) ? { parks: true } : {}) }
        })
        return events.length === 0 ? [] : reconciled(events, ports)
      },
      publishesOnly: false,
      summarize: ({ child, also }) => ({ child, ...(also === undefined ? {} : { also }) }),
    }),
    'child.revoke': command<Withdrawal>({
      check: ({ children }, withdrawal) => checkChildRevoke(children, withdrawal),
      decide: (_, { child, ski }, ports) => reconciled([{ type: 'child.key.revoked', child, ski }], ports),
      publishesOnly: false,
      summarize: ({ child, ski }) => ({ child, ski }),
    }),
  }
}
