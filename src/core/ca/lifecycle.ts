/** Adding and removing a CA, and the repository that it publishes in. */
import type { Handle } from '../base/handle.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { toResourceText } from '../resources/resource-set.js'
import type { ResourceSet } from '../resources/types.js'
import { isLocalRepository, type LocalRepository } from './contacts.js'
import { type CaState, initialCa } from './state.js'

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
 * it was removed too.
 */
function empty({ handle, nextClass, numberFloor, retired }: CaState): CaState {
  return { ...initialCa(handle), nextClass, numberFloor, ...(retired === undefined ? {} : { retired }) }
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
  'ca.remove': command({
    check: (state) => {
      const children = Object.keys(state.children).sort()
      if (children.length === 0) return []
      return [{ code: 'ca-has-children', message: `${state.handle} still has children: ${children.join(', ')}` }]
    },
    decide: () => [{ type: 'ca.removed' }],
    publishesOnly: false,
    summarize: () => ({}),
  }),
  'repository.configure': command<{ readonly repository: LocalRepository }>({
    check: (state, { repository }) => {
      if (state.repository === null || state.repository.base === repository.base) return []
      const message = `${state.handle} already publishes at ${state.repository.base}: its repository cannot be changed`
      return [{ code: 'repository-differs', message }]
    },
    decide: (state, { repository }) =>
      state.repository === null ? [{ type: 'repository.configured', repository }] : [],
    publishesOnly: false,
    summarize: ({ repository }) => ({ ...repository }),
  }),
}
