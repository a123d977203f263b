/**
 * Key rolls (RFC 6489): a new key is certified and staged, takes over every product of the current one, and the old key is given up.
 * Invariants: one key of a class issues at any time; products keep their names, so that each is replaced in one step; a key is removed only
 * when its parent has revoked it.
 */
import { toBase64 } from '../base/bytes.js'
import type { Violation } from '../base/errors.js'
import { entry, withEntry, withoutEntry } from '../base/record.js'
import { isCount, isFlag, isKeyId, isText, isTime, listOf, orNull } from '../base/shape.js'
import type { Instant } from '../base/time.js'
import type { KeyId } from '../crypto/ports.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import { EMPTY_POINT } from '../issuing/point.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { formatResources, isEmpty } from '../resources/resource-set.js'
import type { ResourceSet } from '../resources/types.js'
import { type PublishingEvent, reconciled } from './publishing.js'
import { activationAllowedAt, nextKey, repositoryWait, resourcesLacking, rollStage } from './state/roll-state.js'
import { type CaState, type ClassKey, currentKey, type KeyRoll, type ResourceClass, withClass } from './state/state.js'

const event = eventsOn<CaState>()

export const keyrollEvents = {
  'keyroll.started': event(
    { class: isText, ski: isKeyId, spki: isText, at: isTime, activateAfter: orNull(isCount), compromised: isFlag },
    (state, { class: name, ski, spki, at: startedAt, activateAfter, compromised }) => {
      const key: ClassKey = { state: 'pending', ski, spki, certificate: null, point: EMPTY_POINT }
      const roll: KeyRoll = { startedAt, activateAfter, compromised, stagedAt: null }
      return withClass(state, name, (own) => ({ ...own, keys: [...own.keys, key], roll }))
    },
  ),
  /**
   * The new key has its certificate; its first manifest is issued with it. `awaitsParent`: true if a repository elsewhere has to confirm the
   * certificate; false, in a later event, once it has.
   */
  'keyroll.staged': event(
    { class: isText, ski: isKeyId, at: isTime, 'awaitsRepository?': isFlag, 'awaitsParent?': isFlag },
    (state, { class: name, ski, at, awaitsRepository, awaitsParent }) =>
      withClass(state, name, ({ roll, ...own }) => {
        if (awaitsParent === false)
          return roll === undefined ? own : { ...own, roll: { ...roll, parentPublishedAt: at } }
        const above = awaitsParent === true ? { parentPublishedAt: null } : {}
        return {
          ...own,
          ...(roll === undefined ? {} : { roll: toPublish({ ...roll, stagedAt: at, ...above }, awaitsRepository) }),
          keys: moved(own.keys, ski, 'new'),
        }
      }),
  ),
  'keyroll.activated': event(
    {
      class: isText,
      /** The new key. */
      ski: isKeyId,
      old: isKeyId,
      at: isTime,
      /** True if the old key turned out to be compromised while the new one was staged. */
      'compromised?': isFlag,
      'awaitsRepository?': isFlag,
    },
    (state, { class: name, ski, old, compromised, awaitsRepository }) =>
      withClass(state, name, ({ roll, ...own }) => {
        return {
          ...own,
          ...(roll === undefined
            ? {}
            : { roll: toPublish(compromised ? { ...roll, compromised } : roll, awaitsRepository) }),
          keys: moved(moved(own.keys, old, 'old'), ski, 'current'),
        }
      }),
  ),
  /** The parent has revoked an old key. */
  'keyroll.finished': event({ class: isText, ski: isKeyId, at: isTime }, (state, { class: name, ski, at }) => {
    const next = withClass(state, name, ({ roll, ...own }) => {
      const left: ResourceClass = { ...own, keys: own.keys.filter((key) => key.ski !== ski) }
      const isOpen = left.keys.some(({ state: is }) => is !== 'current')
      return roll === undefined || !isOpen ? left : { ...left, roll }
    })
    return { ...next, retired: withEntry(next.retired ?? {}, ski, at) }
  }),
  /** The private halves of retired keys were removed from the key store. */
  'keys.destroyed': event({ skis: listOf(isKeyId) }, ({ retired = {}, ...state }, { skis }) => {
    const left = skis.reduce((table, ski) => withoutEntry(table, ski), retired)
    return Object.keys(left).length === 0 ? state : { ...state, retired: left }
  }),
}
type KeyrollEvent = EventOf<typeof keyrollEvents>

/** Returns a roll whose last step a repository elsewhere has to confirm, if that is so. */
function toPublish(roll: KeyRoll, awaitsRepository: boolean | undefined): KeyRoll {
  return awaitsRepository === true ? { ...roll, publishedAt: null } : roll
}

function moved(keys: readonly ClassKey[], ski: KeyId, state: ClassKey['state']): readonly ClassKey[] {
  return keys.map((key) => (key.ski === ski ? { ...key, state } : key))
}

interface RollStart {
  /** Null: every class with a certificate. */
  readonly className: string | null
  readonly activateAfter: number | null
  readonly compromised: boolean
}

interface Activation {
  /** Null: every class whose roll waits for its activation. */
  readonly className: string | null
  /** The present; null: does not wait for the end of staging. */
  readonly at: Instant | null
  /** True: also activates a key whose certificate lacks resources of the current one. */
  readonly compromised: boolean
  /** Classes whose parent publishes elsewhere and has not had everything confirmed: the certificate of the new key may not be there. */
  readonly awaitsParent?: readonly string[]
}

const command = commandsOn<CaState, KeyrollEvent | PublishingEvent, IssuingPorts>()

export const keyrollCommands = {
  'keyroll.init': command<RollStart>({
    check: checkStart,
    decide: async (state, { className, activateAfter, compromised }, { clock, signer }) => {
      const events: KeyrollEvent[] = []
      for (const { name } of rollable(state, className)) {
        const { id: ski, spki } = await signer.createKey()
        const started = { class: name, ski, spki: toBase64(spki), at: clock.now(), activateAfter, compromised }
        events.push({ type: 'keyroll.started', ...started })
      }
      return events
    },
    publishesOnly: false,
    summarize: ({ className, activateAfter, compromised }) => ({ class: className, activateAfter, compromised }),
  }),
  'keyroll.activate': command<Activation>({
    check: checkActivation,
    decide: (state, { className, compromised }, ports) => {
      const events = waiting(state, className).flatMap((own): readonly KeyrollEvent[] => {
        const [next, current] = [nextKey(own), currentKey(own)]
        if (next === undefined || current === undefined) return []
        const keys = { class: own.name, ski: next.ski, old: current.ski }
        const late = compromised && own.roll?.compromised !== true ? { compromised } : {}
        return [{ type: 'keyroll.activated', ...keys, at: ports.clock.now(), ...late, ...repositoryWait(state) }]
      })
      return reconciled(events, ports)
    },
    publishesOnly: false,
    summarize: ({ className, at, compromised }) => ({ class: className, now: at === null, compromised }),
  }),
  'keyroll.finish': command<{ readonly className: string; readonly ski: KeyId }>({
    check: ({ handle, classes }, { className, ski }) =>
      entry(classes, className)?.keys.some((key) => key.ski === ski && key.state === 'old') === true
        ? []
        : [{ code: 'key-unknown', message: `class ${className} of ${handle} has no old key ${ski}` }],
    decide: (_, { className, ski }, { clock }) => [
      { type: 'keyroll.finished', class: className, ski, at: clock.now() },
    ],
    publishesOnly: false,
    summarize: ({ className, ski }) => ({ class: className, ski }),
  }),
  'keys.destroy': command<{ readonly skis: readonly KeyId[] }>({
    check: () => [],
    decide: ({ retired = {} }, { skis }) => {
      const known = skis.filter((ski) => entry(retired, ski) !== undefined)
      return known.length === 0 ? [] : [{ type: 'keys.destroyed', skis: known }]
    },
    publishesOnly: false,
    summarize: ({ skis }) => ({ skis: [...skis] }),
  }),
}

/** Returns the class of this name, or every class with a certificate. */
function rollable(state: CaState, className: string | null): readonly ResourceClass[] {
  const named = Object.values(state.classes).filter(({ name }) => className === null || name === className)
  return named.filter((own) => currentKey(own) !== undefined)
}

/** Returns the class of this name, or every class whose roll waits for its activation. */
function waiting(state: CaState, className: string | null): readonly ResourceClass[] {
  return rollable(state, className).filter((own) => nextKey(own) !== undefined)
}

function checkStart(state: CaState, { className, compromised }: RollStart): readonly Violation[] {
  const classes = rollable(state, className)
  if (classes.length === 0) return [withoutCertificate(state, className)]
  return classes.flatMap((own) => {
    const stage = rollStage(own)
    // an old key that its parent has not revoked yet must not keep a compromised one in use
    if (stage === undefined || (stage === 'old' && compromised)) return []
    return [{ code: 'keyroll-open', message: `class ${own.name}: a key roll is open already, ${STAGES[stage]}` }]
  })
}

const STAGES = {
  pending: 'its new key waits for a certificate',
  staging: 'its new key is staged',
  old: 'its old key waits to be revoked by the parent',
} as const

function withoutCertificate({ handle }: CaState, className: string | null): Violation {
  const of = className === null ? 'resource class' : `resource class ${className}`
  return { code: 'class-unknown', message: `${handle} has no ${of} with a certificate` }
}

function checkActivation(state: CaState, activation: Activation): readonly Violation[] {
  const { className, at, compromised, awaitsParent = [] } = activation
  if (rollable(state, className).length === 0) return [withoutCertificate(state, className)]
  const classes = waiting(state, className)
  if (classes.length === 0) {
    const message = `${state.handle} has no staged key${className === null ? '' : ` in class ${className}`}`
    return [{ code: 'keyroll-none', message }]
  }
  return classes.flatMap((own): readonly Violation[] => {
    if (rollStage(own) !== 'staging')
      return [{ code: 'keyroll-pending', message: `class ${own.name}: the new key has no certificate yet` }]
    if (compromised) return []
    const lacking = resourcesLacking(own)
    return [
      ...(at === null ? [] : tooEarly(own, at, awaitsParent)),
      ...(isEmpty(lacking) ? [] : [{ code: 'keyroll-resources', message: lackingText(own.name, lacking) }]),
    ]
  })
}

function tooEarly(own: ResourceClass, at: Instant, awaitsParent: readonly string[]): readonly Violation[] {
  const until = activationAllowedAt(own)
  const awaited = awaitsParent.includes(own.name) || own.roll?.parentPublishedAt === null
  if (until !== null && at >= until && !awaited) return []
  const unconfirmed = awaited ? `has a certificate that the repository of ${own.parent} has not confirmed yet` : null
  const staged = until === null ? 'is not confirmed by the repository yet' : `is staged until ${until}`
  const why = unconfirmed ?? staged
  return [{ code: 'keyroll-too-early', message: `class ${own.name}: the new key ${why}; --now does not wait` }]
}

function lackingText(name: string, lacking: ResourceSet): string {
  return `class ${name}: the certificate of the new key lacks ${formatResources(lacking)}`
}
