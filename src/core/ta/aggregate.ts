/** The embedded trust anchor: a self-signed certificate over all resources, children below it, its own manifest and CRL. */

import { exhaustive } from '../base/brand.js'
import { toBase64 } from '../base/bytes.js'
import type { Violation } from '../base/errors.js'
import type { Handle } from '../base/handle.js'
import type { Json } from '../base/json.js'
import { entry, sortedEntries, withEntry, withoutEntry } from '../base/record.js'
import type { Aggregate, CommandSummary } from '../eventsourcing/types.js'
import {
  type ChildChanges,
  type ChildRequest,
  certify,
  checkChildAdd,
  checkChildUpdate,
  entitled,
  evolveChildren,
  merge,
  NO_CHILD_CHANGES,
  reconcileChildren,
  unknownChild,
} from '../issuing/children.js'
import { issuePoint } from '../issuing/issue-point.js'
import { evolvePoint } from '../issuing/point.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { dueBefore } from '../issuing/signed-at.js'
import { ALL_RESOURCES, equalSets, fromResourceText, toResourceText } from '../resources/resource-set.js'
import type { ResourceSet } from '../resources/types.js'
import { certificateDue, issueTaCertificate } from './certificate.js'
import { initialTa, type TaEvent, type TaPlace, type TaState, taIssuer } from './state.js'

export type TaCommand =
  | { readonly type: 'ta.init'; readonly place: TaPlace }
  | { readonly type: 'child.add'; readonly child: Handle; readonly resources: ResourceSet }
  | { readonly type: 'child.update'; readonly child: Handle; readonly resources: ResourceSet }
  | { readonly type: 'child.remove'; readonly child: Handle }
  | { readonly type: 'child.certify'; readonly request: ChildRequest }
  | { readonly type: 'republish'; readonly force: boolean }
  | { readonly type: 'numbers.raise'; readonly atLeast: number }

export type TaAggregate = Aggregate<TaState, TaCommand, TaEvent, IssuingPorts>

export const ta: TaAggregate = {
  kind: 'ta',
  events: {
    'ta.initialised': true,
    'ta.certificate.issued': true,
    'child.added': true,
    'child.updated': true,
    'child.removed': true,
    'point.issued': true,
    'numbers.raised': true,
  },
  initial: initialTa,
  check,
  decide,
  evolve,
  summarize,
  logical,
}

function check(state: TaState, command: TaCommand): readonly Violation[] {
  if (command.type === 'ta.init')
    return state.status === 'active'
      ? [{ code: 'ta-duplicate', message: `there is a trust anchor ${state.handle} already` }]
      : []
  if (state.status !== 'active') return [{ code: 'ta-unknown', message: `there is no trust anchor ${state.handle}` }]
  switch (command.type) {
    case 'child.add':
      return checkChildAdd(state.children, command.child, command.resources, ALL_RESOURCES)
    case 'child.update':
      return checkChildUpdate(state.children, command.child, command.resources, ALL_RESOURCES)
    case 'child.remove':
      return entry(state.children, command.child) === undefined ? [unknownChild(command.child)] : []
    case 'child.certify':
      return entry(state.children, command.request.child) === undefined ? [unknownChild(command.request.child)] : []
    case 'republish':
    case 'numbers.raise':
      return []
    default:
      return exhaustive(command)
  }
}

async function decide(state: TaState, command: TaCommand, ports: IssuingPorts): Promise<readonly TaEvent[]> {
  switch (command.type) {
    case 'ta.init':
      return decideInit(state, command.place, ports)
    case 'child.add':
      return [{ type: 'child.added', child: command.child, resources: toResourceText(command.resources) }]
    case 'child.update': {
      const old = entry(state.children, command.child)
      if (old !== undefined && equalSets(fromResourceText(old.resources), command.resources)) return []
      return andReconcile(
        state,
        [{ type: 'child.updated', child: command.child, resources: toResourceText(command.resources) }],
        ports,
      )
    }
    case 'child.remove':
      return andReconcile(state, [{ type: 'child.removed', child: command.child }], ports)
    case 'child.certify': {
      const child = entry(state.children, command.request.child)
      if (child === undefined || state.key === null || state.place === null)
        throw new TypeError('certify runs only after its check')
      const asked = await certify(
        taIssuer(state.key, state.place, state.point),
        command.request,
        entitled(child, ALL_RESOURCES),
        ports,
      )
      return reconcile(state, ports, false, asked)
    }
    case 'republish':
      return decideRepublish(state, command.force, ports)
    case 'numbers.raise':
      return [{ type: 'numbers.raised', atLeast: command.atLeast }]
    default:
      return exhaustive(command)
  }
}

async function decideInit(state: TaState, place: TaPlace, ports: IssuingPorts): Promise<readonly TaEvent[]> {
  const key = await ports.signer.createKey()
  const started: TaEvent = { type: 'ta.initialised', key: { ski: key.id, spki: toBase64(key.spki) }, place }
  const certificate = await issueTaCertificate(evolve(state, started), ports)
  return andReconcile(state, [started, { type: 'ta.certificate.issued', certificate }], ports)
}

async function decideRepublish(state: TaState, force: boolean, ports: IssuingPorts): Promise<readonly TaEvent[]> {
  const facts: TaEvent[] = []
  if (certificateDue(state, ports))
    facts.push({ type: 'ta.certificate.issued', certificate: await issueTaCertificate(state, ports) })
  return [...facts, ...(await reconcile(facts.reduce(evolve, state), ports, force))]
}

async function andReconcile(
  state: TaState,
  facts: readonly TaEvent[],
  ports: IssuingPorts,
): Promise<readonly TaEvent[]> {
  return [...facts, ...(await reconcile(facts.reduce(evolve, state), ports, false))]
}

async function reconcile(
  state: TaState,
  ports: IssuingPorts,
  force: boolean,
  asked: ChildChanges = NO_CHILD_CHANGES,
): Promise<readonly TaEvent[]> {
  if (state.key === null || state.place === null) return []
  const issuer = taIssuer(state.key, state.place, state.point)
  const fresh = new Set(asked.put.map((o) => o.name))
  const objects = Object.fromEntries(Object.entries(state.point.objects).filter(([name]) => !fresh.has(name)))
  const kept = await reconcileChildren(state.children, issuer, { ...state.point, objects }, ALL_RESOURCES, ports)
  const changes = merge([asked, kept])
  const due =
    state.point.nextUpdate === null ||
    ports.clock.now() >= dueBefore(state.point.nextUpdate, ports.timing.publishBeforeNextSeconds)
  if (changes.put.length === 0 && changes.drop.length === 0 && !due && !force) return []
  const issue = await issuePoint(
    issuer,
    state.point,
    { put: changes.put, drop: changes.drop, atLeast: state.numberFloor },
    ports,
  )
  return [{ type: 'point.issued', issue, issued: changes.issued, withdrawn: changes.withdrawn }]
}

function evolve(state: TaState, event: TaEvent): TaState {
  switch (event.type) {
    case 'ta.initialised':
      return { ...state, status: 'active', key: event.key, place: event.place }
    case 'ta.certificate.issued':
      return { ...state, certificate: event.certificate }
    case 'child.added':
    case 'child.updated': {
      const issued = entry(state.children, event.child)?.issued ?? {}
      return {
        ...state,
        children: withEntry(state.children, event.child, { transport: 'local', resources: event.resources, issued }),
      }
    }
    case 'child.removed':
      return { ...state, children: withoutEntry(state.children, event.child) }
    case 'point.issued':
      return { ...state, point: evolvePoint(state.point, event.issue), children: evolveChildren(state.children, event) }
    case 'numbers.raised':
      return { ...state, numberFloor: Math.max(state.numberFloor, event.atLeast) }
    default:
      return state
  }
}

function summarize(command: TaCommand): CommandSummary {
  switch (command.type) {
    case 'ta.init':
      return {
        type: command.type,
        args: { uris: [...command.place.uris], base: command.place.base, notify: command.place.notify },
      }
    case 'child.add':
    case 'child.update':
      return { type: command.type, args: { child: command.child, resources: { ...toResourceText(command.resources) } } }
    case 'child.remove':
      return { type: command.type, args: { child: command.child } }
    case 'child.certify':
      return { type: command.type, args: { child: command.request.child, ski: command.request.ski } }
    case 'republish':
      return { type: command.type, args: { force: command.force } }
    case 'numbers.raise':
      return { type: command.type, args: { atLeast: command.atLeast } }
    default:
      return exhaustive(command)
  }
}

function logical(state: TaState): Json {
  return {
    handle: state.handle,
    status: state.status,
    place:
      state.place === null ? null : { uris: [...state.place.uris], base: state.place.base, notify: state.place.notify },
    children: sortedEntries(state.children).map(([name, c]) => [
      name,
      { ...c.resources },
      Object.keys(c.issued).length,
    ]),
  }
}
