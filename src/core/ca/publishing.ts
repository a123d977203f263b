/**
 * Makes what is published equal to what is configured: the one place where a CA issues.
 * Invariant: nothing to change and nothing due means no event, so that republishing by cron writes nothing.
 */
import { AppError } from '../base/errors.js'
import type { Table } from '../base/record.js'
import { isFlag, isKeyId, isText, listOf } from '../base/shape.js'
import { earlier } from '../base/time.js'
import type { KeyId } from '../crypto/ports.js'
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
import {
  EMPTY_POINT,
  evolvePoint,
  isPointIssue,
  type PublicationPoint,
  type PublishedObject,
} from '../issuing/point.js'
import type { IssuingPorts } from '../issuing/ports.js'
import type { Issuer } from '../issuing/signing.js'
import type { Timing } from '../issuing/timing.js'
import { fromResourceText } from '../resources/resource-set.js'
import { aspaProducts } from './products/aspa-objects.js'
import { reconcileProducts } from './products/products.js'
import { desiredRoas, roaProducts } from './products/roa-objects.js'
import { nextRemoval, routerProducts } from './products/router-objects.js'
import { activationDueAt } from './state/roll-state.js'
import {
  type CaState,
  type ClassKey,
  currentKey,
  issuerOf,
  type ReceivedCertificate,
  type ResourceClass,
  withClass,
  withKey,
} from './state/state.js'

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
      if (!Object.hasOwn(next.classes, name)) return next
      const reached = withClass(next, name, (own) => ({ ...own, aggregated }))
      return { ...reached, children: evolveChildren(next.children, changes) }
    },
  ),
  /** An old key can no longer sign, since its private half is lost: what it publishes is withdrawn. */
  'point.withdrawn': event({ class: isText, ski: isKeyId }, (state, { class: name, ski }) =>
    withKey(state, name, ski, (key) => ({ ...key, point: EMPTY_POINT })),
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
  /** The key whose objects are all issued again, because its name or the URI of its certificate changes. */
  readonly renamed?: KeyId
  /** Objects to issue again, as `class/name`. */
  readonly anew?: ReadonlySet<string>
  /** Certificates issued by the same command, by class. */
  readonly children?: readonly { readonly class: string; readonly changes: ChildChanges }[]
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
): Promise<readonly PublishingEvent[]> {
  if (state.status !== 'active' || state.repository === null) return []
  const events: PublishingEvent[] = []
  for (const resourceClass of Object.values(state.classes)) {
    // the key that issues comes last: its event says whether the ROAs of the class are aggregated
    for (const { certificate, ...rest } of resourceClass.keys) {
      if (certificate === null || (rest.state !== 'new' && rest.state !== 'old')) continue
      const key = { ...rest, certificate }
      const issuer = issuerOf(state, resourceClass, key)
      events.push(...(await reconcileEmpty(state, resourceClass, key, issuer, ports, reissue)))
    }
    const key = currentKey(resourceClass)
    if (key === undefined) continue
    const issuer = issuerOf(state, resourceClass, key)
    const event = await reconcileClass(state, resourceClass, key, issuer, ports, reissue)
    if (event !== undefined) events.push(event)
  }
  return events
}

/** Issues manifest and CRL of a key that issues nothing else: one that is staged, or one that was given up and whose products are withdrawn. */
async function reconcileEmpty(
  { numberFloor: atLeast }: CaState,
  { name, aggregated }: ResourceClass,
  { state, ski, point }: CertifiedKey,
  issuer: Issuer,
  ports: IssuingPorts,
  { renamed, force }: Reissue,
): Promise<readonly PublishingEvent[]> {
  if (state === 'old' && point.manifest === null) return []
  const drop = Object.keys(point.objects)
  if (drop.length === 0 && renamed !== ski && force !== true && !isPointDue(point, ports)) return []
  try {
    const issue = await issuePoint(issuer, point, { put: [], drop, atLeast }, ports)
    return [{ type: 'point.issued', class: name, ski, issue, issued: [], withdrawn: [], aggregated }]
  } catch (error) {
    if (state !== 'old' || !(error instanceof AppError) || error.code !== 'key-missing') throw error
    return [{ type: 'point.withdrawn', class: name, ski }]
  }
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
  const requested = reissue.children?.find((c) => c.class === resourceClass.name)?.changes ?? NO_CHILD_CHANGES
  const fresh = new Set(requested.put.map((o) => o.name))
  const isRenamed = reissue.renamed === key.ski
  const inherited = inheritedObjects(resourceClass)
  const anew = (name: string): boolean =>
    isRenamed || Object.hasOwn(inherited, name) || reissue.anew?.has(`${resourceClass.name}/${name}`) === true
  const known = withoutFresh({ ...key.point, objects: { ...inherited, ...key.point.objects } }, fresh)
  const kept = await reconcileChildren(state.children, issuer, known, held, ports, anew)
  const children = merge([requested, kept])
  const desired = desiredRoas(state.roas, held, resourceClass.aggregated, ports.timing)
  const roas = await reconcileProducts(roaProducts(desired.roas, issuer, ports), key.point, ports, anew)
  const aspas = await reconcileProducts(aspaProducts(state.aspas, held, issuer, ports), key.point, ports, anew)
  const routers = await reconcileProducts(routerProducts(state.routers, held, issuer, ports), key.point, ports, anew)
  const all = [children, roas, aspas, routers]
  const put = all.flatMap((kind) => kind.put)
  const drop = all.flatMap((kind) => kind.drop).filter((name) => Object.hasOwn(key.point.objects, name))
  const changed = put.length > 0 || drop.length > 0 || children.withdrawn.length > 0
  if (!changed && !isRenamed && reissue.force !== true && !isPointDue(key.point, ports)) return undefined
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

/** Returns the products of keys that were given up and still publish them: the current key takes them over, under the same names. */
function inheritedObjects({ keys }: ResourceClass): Table<PublishedObject> {
  return Object.assign({}, ...keys.filter(({ state }) => state === 'old').map(({ point }) => point.objects))
}

/** Returns the point without the certificates that this command issued: it does not renew them again. */
function withoutFresh(point: PublicationPoint, fresh: ReadonlySet<string>): PublicationPoint {
  if (fresh.size === 0) return point
  return { ...point, objects: Object.fromEntries(Object.entries(point.objects).filter(([name]) => !fresh.has(name))) }
}

/**
 * Returns when this CA must next issue something, and when its first manifest goes stale; null when it publishes nothing. Of those keys that
 * `isWanted` accepts, if it is given. `isRenewed`: false for a class whose parent renews no certificate now.
 */
export function dueTimes(
  state: CaState,
  timing: Timing,
  isWanted: (key: ClassKey) => boolean = () => true,
  isRenewed: (own: ResourceClass) => boolean = () => true,
): DueTimes | null {
  if (state.status !== 'active') return null
  let first: DueTimes | null = null
  for (const resourceClass of Object.values(state.classes)) {
    const activation = activationDueAt(resourceClass)
    const isWaiting = !isRenewed(resourceClass)
    for (const { state: is, point, certificate } of resourceClass.keys.filter(isWanted)) {
      const times = certificate === null ? null : pointDueTimes(point, timing)
      if (times === null || certificate === null) continue
      // the certificate of a key that was given up is not renewed
      const renewed =
        is === 'old' || isWaiting ? times.due : earlier(times.due, dueAt('cer', certificate.notAfter, timing))
      const due = activation === null ? renewed : earlier(renewed, activation)
      first = {
        due: first === null ? due : earlier(first.due, due),
        staleAt: first === null ? times.staleAt : earlier(first.staleAt, times.staleAt),
      }
    }
  }
  const removal = nextRemoval(state)
  return first === null || removal === null ? first : { ...first, due: earlier(first.due, removal) }
}
