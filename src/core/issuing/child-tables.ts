/** The part of the tables of events that a CA and a trust anchor share as parents: children, and the floor of their numbers. */
import type { Handle } from '../base/handle.js'
import { entry, type Table, withEntry, withoutEntry } from '../base/record.js'
import { isCount, isFlag, isKeyId, isName, isTime } from '../base/shape.js'
import { eventsOn } from '../eventsourcing/declare.js'
import { isReplayClock, keepClock, type WithClocks } from '../protocols/replay-clock.js'
import { isResourceText, toResourceText } from '../resources/resource-set.js'
import type { ResourceSet, ResourceText } from '../resources/types.js'
import { type Child, evolveChildren, type IssuedCertificate } from './children.js'
import { suspended, unsuspended, withoutParked } from './suspension.js'

/** Members of the commands that add or change a child. */
export interface ChildResources {
  readonly child: Handle
  readonly resources: ResourceSet
}

/** Returns what history keeps of a command that adds or changes a child. */
export function summarizeChild({ child, resources }: ChildResources) {
  return { child, resources: { ...toResourceText(resources) } }
}

/** Returns the events of children on the state `S` of a parent. `classOf`: the class that has issued a certificate. */
export function childEventsOn<S extends WithClocks & { readonly children: Table<Child> }>(
  classOf: (state: S, certificate: IssuedCertificate) => string | undefined,
) {
  const event = eventsOn<S>()
  const withChild = (state: S, name: Handle, resources: ResourceText): S => {
    const child = entry(state.children, name) ?? { transport: 'local', issued: {} }
    return { ...state, children: withEntry(state.children, name, { ...child, resources }) }
  }
  const onChild = (state: S, name: Handle, change: (child: Child) => Child): S => {
    const child = entry(state.children, name)
    return child === undefined ? state : { ...state, children: withEntry(state.children, name, change(child)) }
  }
  return {
    'child.added': event({ child: isName, resources: isResourceText }, (state, { child, resources }) =>
      withChild(state, child, resources),
    ),
    'child.updated': event({ child: isName, resources: isResourceText }, (state, { child, resources }) =>
      withChild(state, child, resources),
    ),
    /** `clock`: of a child elsewhere, which may be added again. */
    'child.removed': event({ child: isName, 'clock?': isReplayClock }, (state, { child, clock }) => {
      return keepClock({ ...state, children: withoutEntry(state.children, child) }, clock)
    }),
    /** A key of a child is certified no longer: its certificates are withdrawn and revoked with the next manifest. */
    'child.key.revoked': event({ child: isName, ski: isKeyId }, (state, { child, ski }) => {
      const children = evolveChildren(state.children, { issued: [], withdrawn: [{ child, ski }] })
      return onChild({ ...state, children }, child, (own) => withoutParked(own, ski))
    }),
    /**
     * Suspension of a child: nothing is certified for it; its certificates are withdrawn and revoked with the next manifest. `parks`: those of a child
     * of this data directory are kept, as those of a child elsewhere always are.
     */
    'child.suspended': event(
      { child: isName, at: isTime, 'parks?': isFlag },
      (state, { child: name, at, parks = false }) =>
        onChild(state, name, (child) => suspended(child, at, parks, (certificate) => classOf(state, certificate))),
    ),
    'child.unsuspended': event({ child: isName }, (state, { child }) => onChild(state, child, unsuspended)),
  }
}

/** Returns the event that raises the least number of the next manifest and CRL on the state `S`. */
export function numberEventsOn<S extends { readonly numberFloor: number }>() {
  return {
    'numbers.raised': eventsOn<S>()({ atLeast: isCount }, (state, { atLeast }) => {
      return { ...state, numberFloor: Math.max(state.numberFloor, atLeast) }
    }),
  }
}
