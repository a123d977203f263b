/**
 * Resource classes: what each parent entitles us to, the key for it, and the certificate we received (RFC 6492 section 3.3).
 * Invariant: a class has one key that publishes; a class that the parent no longer lists is gone with everything in it.
 */
import { toBase64 } from '../base/bytes.js'
import type { Violation } from '../base/errors.js'
import type { Handle } from '../base/handle.js'
import { entry, withEntry, withoutEntry } from '../base/record.js'
import type { ChildSia, Entitlement } from '../issuing/children.js'
import { EMPTY_POINT } from '../issuing/point.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { fromResourceText, isEmpty } from '../resources/resource-set.js'
import type { CaCommand } from './commands.js'
import type { CaEvent } from './events.js'
import { type CaState, type ClassKey, classBase, type Repository, type ResourceClass } from './state.js'

type Received = Extract<CaCommand, { type: 'certificate.receive' }>

/** The local class for a parent's class. */
export function classFor(state: CaState, parent: Handle, parentClass: string): ResourceClass | undefined {
  return Object.values(state.classes).find((c) => c.parent === parent && c.parentClass === parentClass)
}

/** Where a key of ours will publish (RFC 6487 section 4.8.8.1). */
export function siaOf(repository: Repository, className: string, ski: string): ChildSia {
  const base = classBase(repository, className)
  return { caRepository: base, manifest: `${base}${ski}.mft`, notify: repository.notify }
}

export function checkSync(state: CaState, parent: Handle): readonly Violation[] {
  if (entry(state.parents, parent) === undefined) return [unknownParent(parent)]
  if (state.repository === null)
    return [
      {
        code: 'repository-missing',
        message: `${state.handle} has no repository: a certificate must say where it publishes`,
      },
    ]
  return []
}

export function unknownParent(parent: Handle): Violation {
  return { code: 'parent-unknown', message: `there is no parent ${parent}` }
}

/** Classes that the parent lists and we lack get a key; those it no longer lists go. */
export async function decideSync(
  state: CaState,
  parent: Handle,
  entitlements: readonly Entitlement[],
  ports: Pick<IssuingPorts, 'signer'>,
): Promise<readonly CaEvent[]> {
  const events: CaEvent[] = []
  const listed = entitlements.filter((e) => !isEmpty(fromResourceText(e.resources)))
  for (const own of Object.values(state.classes)) {
    if (own.parent !== parent || listed.some((e) => e.className === own.parentClass)) continue
    events.push({ type: 'class.removed', class: own.name, skis: own.keys.map((k) => k.ski) })
  }
  let next = state.nextClass
  for (const { className } of listed) {
    if (classFor(state, parent, className) !== undefined) continue
    const key = await ports.signer.createKey()
    events.push({
      type: 'class.added',
      class: String(next),
      parent,
      parentClass: className,
      ski: key.id,
      spki: toBase64(key.spki),
    })
    next += 1
  }
  return events
}

export function checkReceive(state: CaState, command: Received): readonly Violation[] {
  const key = entry(state.classes, command.className)?.keys.find((k) => k.ski === command.ski)
  if (key !== undefined) return []
  return [{ code: 'key-unknown', message: `class ${command.className} of ${state.handle} has no key ${command.ski}` }]
}

export function decideReceive(state: CaState, { className, ski, certificate }: Received): readonly CaEvent[] {
  const key = entry(state.classes, className)?.keys.find((k) => k.ski === ski)
  if (key?.certificate?.sha256 === certificate.sha256) return []
  return [{ type: 'certificate.received', class: className, ski, certificate }]
}

/** The class whose objects name another issuer once this certificate is received; undefined where they do not. */
export function renamedBy(state: CaState, { className, ski, certificate }: Received): string | undefined {
  const before = entry(state.classes, className)?.keys.find((k) => k.ski === ski)?.certificate ?? null
  return before === null || before.subject === certificate.subject ? undefined : className
}

export function evolveClassAdded(state: CaState, event: Extract<CaEvent, { type: 'class.added' }>): CaState {
  const key: ClassKey = { state: 'pending', ski: event.ski, spki: event.spki, certificate: null, point: EMPTY_POINT }
  const added: ResourceClass = {
    name: event.class,
    parent: event.parent,
    parentClass: event.parentClass,
    keys: [key],
    aggregated: false,
  }
  return {
    ...state,
    classes: withEntry(state.classes, event.class, added),
    nextClass: Math.max(state.nextClass, Number(event.class) + 1),
  }
}

export function evolveClassRemoved(state: CaState, name: string): CaState {
  return { ...state, classes: withoutEntry(state.classes, name) }
}

/** The class with one key changed; total: an unknown class or key changes nothing. */
export function withKey(state: CaState, name: string, ski: string, change: (key: ClassKey) => ClassKey): CaState {
  const found = entry(state.classes, name)
  if (found === undefined) return state
  const keys = found.keys.map((key) => (key.ski === ski ? change(key) : key))
  return { ...state, classes: withEntry(state.classes, name, { ...found, keys }) }
}
