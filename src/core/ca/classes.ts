/**
 * Parents and the resource classes that they give: what a parent entitles the CA to, the key for it, and the certificate received
 * (RFC 6492 section 3.3).
 * Invariant: a class has one key that issues; a class that the parent no longer lists is removed with everything in it.
 */
import { toBase64 } from '../base/bytes.js'
import type { Violation } from '../base/errors.js'
import type { Handle } from '../base/handle.js'
import { entry, withEntry, withoutEntry } from '../base/record.js'
import { isKeyId, isName, isText, listOf } from '../base/shape.js'
import type { KeyId } from '../crypto/ports.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import type { ChildSia, Entitlement } from '../issuing/children.js'
import { EMPTY_POINT } from '../issuing/point.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { fromResourceText, isEmpty } from '../resources/resource-set.js'
import type { keyrollEvents } from './keyroll.js'
import { type PublishingEvent, reconciled } from './publishing.js'
import { isLocalParent, type LocalParent, type Repository } from './state/contacts.js'
import { nextKey, repositoryWait } from './state/roll-state.js'
import {
  type CaState,
  type ClassKey,
  classBase,
  isReceivedCertificate,
  type ReceivedCertificate,
  type ResourceClass,
  withClass,
} from './state/state.js'

const event = eventsOn<CaState>()

export const classEvents = {
  'parent.added': event({ parent: isName, contact: isLocalParent }, (state, { parent, contact }) => ({
    ...state,
    parents: withEntry(state.parents, parent, contact),
  })),
  'class.added': event(
    { class: isText, parent: isName, parentClass: isText, ski: isKeyId, spki: isText },
    (state, { class: name, parent, parentClass, ski, spki }) => {
      const key: ClassKey = { state: 'pending', ski, spki, certificate: null, point: EMPTY_POINT }
      const added: ResourceClass = { name, parent, parentClass, keys: [key], aggregated: false }
      const nextClass = Math.max(state.nextClass, Number(name) + 1)
      return { ...state, classes: withEntry(state.classes, name, added), nextClass }
    },
  ),
  'class.removed': event(
    {
      class: isText,
      /** Every key of the class. */
      skis: listOf(isKeyId),
    },
    (state, { class: name }) => ({ ...state, classes: withoutEntry(state.classes, name) }),
  ),
  'certificate.received': event(
    { class: isText, ski: isKeyId, certificate: isReceivedCertificate },
    (state, { class: name, ski, certificate }) =>
      withClass(state, name, (own) => {
        // a key that a roll has made becomes current by its activation
        const next = own.roll === undefined ? 'current' : 'pending'
        const receive = (key: ClassKey): ClassKey =>
          key.ski === ski ? { ...key, state: key.state === 'pending' ? next : key.state, certificate } : key
        return { ...own, keys: own.keys.map(receive) }
      }),
  ),
}
export type ClassEvent = EventOf<typeof classEvents>
type ReceptionEvent = ClassEvent | Extract<EventOf<typeof keyrollEvents>, { readonly type: 'keyroll.staged' }>

interface Reception {
  readonly className: string
  readonly ski: KeyId
  readonly certificate: ReceivedCertificate
  /** True: a repository elsewhere, of a parent in this data directory, has not confirmed it. */
  readonly awaitsParent?: boolean
}

const command = commandsOn<CaState, ReceptionEvent | PublishingEvent, IssuingPorts>()

export const classCommands = {
  'parent.add': command<{ readonly parent: Handle; readonly contact: LocalParent }>({
    check: ({ parents }, { parent }) =>
      entry(parents, parent) === undefined
        ? []
        : [{ code: 'parent-duplicate', message: `parent ${parent} already exists` }],
    decide: (_, { parent, contact }) => [{ type: 'parent.added', parent, contact }],
    publishesOnly: false,
    summarize: ({ parent, contact: { aggregate, childName } }) => ({ parent, aggregate: { ...aggregate }, childName }),
  }),
  'parent.sync': command<{ readonly parent: Handle; readonly entitlements: readonly Entitlement[] }>({
    check: (state, { parent }) => checkSync(state, parent),
    decide: (state, { parent, entitlements }, ports) => decideSync(state, parent, entitlements, ports),
    publishesOnly: false,
    summarize: ({ parent, entitlements }) => ({
      parent,
      classes: entitlements.map((e) => e.className),
      ...(entitlements.length === 1 ? { resources: { ...entitlements[0]?.resources } } : {}),
    }),
  }),
  'certificate.receive': command<Reception>({
    check: (state, { className, ski }) =>
      keyOf(state, className, ski) === undefined
        ? [{ code: 'key-unknown', message: `class ${className} of ${state.handle} has no key ${ski}` }]
        : [],
    decide: (state, { className, ski, certificate, awaitsParent = false }, ports) => {
      const before = keyOf(state, className, ski)?.certificate ?? null
      const own = entry(state.classes, className)
      const staged = { type: 'keyroll.staged', class: className, ski, at: ports.clock.now() } as const
      const isSeen = !awaitsParent && own?.roll?.parentPublishedAt === null && nextKey(own)?.ski === ski
      const seen: readonly ReceptionEvent[] = isSeen ? [{ ...staged, awaitsParent: false }] : []
      if (before?.sha256 === certificate.sha256) return seen
      const received: ReceptionEvent[] = [{ type: 'certificate.received', class: className, ski, certificate }, ...seen]
      if (before === null && own?.roll !== undefined)
        received.push({ ...staged, ...repositoryWait(state), ...(awaitsParent ? { awaitsParent } : {}) })
      // objects name the subject of the certificate as their issuer, and its URI in their AIA
      const isRenamed = before !== null && (before.subject !== certificate.subject || before.uri !== certificate.uri)
      return reconciled(received, ports, isRenamed ? { renamed: ski } : {})
    },
    publishesOnly: false,
    summarize: ({ className, ski, certificate: { sha256, resources } }) => {
      return { class: className, ski, sha256, resources: { ...resources } }
    },
  }),
}

function keyOf(state: CaState, className: string, ski: KeyId): ClassKey | undefined {
  return entry(state.classes, className)?.keys.find((key) => key.ski === ski)
}

/** Returns the CA's own class for a parent's class. */
export function classFor(state: CaState, parent: Handle, parentClass: string): ResourceClass | undefined {
  return Object.values(state.classes).find((c) => c.parent === parent && c.parentClass === parentClass)
}

/** Returns where a key of this CA will publish (RFC 6487 section 4.8.8.1). */
export function siaOf(repository: Repository, className: string, ski: string): ChildSia {
  const base = classBase(repository, className)
  const { notify } = repository
  return { caRepository: base, manifest: `${base}${ski}.mft`, ...(notify === undefined ? {} : { notify }) }
}

function checkSync(state: CaState, parent: Handle): readonly Violation[] {
  if (entry(state.parents, parent) === undefined)
    return [{ code: 'parent-unknown', message: `there is no parent ${parent}` }]
  if (state.repository !== null) return []
  const message = `${state.handle} has no repository, and a certificate must name one`
  return [{ code: 'repository-missing', message }]
}

/** Makes a key for each class that the parent lists and the CA lacks, and removes the classes that it no longer lists. */
async function decideSync(
  state: CaState,
  parent: Handle,
  entitlements: readonly Entitlement[],
  ports: Pick<IssuingPorts, 'signer'>,
): Promise<readonly ClassEvent[]> {
  const events: ClassEvent[] = []
  const listed = entitlements.filter((e) => !isEmpty(fromResourceText(e.resources)))
  for (const own of Object.values(state.classes)) {
    if (own.parent !== parent || listed.some((e) => e.className === own.parentClass)) continue
    events.push({ type: 'class.removed', class: own.name, skis: own.keys.map((k) => k.ski) })
  }
  let next = state.nextClass
  for (const { className } of listed) {
    if (classFor(state, parent, className) !== undefined) continue
    const { id: ski, spki } = await ports.signer.createKey()
    const added = { class: String(next), parent, parentClass: className, ski, spki: toBase64(spki) }
    events.push({ type: 'class.added', ...added })
    next += 1
  }
  return events
}
