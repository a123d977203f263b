/**
 * A unit of work: commands run on loaded aggregates in memory, and all events that follow become one commit.
 * Invariant: a command sees the changes of earlier commands of the same work; nothing is durable before `staged()` is committed.
 */
import { AppError, rejection, type Violation } from '../base/errors.js'
import type { Handle } from '../base/handle.js'
import type { Json } from '../base/json.js'
import type { Instant } from '../base/time.js'
import { sha256Hex } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import type { Loaded, Reader, Staged } from './store.js'
import {
  type Aggregate,
  type AggregateId,
  type CommandSummary,
  type DomainCommand,
  type DomainEvent,
  formatAggregateId,
  type Kind,
  type ObjectSink,
} from './types.js'

interface Held {
  readonly id: AggregateId
  readonly loaded: Loaded | undefined
  /** The state before this work. */
  readonly before: unknown
  state: unknown
  events: DomainEvent[]
  command: CommandSummary | undefined
}

/** Returns the state after the events, starting from the snapshot. Throws `event-newer` (format) at an event that this program does not know. */
export function replay<S, E extends DomainEvent>(
  aggregate: Pick<Aggregate<S, DomainCommand, E, never>, 'kind' | 'events' | 'initial' | 'evolve'>,
  handle: Handle,
  loaded: (Pick<Loaded, 'snapshot'> & { readonly events: Iterable<DomainEvent> }) | undefined,
): S {
  let state = (loaded?.snapshot?.state as S | undefined) ?? aggregate.initial(handle)
  for (const event of loaded?.events ?? []) {
    if (!Object.hasOwn(aggregate.events, event.type)) throw unknownEvent({ kind: aggregate.kind, handle }, event.type)
    state = aggregate.evolve(state, event as E)
  }
  return state
}

function unknownEvent(id: AggregateId, type: string): AppError {
  const name = formatAggregateId(id)
  return new AppError(
    'format',
    'event-newer',
    `${name} has an event ${JSON.stringify(type)} that this program does not know`,
    {
      hint: 'a newer brine wrote it: run that one',
      details: { aggregate: name, type },
    },
  )
}

export class Work implements ObjectSink {
  readonly #reader: Reader
  readonly #held = new Map<string, Held>()
  readonly #objects = new Map<Sha256, Uint8Array>()
  readonly #dates = new Map<Sha256, Instant>()
  #isForecast = false
  #roster: { readonly ids: readonly AggregateId[]; readonly names: ReadonlySet<string> } | undefined

  constructor(reader: Reader) {
    this.#reader = reader
  }

  get reader(): Reader {
    return this.#reader
  }

  /** Keeps a signed object for the commit and returns its hash. */
  put(bytes: Uint8Array, dated: Instant): Sha256 {
    const name = sha256Hex(bytes)
    this.#objects.set(name, bytes)
    this.#dates.set(name, dated)
    return name
  }

  /** Returns an object of this work or of the store. */
  object(name: Sha256): Uint8Array {
    return this.#objects.get(name) ?? this.#reader.object(name)
  }

  get objects(): ReadonlyMap<Sha256, Uint8Array> {
    return this.#objects
  }

  /** Modification times for the files of `objects`. */
  get dates(): ReadonlyMap<Sha256, Instant> {
    return this.#dates
  }

  /** Returns true if a commit or this work created the aggregate. */
  exists(kind: Kind, handle: Handle): boolean {
    const held = this.#held.get(key(kind, handle))
    if (held !== undefined) return held.loaded !== undefined || held.events.length > 0
    return this.#committed().has(key(kind, handle))
  }

  /** Returns the names of the aggregates of the revision. */
  #committed(): ReadonlySet<string> {
    const ids = this.#reader.roster()
    if (this.#roster?.ids !== ids) this.#roster = { ids, names: new Set(ids.map((id) => key(id.kind, id.handle))) }
    return this.#roster.names
  }

  /** Returns every aggregate of a kind, those of this work included, sorted by handle. */
  handles(kind: Kind): readonly Handle[] {
    const names = new Set<Handle>()
    for (const id of this.#reader.roster()) if (id.kind === kind) names.add(id.handle)
    for (const held of this.#held.values())
      if (held.id.kind === kind && held.events.length > 0) names.add(held.id.handle)
    return [...names].sort()
  }

  /** Returns the aggregates of a kind that this work changed. */
  touched(kind: Kind): readonly Handle[] {
    return [...this.#held.values()].filter((h) => h.id.kind === kind && h.events.length > 0).map((h) => h.id.handle)
  }

  /** Returns the state with the changes of this work. */
  state<S, C extends DomainCommand, E extends DomainEvent, P>(aggregate: Aggregate<S, C, E, P>, handle: Handle): S {
    return this.#hold(aggregate, handle).state as S
  }

  /** Returns the state before this work. */
  before<S, C extends DomainCommand, E extends DomainEvent, P>(aggregate: Aggregate<S, C, E, P>, handle: Handle): S {
    return this.#hold(aggregate, handle).before as S
  }

  /** Returns when the newest command on the aggregate was recorded. */
  lastAt(kind: Kind, handle: Handle): Instant | undefined {
    return this.#held.get(key(kind, handle))?.loaded?.lastAt
  }

  /** Returns every violation that the command would meet. */
  check<S, C extends DomainCommand, E extends DomainEvent, P>(
    aggregate: Aggregate<S, C, E, P>,
    handle: Handle,
    command: C,
  ): readonly Violation[] {
    return aggregate.check(this.#hold(aggregate, handle).state as S, command)
  }

  /** Checks, decides and applies one command. Returns its events (none for a no-op). Throws a `Rejected` with every violation. */
  async run<S, C extends DomainCommand, E extends DomainEvent, P>(
    aggregate: Aggregate<S, C, E, P>,
    handle: Handle,
    command: C,
    ports: P,
  ): Promise<readonly E[]> {
    const held = this.#hold(aggregate, handle)
    const violations = aggregate.check(held.state as S, command)
    if (violations.length > 0) throw new Rejected(this, held.id, aggregate.summarize(command), violations)
    const events = await aggregate.decide(held.state as S, command, ports)
    if (events.length === 0) return events
    let state = held.state as S
    for (const event of events) state = aggregate.evolve(state, event)
    held.state = state
    held.events.push(...events)
    held.command ??= aggregate.summarize(command)
    return events
  }

  /** Applies an event of a command without the signing that `decide` would do, for a forecast: such a work cannot be staged. */
  assume<S, C extends DomainCommand, E extends DomainEvent, P>(
    aggregate: Aggregate<S, C, E, P>,
    handle: Handle,
    command: C,
    event: E,
  ): void {
    const held = this.#hold(aggregate, handle)
    this.#isForecast = true
    held.state = aggregate.evolve(held.state as S, event)
    held.events.push(event)
    held.command ??= aggregate.summarize(command)
  }

  /** True if a command had an effect. */
  get changed(): boolean {
    return [...this.#held.values()].some((h) => h.events.length > 0)
  }

  /** Returns each aggregate's part of the commit, in the order in which they were first used. Throws for a forecast. */
  staged(): readonly Staged[] {
    if (this.#isForecast) throw new Error('a forecast cannot be committed: what its events lead to is not signed')
    const out: Staged[] = []
    for (const held of this.#held.values()) {
      if (held.events.length === 0 || held.command === undefined) continue
      out.push({
        id: held.id,
        version: held.loaded?.version ?? 0,
        sequence: held.loaded?.sequence ?? 0,
        command: held.command,
        effect: { result: 'accepted', events: held.events, state: held.state as Json },
      })
    }
    return out
  }

  /** Returns the rejection of what was done to an aggregate, by rules that only see the whole work. Throws if nothing was done to it. */
  refusal(id: AggregateId, violations: readonly Violation[]): Rejected {
    const command = this.#held.get(key(id.kind, id.handle))?.command
    if (command === undefined) throw new Error(`${formatAggregateId(id)} has not been changed`)
    return new Rejected(this, id, command, violations)
  }

  /** Returns the record of a rejected command, to be committed alone. */
  rejected(rejected: Rejected): Staged {
    const held = this.#held.get(key(rejected.id.kind, rejected.id.handle))
    const { code, message } = rejected.error
    return {
      id: rejected.id,
      version: held?.loaded?.version ?? 0,
      sequence: held?.loaded?.sequence ?? 0,
      command: rejected.command,
      effect: { result: 'rejected', code, message },
    }
  }

  #hold<S, C extends DomainCommand, E extends DomainEvent, P>(aggregate: Aggregate<S, C, E, P>, handle: Handle): Held {
    const name = key(aggregate.kind, handle)
    const found = this.#held.get(name)
    if (found !== undefined) return found
    const id: AggregateId = { kind: aggregate.kind, handle }
    const loaded = this.#reader.load(id)
    const before = replay(aggregate, handle, loaded)
    const held: Held = { id, loaded, before, state: before, events: [], command: undefined }
    this.#held.set(name, held)
    return held
  }
}

/** A command on one aggregate that its rules rejected: history records it, the user sees `error`. */
export class Rejected extends Error {
  readonly id: AggregateId
  readonly command: CommandSummary
  readonly error: ReturnType<typeof rejection>
  /** The work that ran it: its record follows what this work had loaded. */
  readonly work: Work

  constructor(work: Work, id: AggregateId, command: CommandSummary, violations: readonly Violation[]) {
    super(`${formatAggregateId(id)}: ${command.type} rejected`)
    this.name = 'Rejected'
    this.work = work
    this.id = id
    this.command = command
    this.error = rejection(violations)
  }
}

function key(kind: Kind, handle: Handle): string {
  return `${kind}/${handle}`
}
