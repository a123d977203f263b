/** Every kind of aggregate with its rules: what replays a history without knowing whose it is. */
import type { Aggregate, DomainCommand, DomainEvent, Kind } from '../eventsourcing/types.js'
import { pubd } from '../pubd/aggregate.js'
import { CA, TA } from './desk.js'

/** The part of an aggregate that replay and comparison need. */
export type ReplayRules = Pick<
  Aggregate<unknown, DomainCommand, DomainEvent, never>,
  'kind' | 'events' | 'initial' | 'evolve' | 'logical'
>

/** The rules by kind; a kind that this version does not know has none. */
export const RULES: Readonly<Partial<Record<Kind, ReplayRules>>> = {
  ca: CA as ReplayRules,
  ta: TA as ReplayRules,
  pubd: pubd as ReplayRules,
}
