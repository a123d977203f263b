/** In-memory store with the contract of the one on disk, for tests and dry runs. */
import { AppError } from '../../base/errors.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { CommitResult, Loaded, Reader, StagedCommit, Store, Writer } from '../../eventsourcing/store.js'
import {
  type AggregateId,
  type DomainEvent,
  formatAggregateId,
  type StoredCommand,
  type StoredSnapshot,
} from '../../eventsourcing/types.js'
import type { Info } from '../disk/caches.js'
import { type Plan, planCommit } from './commit-layout.js'
import type { CommitFile } from './commit-log.js'

interface Kept {
  readonly version: number
  readonly sequence: number
  readonly info: Info
  readonly commands: readonly string[]
  readonly events: readonly string[]
  readonly snapshot: string | undefined
}

interface Data {
  readonly commits: readonly CommitFile[]
  readonly members: readonly AggregateId[]
  readonly aggregates: ReadonlyMap<string, Kept>
  readonly objects: ReadonlyMap<Sha256, Uint8Array>
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const json = <T>(from: string): T => JSON.parse(from) as T

/** Returns an empty store that is never written to disk. */
export function memoryStore(options: { readonly snapshotInterval?: number } = {}): Store {
  let data: Data = { commits: [], members: [], aggregates: new Map(), objects: new Map() }
  let turn: Promise<unknown> = Promise.resolve()
  return {
    read: (work) => work(new MemoryReader(data)),
    write(work) {
      const mine = turn.then(() => {
        const writer = new MemoryWriter(data, options.snapshotInterval ?? 5, (next) => {
          data = next
        })
        return work(writer)
      })
      turn = mine.catch(() => undefined)
      return mine
    },
  }
}

class MemoryReader implements Reader {
  readonly generation = 1
  protected data: Data

  constructor(data: Data) {
    this.data = data
  }

  get head(): number {
    return this.data.commits.length
  }

  get at(): Reader['at'] {
    return this.data.commits.at(-1)?.record.at
  }

  roster(): readonly AggregateId[] {
    return this.data.members
  }

  load(id: AggregateId): Loaded | undefined {
    const kept = this.data.aggregates.get(formatAggregateId(id))
    if (kept === undefined) return undefined
    const snapshot = kept.snapshot === undefined ? undefined : json<StoredSnapshot>(kept.snapshot)
    const events = kept.events.slice(snapshot?.version ?? 0).map((e) => json<{ event: DomainEvent }>(e).event)
    const last = json<StoredCommand>(kept.commands.at(-1) ?? 'null')
    return {
      version: kept.version,
      sequence: kept.sequence,
      events,
      lastAt: last.at,
      snapshot: snapshot && { version: snapshot.version, state: snapshot.state },
    }
  }

  command(id: AggregateId, sequence: number): StoredCommand {
    const found = this.data.aggregates.get(formatAggregateId(id))?.commands[sequence - 1]
    if (found === undefined)
      throw new AppError('corrupt', 'file-missing', `${formatAggregateId(id)}: no command ${sequence}`)
    return json<StoredCommand>(found)
  }

  eventsOf(id: AggregateId, record: StoredCommand): readonly DomainEvent[] {
    if (record.effect.result !== 'accepted') return []
    const all = this.data.aggregates.get(formatAggregateId(id))?.events ?? []
    return all
      .slice(record.version, record.version + record.effect.events.length)
      .map((e) => json<{ event: DomainEvent }>(e).event)
  }

  object(sha256: Sha256): Uint8Array {
    const found = this.data.objects.get(sha256)
    if (found === undefined) throw new AppError('corrupt', 'object-missing', `no object ${sha256}`)
    return found
  }
}

/** There is no marker to bind. */
const MARKER = sha256Hex('memory')

class MemoryWriter extends MemoryReader implements Writer {
  readonly #interval: number
  readonly #keep: (data: Data) => void

  constructor(data: Data, interval: number, keep: (data: Data) => void) {
    super(data)
    this.#interval = interval
    this.#keep = keep
  }

  commit(staged: StagedCommit): CommitResult {
    const plan = planCommit(
      {
        head: this.head,
        last: this.data.commits.at(-1),
        generation: this.generation,
        marker: MARKER,
        interval: this.#interval,
        members: this.data.members,
        baseOf: (id) => {
          const kept = this.data.aggregates.get(formatAggregateId(id))
          const command = sha256Hex(kept?.commands.at(-1) ?? '')
          return (
            kept && { version: kept.version, sequence: kept.sequence, command, info: kept.info, snapshotDamaged: false }
          )
        },
      },
      staged,
    )
    this.data = applied(this.data, plan)
    this.#keep(this.data)
    return plan.result
  }
}

function applied(data: Data, plan: Plan): Data {
  const aggregates = new Map(data.aggregates)
  for (const a of plan.aggregates) {
    const name = formatAggregateId(a.id)
    const old = aggregates.get(name)
    aggregates.set(name, {
      version: a.version,
      sequence: a.sequence,
      info: a.info,
      commands: [...(old?.commands ?? []), text(a.command.bytes)],
      events: [...(old?.events ?? []), ...a.events.map((e) => text(e.bytes))],
      snapshot: a.snapshot === undefined ? old?.snapshot : text(a.snapshot.bytes),
    })
  }
  const { record } = plan.file
  return {
    commits: [...data.commits, plan.file],
    members: record.members ?? data.members,
    aggregates,
    objects: new Map([...data.objects, ...plan.objects]),
  }
}
