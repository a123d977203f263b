/** The CA aggregate: two switches over commands and events; the rules stand beside their topic. */
import { exhaustive } from '../base/brand.js'
import type { Violation } from '../base/errors.js'
import type { Json } from '../base/json.js'
import { entry, sortedEntries, withEntry } from '../base/record.js'
import type { Aggregate } from '../eventsourcing/types.js'
import { evolveChildren, unknownChild } from '../issuing/children.js'
import { evolvePoint } from '../issuing/point.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { equalSets, fromResourceText, toResourceText } from '../resources/resource-set.js'
import { certifyChild, checkAdd, checkCertify, checkUpdate, withChild, withoutChild } from './children.js'
import {
  checkReceive,
  checkSync,
  decideReceive,
  decideSync,
  evolveClassAdded,
  evolveClassRemoved,
  renamedBy,
  withKey,
} from './classes.js'
import { type CaCommand, summarizeCa } from './commands.js'
import type { CaEvent } from './events.js'
import { reconcile } from './publishing.js'
import { checkRoasUpdate, evolveRoas, roasUpdated } from './roas.js'
import { type CaState, initialCa } from './state.js'

export type CaAggregate = Aggregate<CaState, CaCommand, CaEvent, IssuingPorts>

export const ca: CaAggregate = {
  kind: 'ca',
  events: {
    'ca.added': true,
    'ca.removed': true,
    'repository.configured': true,
    'parent.added': true,
    'child.added': true,
    'child.updated': true,
    'child.removed': true,
    'class.added': true,
    'class.removed': true,
    'certificate.received': true,
    'roas.updated': true,
    'point.issued': true,
    'numbers.raised': true,
  },
  initial: initialCa,
  check,
  decide,
  evolve,
  summarize: summarizeCa,
  logical,
}

function check(state: CaState, command: CaCommand): readonly Violation[] {
  if (command.type === 'ca.add') {
    return state.status === 'active' ? [{ code: 'ca-duplicate', message: `there is a CA ${state.handle} already` }] : []
  }
  if (state.status !== 'active') return [{ code: 'ca-unknown', message: `there is no CA ${state.handle}` }]
  switch (command.type) {
    case 'child.add':
      return checkAdd(state, command.child, command.resources)
    case 'child.update':
      return checkUpdate(state, command.child, command.resources)
    case 'child.remove':
      return entry(state.children, command.child) === undefined ? [unknownChild(command.child)] : []
    case 'child.certify':
      return checkCertify(state, command)
    case 'parent.add':
      return entry(state.parents, command.parent) === undefined
        ? []
        : [{ code: 'parent-duplicate', message: `there is a parent ${command.parent} already` }]
    case 'parent.sync':
      return checkSync(state, command.parent)
    case 'certificate.receive':
      return checkReceive(state, command)
    case 'roas.update':
      return checkRoasUpdate(state, command.add, command.remove)
    case 'repository.configure':
      return checkRepository(state, command)
    case 'ca.remove':
      return checkRemove(state)
    case 'republish':
    case 'numbers.raise':
      return []
    default:
      return exhaustive(command)
  }
}

function checkRepository(
  state: CaState,
  command: Extract<CaCommand, { type: 'repository.configure' }>,
): readonly Violation[] {
  if (state.repository === null || state.repository.base === command.repository.base) return []
  return [
    {
      code: 'repository-differs',
      message: `${state.handle} publishes at ${state.repository.base}; moving is repo migrate`,
    },
  ]
}

function checkRemove(state: CaState): readonly Violation[] {
  const children = Object.keys(state.children)
  if (children.length === 0) return []
  return [{ code: 'ca-has-children', message: `${state.handle} still has children: ${children.sort().join(', ')}` }]
}

async function decide(state: CaState, command: CaCommand, ports: IssuingPorts): Promise<readonly CaEvent[]> {
  switch (command.type) {
    case 'ca.add':
      return [{ type: 'ca.added' }]
    case 'ca.remove':
      return [{ type: 'ca.removed' }]
    case 'repository.configure':
      return state.repository === null ? [{ type: 'repository.configured', repository: command.repository }] : []
    case 'parent.add':
      return [{ type: 'parent.added', parent: command.parent, contact: command.contact }]
    case 'child.add':
      return [{ type: 'child.added', child: command.child, resources: toResourceText(command.resources) }]
    case 'child.update':
      return decideChildUpdate(state, command, ports)
    case 'child.remove':
      return andReconcile(state, [{ type: 'child.removed', child: command.child }], ports)
    case 'child.certify':
      return reconcile(state, ports, {
        children: { class: command.className, changes: await certifyChild(state, command, ports) },
      })
    case 'parent.sync':
      return decideSync(state, command.parent, command.entitlements, ports)
    case 'certificate.receive':
      return andReconcile(state, decideReceive(state, command), ports, renamedBy(state, command))
    case 'roas.update':
      return decideRoas(state, command, ports)
    case 'republish':
      return reconcile(state, ports, { force: command.force })
    case 'numbers.raise':
      return [{ type: 'numbers.raised', atLeast: command.atLeast }]
    default:
      return exhaustive(command)
  }
}

async function decideChildUpdate(
  state: CaState,
  command: Extract<CaCommand, { type: 'child.update' }>,
  ports: IssuingPorts,
): Promise<readonly CaEvent[]> {
  const old = entry(state.children, command.child)
  if (old !== undefined && equalSets(fromResourceText(old.resources), command.resources)) return []
  return andReconcile(
    state,
    [{ type: 'child.updated', child: command.child, resources: toResourceText(command.resources) }],
    ports,
  )
}

async function decideRoas(
  state: CaState,
  command: Extract<CaCommand, { type: 'roas.update' }>,
  ports: IssuingPorts,
): Promise<readonly CaEvent[]> {
  if (command.add.length === 0 && command.remove.length === 0) return []
  return andReconcile(state, [roasUpdated(command.add, command.remove, ports)], ports)
}

/** The facts, and what has to be issued once they hold. */
async function andReconcile(
  state: CaState,
  facts: readonly CaEvent[],
  ports: IssuingPorts,
  renamed?: string,
): Promise<readonly CaEvent[]> {
  if (facts.length === 0) return []
  const reissue = renamed === undefined ? {} : { renamed }
  return [...facts, ...(await reconcile(facts.reduce(evolve, state), ports, reissue))]
}

function evolve(state: CaState, event: CaEvent): CaState {
  switch (event.type) {
    case 'ca.added':
      return {
        ...initialCa(state.handle),
        status: 'active',
        nextClass: state.nextClass,
        numberFloor: state.numberFloor,
      }
    case 'ca.removed':
      return {
        ...initialCa(state.handle),
        status: 'removed',
        nextClass: state.nextClass,
        numberFloor: state.numberFloor,
      }
    case 'repository.configured':
      return { ...state, repository: event.repository }
    case 'parent.added':
      return { ...state, parents: withEntry(state.parents, event.parent, event.contact) }
    case 'child.added':
    case 'child.updated':
      return withChild(state, event.child, event.resources)
    case 'child.removed':
      return withoutChild(state, event.child)
    case 'class.added':
      return evolveClassAdded(state, event)
    case 'class.removed':
      return evolveClassRemoved(state, event.class)
    case 'certificate.received':
      return withKey(state, event.class, event.ski, (key) => ({
        ...key,
        state: 'current',
        certificate: event.certificate,
      }))
    case 'roas.updated':
      return { ...state, roas: evolveRoas(state.roas, event) }
    case 'point.issued':
      return evolveIssued(state, event)
    case 'numbers.raised':
      return { ...state, numberFloor: Math.max(state.numberFloor, event.atLeast) }
    default:
      return state
  }
}

function evolveIssued(state: CaState, event: Extract<CaEvent, { type: 'point.issued' }>): CaState {
  const issued = withKey(state, event.class, event.ski, (key) => ({
    ...key,
    point: evolvePoint(key.point, event.issue),
  }))
  const found = entry(issued.classes, event.class)
  if (found === undefined) return issued
  return {
    ...issued,
    classes: withEntry(issued.classes, event.class, { ...found, aggregated: event.aggregated }),
    children: evolveChildren(issued.children, event),
  }
}

/** Names, resources and ROAs: what two machines that ran the same commands share. */
function logical(state: CaState): Json {
  return {
    handle: state.handle,
    status: state.status,
    repository: state.repository === null ? null : { ...state.repository },
    parents: sortedEntries(state.parents).map(([name, p]) => [name, p.aggregate.kind, p.aggregate.handle, p.childName]),
    children: sortedEntries(state.children).map(([name, c]) => [
      name,
      { ...c.resources },
      Object.keys(c.issued).length,
    ]),
    classes: sortedEntries(state.classes).map(([name, c]) => [
      name,
      c.parent,
      c.parentClass,
      c.aggregated,
      c.keys.map((k) => [
        k.state,
        k.certificate === null ? null : { ...k.certificate.resources },
        roaNames(k.point.objects),
      ]),
    ]),
    roas: sortedEntries(state.roas).map(([text, config]) => [text, config.comment]),
  }
}

function roaNames(objects: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(objects)
    .filter((name) => !name.endsWith('.cer'))
    .sort()
}
