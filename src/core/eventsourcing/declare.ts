/**
 * An aggregate declared as two tables: one rule for each type of event and one for each type of command.
 * Invariant: the tables are the only place where a type is named; the unions of events and commands are derived from them.
 */
import { exhaustive } from '../base/brand.js'
import type { Violation } from '../base/errors.js'
import type { Handle } from '../base/handle.js'
import type { Json } from '../base/json.js'
import { entry, type Table } from '../base/record.js'
import { isText, type Mismatch, mismatch, type ObjectOf, type Shape } from '../base/shape.js'
import type { Aggregate, DomainCommand, DomainEvent, Kind } from './types.js'

/** One type of event: what is stored of it, and what it makes of a state. */
export interface EventRule<S, E> {
  /** The members that are stored, without `type`. */
  readonly stored: Shape
  /** Total and pure: an event about something that does not exist leaves the state as it is. */
  readonly evolve: (state: S, event: E) => S
}

/** The events that a command results in, and what is decided next, on the state after them. */
export type Decision<S, E> =
  | readonly E[]
  | {
      readonly events: readonly E[]
      readonly followUp: (state: S) => Decision<S, E> | Promise<Decision<S, E>>
    }

/** One type of command. */
export interface CommandRule<S, C, E, P> {
  /** Returns every violation; none when the command may run. Pure. */
  readonly check: (state: S, command: C) => readonly Violation[]
  /** Runs only after `check` found nothing. No event: a no-op. */
  readonly decide: (state: S, command: C, ports: P) => Decision<S, E> | Promise<Decision<S, E>>
  /** True if it only publishes what is configured already (manifests, CRLs, renewals, a serial): its records may be archived. */
  readonly publishesOnly: boolean
  /** Returns what history keeps of the command, without `type`. */
  readonly summarize: (command: C) => Json
}

type Typed = { readonly type: string }
type Flat<T> = { readonly [K in keyof T]: T[K] }

/** Returns a function that declares one type of event on the state `S`; the type of its members follows from `stored`. */
export function eventsOn<S>() {
  return <M extends Shape>(stored: M, evolve: (state: S, event: ObjectOf<M> & Typed) => S) => ({ stored, evolve })
}

/** Returns a function that declares one type of command with the members `C`, resulting in events of the types `E`. */
export function commandsOn<S, E extends DomainEvent, P>() {
  return <C extends object = object>(rule: CommandRule<S, C & Typed, E, P>) => rule
}

type Joined<T> = (T extends unknown ? (part: T) => void : never) extends (all: infer All) => void ? All : never

/** Returns one table of the parts that the topic files declare. Throws a TypeError if two of them declare the same type. */
export function joined<T extends readonly object[]>(...tables: T): Joined<T[number]> {
  const types = tables.flatMap((table) => Object.keys(table))
  const twice = types.find((type, at) => types.indexOf(type) !== at)
  if (twice !== undefined) throw new TypeError(`two tables declare ${twice}`)
  return Object.assign({}, ...tables)
}

/** The union of the events that a table declares. */
export type EventOf<T> = {
  readonly [K in keyof T & string]: T[K] extends { readonly stored: infer M extends Shape }
    ? Flat<{ readonly type: K } & ObjectOf<M>>
    : never
}[keyof T & string]

/** The union of the commands that a table declares. */
export type CommandOf<T> = {
  readonly [K in keyof T & string]: T[K] extends { readonly summarize: (command: infer C) => Json }
    ? Flat<{ readonly type: K } & C>
    : never
}[keyof T & string]

export interface Declaration<S, C extends DomainCommand, E extends DomainEvent, P> {
  readonly kind: Kind
  readonly initial: (handle: Handle) => S
  readonly events: { readonly [K in E['type']]: EventRule<S, Extract<E, { readonly type: K }>> }
  readonly commands: { readonly [K in C['type']]: CommandRule<S, Extract<C, { readonly type: K }>, E, P> }
  /** Violations that keep a command from its own check. */
  readonly precondition?: (state: S, command: C) => readonly Violation[]
  /** Events that the passing of time has brought about: they come before those of any command. */
  readonly elapsed?: (state: S, ports: P) => readonly E[]
  readonly logical: (state: S) => Json
}

/** Builds the aggregate that the tables declare. */
export function declare<S, C extends DomainCommand, E extends DomainEvent, P>(
  declaration: Declaration<S, C, E, P>,
): Aggregate<S, C, E, P> {
  const { kind, initial, precondition, elapsed, logical } = declaration
  const commands: Table<CommandRule<S, never, E, P>> = declaration.commands
  const evolve = evolver<S, E>(declaration.events)
  const rule = (command: C): CommandRule<S, C, E, P> =>
    (entry(commands, command.type) as CommandRule<S, C, E, P> | undefined) ?? exhaustive(command as never)
  return {
    kind,
    events: storedShapes(declaration.events),
    initial,
    check: (state, command) => {
      const before = precondition?.(state, command) ?? []
      return before.length > 0 ? before : rule(command).check(state, command)
    },
    decide: async (state, command, ports) => {
      const events: E[] = []
      let reached = state
      const apply = (more: readonly E[]): void => {
        events.push(...more)
        reached = more.reduce(evolve, reached)
      }
      if (elapsed !== undefined) apply(elapsed(state, ports))
      let decision = await rule(command).decide(reached, command, ports)
      while ('followUp' in decision) {
        apply(decision.events)
        decision = await decision.followUp(reached)
      }
      return [...events, ...decision]
    },
    evolve,
    summarize: (command) => ({ type: command.type, args: rule(command).summarize(command) }),
    publishesOnly: (type) => entry(commands, type)?.publishesOnly ?? false,
    logical,
  }
}

/** Returns the function that applies one event of a table to a state; an event of another type leaves the state as it is. */
export function evolver<S, E extends DomainEvent>(
  events: Declaration<S, DomainCommand, E, unknown>['events'],
): (state: S, event: E) => S {
  const rules: Table<EventRule<S, never>> = events
  return (state, event) => entry(rules, event.type)?.evolve(state, event as never) ?? state
}

function storedShapes<T extends string>(
  events: Readonly<Record<T, { readonly stored: Shape }>>,
): Readonly<Record<T, Shape>> {
  const shapes = Object.entries<{ readonly stored: Shape }>(events).map(([type, { stored }]) => [type, stored] as const)
  return Object.fromEntries(shapes) as Record<T, Shape>
}

/**
 * Returns the first place where an event does not have the members that its type declares; undefined when it has them, and for a type that the
 * aggregate does not know.
 */
export function storedMismatch(
  { events }: Pick<Aggregate<never, never, DomainEvent, never>, 'events'>,
  event: DomainEvent,
  path = '$',
): Mismatch | undefined {
  const stored = entry(events, event.type)
  return stored === undefined ? undefined : mismatch({ ...event }, { ...stored, type: isText }, path)
}
