/** Registry of aggregates by kind, for code that replays or archives any history. */
import { est } from '../../est/aggregate.js'
import type { Aggregate, DomainCommand, DomainEvent, Kind } from '../../eventsourcing/types.js'
import { ha } from '../../ha/aggregate.js'
import { pubd } from '../../pubd/aggregate.js'
import { CA, TA } from '../session/context.js'

/** The part of an aggregate that replay, comparison and archiving need. */
export type ReplayRules = Pick<
  Aggregate<unknown, DomainCommand, DomainEvent, never>,
  'kind' | 'events' | 'initial' | 'evolve' | 'logical' | 'publishesOnly'
>

/** Rules by kind; undefined for a kind that this version does not know. */
export const RULES: Readonly<Partial<Record<Kind, ReplayRules>>> = {
  ca: CA as ReplayRules,
  ta: TA as ReplayRules,
  pubd: pubd as ReplayRules,
  ha: ha as ReplayRules,
  est: est as ReplayRules,
}

/** Returns true if commands of this type only publish what is configured already. False for a type that this version does not know, so that it is not archived. */
export function publishesOnly(kind: Kind, type: string): boolean {
  return RULES[kind]?.publishesOnly(type) ?? false
}
