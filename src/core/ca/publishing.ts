/**
 * Makes what is published equal to what is configured: the one place where a CA issues.
 * Invariant: nothing to change and nothing due means no event, so that republishing by cron writes nothing.
 */
import { entry, withEntry } from '../base/record.js'
import { isFlag, isKeyId, isText, listOf } from '../base/shape.js'
import { earlier } from '../base/time.js'
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
import { type DueTimes, dueAt, isPointDue, pointDueTimes } from '../issuing/due.js'
import { issuePoint } from '../issuing/issue-point.js'
import { evolvePoint, isPointIssue, type PublicationPoint } from '../issuing/point.js'
import type { IssuingPorts } from '../issuing/ports.js'
import type { Issuer } from '../issuing/signing.js'
import type { Timing } from '../issuing/timing.js'
import { fromResourceText } from '../resources/resource-set.js'
import { desiredRoas, reconcileRoas } from './roa-objects.js'
import {
  type CaState,
  type ClassKey,
  currentKey,
  issuerOf,
  type ReceivedCertificate,
  type ResourceClass,
  withKey,
} from './state.js'

const event = eventsOn<CaState>()

export const publishingEvents = {
  /** Manifest and CRL of one key, with every object that was issued or withdrawn with them. */
  'point.issued': event(
    {
      class: isText,
      ski: isKeyId,
      issue: isPointIssue,
      issued: listOf(isIssuedCertificate),
      withdrawn: listOf(isWithdrawal),
      aggregated: isFlag,
    },
    (state, { class: name, ski, issue, aggregated, ...changes }) => {
      const next = withKey(state, name, ski, (key) => ({ ...key, point: evolvePoint(key.point, issue) }))
      const found = entry(next.classes, name)
      if (found === undefined) return next
      const classes = withEntry(next.classes, name, { ...found, aggregated })
      return { ...next, classes, children: evolveChildren(next.children, changes) }
    },
  ),
  ...numberEventsOn<CaState>(),
}
export type PublishingEvent = EventOf<typeof publishingEvents>
export type PointIssued = Extract<PublishingEvent, { readonly type: 'point.issued' }>

const command = commandsOn<CaState, PublishingEvent, IssuingPorts>()

export const publishingCommands = {
  republish: command<{ readonly force: boolean }>({
    check: () => [],
    decide: (state, { force }, ports) => reconcile(state, ports, { force }),
    publishesOnly: true,
    summarize: ({ force }) => ({ force }),
  }),
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
  /** The class whose objects are all issued again, because their issuer name changes. */
  readonly renamed?: string
  /** Objects to issue again, as `class/name`. */
  readonly anew?: ReadonlySet<string>
  /** Certificates issued by the same command. */
  readonly children?: { readonly class: string; readonly changes: ChildChanges }
}

type CertifiedKey = ClassKey & { readonly certificate: ReceivedCertificate }

/** Decides on events, and on what has to be issued in the state after them. */
export function reconciled<E extends DomainEvent>(
  events: readonly E[],
  ports: IssuingPorts,
  reissue: Reissue = {},
): Decision<CaState, E | PublishingEvent> {
  return { events, followUp: (state) => reconcile(state, ports, reissue) }
}

/** Issues what brings every class of the CA up to its configuration, and returns the events. */
export async function reconcile(
  state: CaState,
  ports: IssuingPorts,
  reissue: Reissue = {},
): Promise<readonly PointIssued[]> {
  if (state.status !== 'active' || state.repository === null) return []
  const events: PointIssued[] = []
  for (const resourceClass of Object.values(state.classes)) {
    const key = currentKey(resourceClass)
    if (key === undefined) continue
    const issuer = issuerOf(state.repository, resourceClass, key)
    const event = await reconcileClass(state, resourceClass, key, issuer, ports, reissue)
    if (event !== undefined) events.push(event)
  }
  return events
}

async function reconcileClass(
  state: CaState,
  resourceClass: ResourceClass,
  key: CertifiedKey,
  issuer: Issuer,
  ports: IssuingPorts,
  reissue: Reissue,
): Promise<PointIssued | undefined> {
  const held = fromResourceText(key.certificate.resources)
  const requested = reissue.children?.class === resourceClass.name ? reissue.children.changes : NO_CHILD_CHANGES
  const fresh = new Set(requested.put.map((o) => o.name))
  const all = reissue.renamed === resourceClass.name
  const anew = (name: string): boolean => all || reissue.anew?.has(`${resourceClass.name}/${name}`) === true
  const kept = await reconcileChildren(state.children, issuer, withoutFresh(key.point, fresh), held, ports, anew)
  const children = merge([requested, kept])
  const desired = desiredRoas(state.roas, held, resourceClass.aggregated, ports.timing)
  const roas = await reconcileRoas(desired.roas, issuer, key.point, ports, anew)
  const put = [...children.put, ...roas.put]
  const drop = [...children.drop, ...roas.drop]
  const changed = put.length > 0 || drop.length > 0
  if (!changed && !all && reissue.force !== true && !isPointDue(key.point, ports)) return undefined
  const issue = await issuePoint(issuer, key.point, { put, drop, atLeast: state.numberFloor }, ports)
  return {
    type: 'point.issued',
    class: resourceClass.name,
    ski: key.ski,
    issue,
    issued: children.issued,
    withdrawn: children.withdrawn,
    aggregated: desired.aggregated,
  }
}

/** Returns the point without the certificates that this command issued: it does not renew them again. */
function withoutFresh(point: PublicationPoint, fresh: ReadonlySet<string>): PublicationPoint {
  if (fresh.size === 0) return point
  return { ...point, objects: Object.fromEntries(Object.entries(point.objects).filter(([name]) => !fresh.has(name))) }
}

/** Returns when this CA must next issue something, and when its first manifest goes stale; null when it publishes nothing. */
export function dueTimes(state: CaState, timing: Timing): DueTimes | null {
  if (state.status !== 'active') return null
  let first: DueTimes | null = null
  for (const { keys } of Object.values(state.classes)) {
    for (const { point, certificate } of keys) {
      const times = certificate === null ? null : pointDueTimes(point, timing)
      if (times === null || certificate === null) continue
      const due = earlier(times.due, dueAt('cer', certificate.notAfter, timing))
      first = {
        due: first === null ? due : earlier(first.due, due),
        staleAt: first === null ? times.staleAt : earlier(first.staleAt, times.staleAt),
      }
    }
  }
  return first
}
