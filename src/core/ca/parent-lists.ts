/**
 * Lists of a parent elsewhere (RFC 6492 section 3.3.2), and what they change in the classes of a CA.
 * Invariant: a list that takes resources away is confirmed by a later one before it counts, and waits for the operator if the loss is
 * above the limit; a parent whose database fails for an hour takes no network off the Internet.
 */
import { toBase64 } from '../base/bytes.js'
import type { Violation } from '../base/errors.js'
import type { Handle } from '../base/handle.js'
import { entry, withEntry } from '../base/record.js'
import { isText } from '../base/shape.js'
import { addSeconds, type Instant, secondsBetween } from '../base/time.js'
import type { KeyId } from '../crypto/ports.js'
import { commandsOn, type Decision, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { containsSet, equalSets, fromResourceText, isEmpty } from '../resources/resource-set.js'
import type { ResourceText } from '../resources/types.js'
import type { ClassEvent } from './classes.js'
import { lossLimit, lossOf } from './loss.js'
import { type PublishingEvent, reconciled } from './publishing.js'
import {
  type CaState,
  currentKey,
  type Doubt,
  isDoubt,
  isListedEntitlement,
  type ListedEntitlement,
  type ResourceClass,
} from './state/state.js'

/** A list that takes something away counts after this time, if a later list says the same. */
export const CONFIRM_SECONDS = 15 * 60

/**
 * New classes that one list adds, and classes of one parent: each costs a key, and for as long as it exists a manifest and a CRL every few hours.
 * Registries list one to six; a parent with many parents of its own adds its classes with a few lists.
 */
export const MOST_NEW_CLASSES = 20
export const MOST_CLASSES = 100

/** A key that a parent lists although it confirmed its revocation is revoked again after this time. */
const STILL_LISTED_SECONDS = 86_400

/**
 * A class as a remote parent lists it (RFC 6492 section 3.3.2). Certificates that it lists are received before (`certificate.receive`): they
 * are facts, whatever they hold.
 */
export interface ListedClass {
  readonly className: string
  readonly resources: ResourceText
  readonly notAfter: Instant
  /** Keys of the certificates that are listed; undefined: not known. */
  readonly skis?: readonly KeyId[]
}

const event = eventsOn<CaState>()

const onClass = (state: CaState, name: string, change: (c: ResourceClass) => ResourceClass): CaState => {
  const found = entry(state.classes, name)
  return found === undefined ? state : { ...state, classes: withEntry(state.classes, name, change(found)) }
}

export const parentListEvents = {
  'class.listed': event({ class: isText, listed: isListedEntitlement }, (state, { class: name, listed }) =>
    onClass(state, name, (c) => ({ ...c, listed })),
  ),
  'class.doubted': event({ class: isText, doubt: isDoubt }, (state, { class: name, doubt }) =>
    onClass(state, name, (c) => ({ ...c, doubt })),
  ),
  'class.confirmed': event({ class: isText }, (state, { class: name }) =>
    onClass(state, name, ({ doubt: _, ...rest }) => rest),
  ),
}
type Emitted = EventOf<typeof parentListEvents> | ClassEvent | PublishingEvent

interface Listing {
  readonly parent: Handle
  readonly classes: readonly ListedClass[]
  /** Keys whose revocation the parent confirmed just before this list. */
  readonly revoked?: readonly KeyId[]
  /** True if the operator accepts every loss of this list. */
  readonly acceptLoss?: boolean
}

const command = commandsOn<CaState, Emitted, IssuingPorts>()

export const parentListCommands = {
  'parent.list': command<Listing>({
    check: (state, { parent }) => checkListing(state, parent),
    decide: decideListing,
    publishesOnly: false,
    summarize: ({ parent, classes, acceptLoss }) => ({
      parent,
      classes: classes
        .slice(0, MOST_CLASSES)
        .map(({ className, resources }) => ({ class: className, resources: { ...resources } })),
      ...(acceptLoss === true ? { acceptLoss } : {}),
    }),
  }),
}

export function unknownParent(parent: Handle): Violation {
  return { code: 'parent-unknown', message: `there is no parent ${parent}` }
}

function checkListing(state: CaState, parent: Handle): readonly Violation[] {
  if (entry(state.parents, parent)?.transport !== 'rfc6492') return [unknownParent(parent)]
  if (state.repository !== null) return []
  const message = `${state.handle} has no repository, and a certificate must name one`
  return [{ code: 'repository-missing', message }]
}

export const removal = ({ name, keys }: ResourceClass): ClassEvent => ({
  type: 'class.removed',
  class: name,
  skis: keys.map((k) => k.ski),
})

async function decideListing(
  state: CaState,
  { parent, classes, revoked = [], acceptLoss = false }: Listing,
  ports: IssuingPorts,
): Promise<Decision<CaState, Emitted>> {
  const listed = classes.filter((c) => !isEmpty(fromResourceText(c.resources)))
  const events: Emitted[] = []
  for (const own of Object.values(state.classes)) {
    if (own.parent !== parent) continue
    const offer = listed.find((c) => c.className === own.parentClass)
    events.push(...decideClass(state, own, offer, { revoked, acceptLoss }, ports))
  }
  let next = state.nextClass
  const has = Object.values(state.classes).filter((own) => own.parent === parent)
  const known = new Set(has.map(({ parentClass }) => parentClass))
  const most = Math.min(MOST_NEW_CLASSES, MOST_CLASSES - has.length)
  for (const offer of listed.filter(({ className }) => !known.has(className)).slice(0, Math.max(0, most))) {
    const { id: ski, spki } = await ports.signer.createKey()
    const name = String(next)
    events.push({ type: 'class.added', class: name, parent, parentClass: offer.className, ski, spki: toBase64(spki) })
    events.push(listing(name, offer))
    next += 1
  }
  // a list that changes nothing leaves no event: what is due is issued by `republish`
  if (events.length === 0) return []
  return reconciled(events, ports)
}

type KeysListed = Pick<ListedEntitlement, 'unlisted' | 'unexpected'>

const listing = (name: string, { resources, notAfter }: ListedClass, keys: KeysListed = {}): Emitted => ({
  type: 'class.listed',
  class: name,
  listed: { resources, notAfter, ...keys },
})

/**
 * Compares the keys of a class with those that the parent lists. A key that we do not know counts only beside the key that issues, so that the class
 * is never without a certificate, and is revoked some time later: a directory that was restored is first to have what it needs.
 */
function keysListed(
  { classes }: CaState,
  own: ResourceClass,
  { skis }: ListedClass,
  revoked: readonly KeyId[],
  now: Instant,
): KeysListed {
  if (skis === undefined) return {}
  const unlisted = own.keys.filter((key) => key.state !== 'old' && key.certificate !== null && !skis.includes(key.ski))
  const ours = new Set(Object.values(classes).flatMap(({ keys }) => keys.map(({ ski }) => ski)))
  const current = currentKey(own)?.ski
  const foreign = current !== undefined && skis.includes(current) ? skis.filter((ski) => !ours.has(ski)) : []
  const from = (ski: KeyId): Instant => {
    if (revoked.includes(ski)) return addSeconds(now, STILL_LISTED_SECONDS)
    return entry(own.listed?.unexpected ?? {}, ski) ?? addSeconds(now, CONFIRM_SECONDS)
  }
  return {
    ...(unlisted.length === 0 ? {} : { unlisted: unlisted.map(({ ski }) => ski) }),
    ...(foreign.length === 0
      ? {}
      : { unexpected: Object.fromEntries([...foreign].sort().map((ski) => [ski, from(ski)])) }),
  }
}

/** Returns what the list says of one class that the CA has. */
function decideClass(
  state: CaState,
  own: ResourceClass,
  offer: ListedClass | undefined,
  { revoked, acceptLoss }: Required<Pick<Listing, 'revoked' | 'acceptLoss'>>,
  ports: IssuingPorts,
): readonly Emitted[] {
  const now = ports.clock.now()
  if (offer === undefined) {
    if (currentKey(own) === undefined || acceptLoss) return [removal(own)]
    const doubt = nextDoubt(state, own, 'missing', null, now)
    return doubt === 'confirmed' ? [removal(own)] : doubt
  }
  if (isShrunk(own, offer) && !acceptLoss) {
    const doubt = nextDoubt(state, own, 'shrunk', offer.resources, now)
    if (doubt !== 'confirmed') return doubt
  }
  const isNew = own.listed === undefined || !sameResources(own.listed.resources, offer.resources)
  const keys = keysListed(state, own, offer, revoked, now)
  const { unlisted, unexpected } = own.listed ?? {}
  const isOther = JSON.stringify([unlisted, unexpected]) !== JSON.stringify([keys.unlisted, keys.unexpected])
  const isWorth = currentKey(own) !== undefined && isRenewalWorth(currentKey(own)?.certificate, offer.notAfter, now)
  return [
    ...(own.doubt === undefined ? [] : [{ type: 'class.confirmed' as const, class: own.name }]),
    ...(isNew || isOther || (isWorth && own.listed?.notAfter !== offer.notAfter)
      ? [listing(own.name, offer, keys)]
      : []),
  ]
}

/** Returns `confirmed` if the loss may be obeyed, else the event of a doubt that begins or is held from now on. */
function nextDoubt(
  state: CaState,
  own: ResourceClass,
  reason: Doubt['reason'],
  left: ResourceText | null,
  now: Instant,
): 'confirmed' | readonly Emitted[] {
  const doubted = (since: Instant, held: boolean): readonly Emitted[] => [
    { type: 'class.doubted', class: own.name, doubt: { reason, since, held } },
  ]
  if (own.doubt === undefined || own.doubt.reason !== reason) return doubted(now, false)
  if (own.doubt.held || secondsBetween(own.doubt.since, now) < CONFIRM_SECONDS) return []
  return lossOf(state, own, left) > lossLimit(state) ? doubted(own.doubt.since, true) : 'confirmed'
}

/** Returns true if the certificate of the class has something that the list does not have. */
function isShrunk(own: ResourceClass, offer: ListedClass): boolean {
  const key = currentKey(own)
  if (key === undefined) return false
  return !containsSet(fromResourceText(offer.resources), fromResourceText(key.certificate.resources))
}

const sameResources = (a: ResourceText, b: ResourceText): boolean => equalSets(fromResourceText(a), fromResourceText(b))

/** Returns true if a certificate should be requested again for a later end: it would gain seven days, or a tenth of what is left. */
export function isRenewalWorth(
  certificate: { readonly notAfter: Instant } | null | undefined,
  offered: Instant,
  now: Instant,
): boolean {
  if (certificate === null || certificate === undefined || offered <= now) return false
  const gain = secondsBetween(certificate.notAfter, offered)
  const left = Math.max(0, secondsBetween(now, certificate.notAfter))
  return gain >= 7 * 86_400 || gain > left / 10
}
