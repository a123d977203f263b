/** Adding and removing a CA, and the repository that it publishes in. */
import type { Violation } from '../base/errors.js'
import type { Handle } from '../base/handle.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { clocksOf } from '../protocols/replay-clock.js'
import { toResourceText } from '../resources/resource-set.js'
import type { ResourceSet } from '../resources/types.js'
import { isLocalRepository, type LocalRepository } from './state/contacts.js'
import { filesAt, isUnconfirmedAt, PLACES, remoteAt } from './state/places.js'
import { type CaState, initialCa } from './state/state.js'

const event = eventsOn<CaState>()

export const lifecycleEvents = {
  'ca.added': event({}, (state) => ({ ...empty(state), status: 'active' })),
  'ca.removed': event({}, (state) => ({ ...empty(state), status: 'removed' })),
  'repository.configured': event({ repository: isLocalRepository }, (state, { repository }) => ({
    ...state,
    repository,
  })),
}

/**
 * A CA that is added again continues its numbers: names of classes and manifest numbers are never used twice. Retired keys are destroyed after
 * it was removed too. Messages to it stay replays.
 */
function empty(state: CaState): CaState {
  const { handle, nextClass, numberFloor, retired } = state
  const kept = { ...(retired === undefined ? {} : { retired }), ...clocksOf(state) }
  return { ...initialCa(handle), nextClass, numberFloor, ...kept }
}

/** Certificates and objects of a CA on other machines. */
export interface HeldElsewhere {
  /** Parents elsewhere that certify a key of it. */
  readonly parents: readonly Handle[]
  /** True if its repository elsewhere has objects of it, or may have. */
  readonly repository: boolean
}

export function heldElsewhere(state: CaState): HeldElsewhere {
  const certifying = Object.values(state.classes).filter(({ keys }) => keys.some((k) => k.certificate !== null))
  const parents = Object.entries(state.parents).flatMap(([name, { transport }]) =>
    transport === 'rfc6492' && certifying.some(({ parent }) => parent === name) ? [name as Handle] : [],
  )
  const repository = PLACES.some(
    (place) =>
      remoteAt(state, place) !== undefined && (filesAt(state, place).length > 0 || isUnconfirmedAt(state, place)),
  )
  return { parents, repository }
}

function checkHeldElsewhere(state: CaState): readonly Violation[] {
  const { parents, repository } = heldElsewhere(state)
  const held = [
    ...(parents.length === 0 ? [] : [`certificates of ${parents.join(', ')}`]),
    ...(repository ? ['objects in its repository elsewhere'] : []),
  ]
  if (held.length === 0) return []
  const message = `${state.handle} still has ${held.join(' and ')}, which nothing could end once it is removed`
  return [{ code: 'ca-held-elsewhere', message, details: { parents: [...parents], repository } }]
}

/** The place of a new CA, for history alone: other commands of the same commit make it a child there. */
interface NewCa {
  readonly under?: Handle
  readonly resources?: ResourceSet
}

const command = commandsOn<CaState, EventOf<typeof lifecycleEvents>, IssuingPorts>()

export const lifecycleCommands = {
  'ca.add': command<NewCa>({
    check: ({ status, handle }) =>
      status === 'active' ? [{ code: 'ca-duplicate', message: `CA ${handle} already exists` }] : [],
    decide: () => [{ type: 'ca.added' }],
    publishesOnly: false,
    summarize: ({ under, resources }) => ({
      ...(under === undefined ? {} : { under }),
      ...(resources === undefined ? {} : { resources: { ...toResourceText(resources) } }),
    }),
  }),
  /** `abandon`: although a parent or repository elsewhere still has certificates or objects of it. */
  'ca.remove': command<{ readonly abandon?: boolean }>({
    check: (state, { abandon }) => {
      const children = Object.keys(state.children).sort()
      if (children.length > 0)
        return [
          {
            code: 'ca-has-children',
            message: `${state.handle} still has children: ${children.join(', ')}`,
            details: { child: children[0] ?? '', children },
          },
        ]
      return abandon === true ? [] : checkHeldElsewhere(state)
    },
    decide: () => [{ type: 'ca.removed' }],
    publishesOnly: false,
    summarize: ({ abandon }) => (abandon === true ? { abandon } : {}),
  }),
  'repository.configure': command<{ readonly repository: LocalRepository }>({
    check: (state, { repository }) => {
      if (state.repository === null || state.repository.base === repository.base) return []
      const message = `${state.handle} already publishes at ${state.repository.base}: another repository needs a migration`
      return [{ code: 'repository-differs', message }]
    },
    decide: (state, { repository }) =>
      state.repository === null ? [{ type: 'repository.configured', repository }] : [],
    publishesOnly: false,
    summarize: ({ repository }) => ({ ...repository }),
  }),
}
