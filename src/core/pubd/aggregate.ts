/**
 * The publication server as an aggregate (kind `pubd`, handle `0`): what it decides and what history keeps of it.
 * Invariant: one command that changes content is one serial, and its event carries the whole delta (RFC 8182 section 3.3).
 */
import { toHex } from '../base/bytes.js'
import { type Handle, parseHandle } from '../base/handle.js'
import type { Json } from '../base/json.js'
import type { Random } from '../base/ports.js'
import { entry, sortedEntries } from '../base/record.js'
import { type Instant, later } from '../base/time.js'
import type { Aggregate, CommandSummary } from '../eventsourcing/types.js'
import { checkPubd } from './check.js'
import type { PubdCommand, PubdPorts, PublisherChange } from './commands.js'
import { deltaChange, retainedDeltas, snapshotLength } from './content.js'
import type { PubdEvent, Published } from './events.js'
import { evolvePubd } from './evolve.js'
import { type DeltaChange, EMPTY_PUBD, type PubdState, type Publisher } from './state.js'

/** The one publication server of a data directory. */
export const PUBD_HANDLE: Handle = parseHandle('0')

export const pubd: Aggregate<PubdState, PubdCommand, PubdEvent, PubdPorts> = {
  kind: 'pubd',
  events: {
    'pubserver.initialised': true,
    'publisher.added': true,
    'publisher.removed': true,
    published: true,
    'session.reset': true,
  },
  initial: () => EMPTY_PUBD,
  check: checkPubd,
  decide: async (state, command, ports) => decidePubd(state, command, ports),
  evolve: evolvePubd,
  summarize,
  logical,
}

function decidePubd(state: PubdState, command: PubdCommand, ports: PubdPorts): readonly PubdEvent[] {
  const at = state.updatedAt === '' ? ports.clock.now() : later(ports.clock.now(), state.updatedAt)
  switch (command.type) {
    case 'pubserver.init': {
      if (state.serial > 0) return []
      const { rsyncBase, rrdpBase } = command
      const fresh = { sessionId: newSession(ports.random), at, part: newPart(ports.random) }
      return [{ type: 'pubserver.initialised', rsyncBase, rrdpBase, ...fresh }]
    }
    case 'publisher.add':
      return [{ type: 'publisher.added', publisher: command.publisher, base: command.base, at }]
    case 'publisher.remove': {
      const held = entry(state.publishers, command.publisher)?.objects ?? {}
      const all: PublisherChange = { publisher: command.publisher, put: [], drop: Object.keys(held) }
      return [...publication(state, [all], at, ports), { type: 'publisher.removed', publisher: command.publisher }]
    }
    case 'publish':
      return publication(state, command.changes, at, ports)
    case 'session.reset':
      return [{ type: 'session.reset', sessionId: newSession(ports.random), at, part: newPart(ports.random) }]
  }
}

/** The next serial; nothing when nothing would change: RFC 8182 knows no empty delta. */
function publication(
  state: PubdState,
  wanted: readonly PublisherChange[],
  at: Instant,
  ports: PubdPorts,
): readonly Published[] {
  const changes: DeltaChange[] = []
  for (const change of wanted) {
    const publisher = entry(state.publishers, change.publisher)
    if (publisher === undefined) continue
    const changed = deltaChange(change.publisher, publisher.base, publisher.objects, change)
    if (changed !== undefined) changes.push(changed)
  }
  if (changes.length === 0) return []
  changes.sort((a, b) => (a.base < b.base ? -1 : 1))
  const serial = state.serial + 1
  const all: Published = {
    type: 'published',
    serial,
    at,
    part: newPart(ports.random),
    changes,
    retained: state.deltas.length + 1,
  }
  const next = evolvePubd(state, all)
  const retained = retainedDeltas(next.sessionId, next.deltas, snapshotLength(next), at, ports.retention)
  return [{ ...all, retained }]
}

/** 128 bits as a folder name. */
function newPart(random: Random): string {
  return toHex(random.bytes(16))
}

/** A version 4 UUID (RFC 9562 section 5.4), as RFC 8182 section 3.3.1 wants. */
function newSession(random: Random): string {
  const bytes = Uint8Array.from(random.bytes(16))
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = toHex(bytes)
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** Counts, not names: the event has those, and a publication may hold thousands. */
function summarize(command: PubdCommand): CommandSummary {
  switch (command.type) {
    case 'publish': {
      const changes = command.changes.map((c) => ({ publisher: c.publisher, put: c.put.length, drop: c.drop.length }))
      return { type: command.type, args: { changes } }
    }
    case 'session.reset':
      return { type: command.type, args: {} }
    default: {
      const { type, ...args } = command
      return { type, args }
    }
  }
}

/** Names of objects hold key identifiers and their hashes hold serials, so what two machines share is how many of which kind each publisher has. */
function logical(state: PubdState): Json {
  const publishers = sortedEntries(state.publishers).map(([handle, publisher]) => ({
    handle,
    base: publisher.base,
    objects: countByExtension(publisher),
  }))
  return { rsyncBase: state.rsyncBase, rrdpBase: state.rrdpBase, publishers }
}

function countByExtension(publisher: Publisher): Readonly<Record<string, number>> {
  const counts = new Map<string, number>()
  for (const name of Object.keys(publisher.objects)) {
    const dot = name.lastIndexOf('.')
    const extension = dot === -1 ? '' : name.slice(dot + 1)
    counts.set(extension, (counts.get(extension) ?? 0) + 1)
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
}
