/** A unit of work that compares every event with the stored schema of its type, as `audit verify` does with stored ones. */
import type { Handle } from '../../../src/core/base/handle.js'
import { canonicalJson } from '../../../src/core/base/json.js'
import { storedMismatch } from '../../../src/core/eventsourcing/declare.js'
import type { Aggregate, DomainCommand, DomainEvent } from '../../../src/core/eventsourcing/types.js'
import { Work } from '../../../src/core/eventsourcing/work.js'

export class CheckedWork extends Work {
  override async run<S, C extends DomainCommand, E extends DomainEvent, P>(
    aggregate: Aggregate<S, C, E, P>,
    handle: Handle,
    command: C,
    ports: P,
  ): Promise<readonly E[]> {
    return expectStored(aggregate, await super.run(aggregate, handle, command, ports))
  }
}

/** Returns the events. Throws where one of them, once stored, does not have exactly the members that its type declares. */
export function expectStored<E extends DomainEvent>(
  aggregate: Pick<Aggregate<never, never, DomainEvent, never>, 'events'>,
  events: readonly E[],
): readonly E[] {
  for (const event of events) {
    if (!Object.hasOwn(aggregate.events, event.type)) throw new Error(`event ${event.type} is not declared`)
    const found = storedMismatch(aggregate, JSON.parse(canonicalJson(event)) as DomainEvent)
    if (found !== undefined) throw new Error(`event ${event.type}: ${found.path}: ${found.problem}`)
  }
  return events
}
