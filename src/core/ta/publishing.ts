/**
 * Makes what the trust anchor publishes equal to what is configured: certificates of its children, its manifest and CRL.
 * Invariant: nothing to change and nothing due means no event, so that republishing by cron writes nothing.
 */
import { listOf } from '../base/shape.js'
import { commandsOn, type Decision, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import type { DomainEvent } from '../eventsourcing/types.js'
import { numberEventsOn } from '../issuing/child-tables.js'
import {
  type ChildChanges,
  evolveChildren,
  isIssuedCertificate,
  isWithdrawal,
  merge,
  NO_CHILD_CHANGES,
  reconcileChildren,
} from '../issuing/children.js'
import { isPointDue } from '../issuing/due.js'
import { issuePoint } from '../issuing/issue-point.js'
import { evolvePoint, isPointIssue } from '../issuing/point.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { ALL_RESOURCES } from '../resources/resource-set.js'
import { type TaState, taIssuer } from './state.js'

const event = eventsOn<TaState>()

export const publishingEvents = {
  /** Manifest and CRL, with every certificate that was issued or withdrawn with them. */
  'point.issued': event(
    { issue: isPointIssue, issued: listOf(isIssuedCertificate), withdrawn: listOf(isWithdrawal) },
    (state, { issue, ...changes }) => {
      return { ...state, point: evolvePoint(state.point, issue), children: evolveChildren(state.children, changes) }
    },
  ),
  ...numberEventsOn<TaState>(),
}
export type PublishingEvent = EventOf<typeof publishingEvents>

const command = commandsOn<TaState, PublishingEvent, IssuingPorts>()

export const publishingCommands = {
  'numbers.raise': command<{ readonly atLeast: number }>({
    check: () => [],
    decide: (_, { atLeast }) => [{ type: 'numbers.raised', atLeast }],
    publishesOnly: false,
    summarize: ({ atLeast }) => ({ atLeast }),
  }),
}

export interface Reissue {
  /** Issue manifest and CRL whether due or not. */
  readonly force?: boolean
  /** Names of objects to issue again. */
  readonly anew?: ReadonlySet<string>
  /** Certificates issued by the same command. */
  readonly children?: ChildChanges
}

/** Decides on events, and on what has to be issued in the state after them. */
export function reconciled<E extends DomainEvent>(
  events: readonly E[],
  ports: IssuingPorts,
  reissue: Reissue = {},
): Decision<TaState, E | PublishingEvent> {
  return { events, followUp: (state) => reconcile(state, ports, reissue) }
}

/** Issues what brings the publication point up to the configuration, and returns the events. */
export async function reconcile(
  state: TaState,
  ports: IssuingPorts,
  { force = false, anew = new Set(), children = NO_CHILD_CHANGES }: Reissue = {},
): Promise<readonly PublishingEvent[]> {
  if (state.key === null || state.place === null) return []
  const issuer = taIssuer(state.key, state.place, state.point)
  // a certificate that this command issued is not renewed by it again
  const fresh = new Set(children.put.map(({ name }) => name))
  const objects = Object.fromEntries(Object.entries(state.point.objects).filter(([name]) => !fresh.has(name)))
  const point = { ...state.point, objects }
  const isAnew = (name: string): boolean => anew.has(name)
  const kept = await reconcileChildren(state.children, issuer, point, ALL_RESOURCES, ports, isAnew)
  const { put, drop, issued, withdrawn } = merge([children, kept])
  if (put.length === 0 && drop.length === 0 && !force && !isPointDue(state.point, ports)) return []
  const issue = await issuePoint(issuer, state.point, { put, drop, atLeast: state.numberFloor }, ports)
  return [{ type: 'point.issued', issue, issued, withdrawn }]
}
