/** Steps by which the commands of a CA changed one VRP, in order, replayed from its verified history. */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { payloadOf } from '../../ca/products/roa-index.js'
import { heldSets } from '../../ca/roas.js'
import { type CaState, currentKey } from '../../ca/state/state.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { AggregateId, DomainEvent, StoredCommand } from '../../eventsourcing/types.js'
import { formatAggregateId } from '../../eventsourcing/types.js'
import { PUBD_HANDLE } from '../../pubd/aggregate.js'
import { containsPrefix } from '../../resources/resource-set.js'
import { roaAggregateFileName, roaFileName } from '../../resources/roa-payload.js'
import type { RoaPayload } from '../../resources/types.js'
import type { Histories } from '../proof/past-state.js'

/** One command that changed something about the VRP. */
export interface StoryStep {
  readonly what: readonly StoryWord[]
  readonly ca: Handle
  readonly sequence: number
  readonly commit: number
  readonly at: Instant
  readonly type: string
  readonly actor: string
  readonly osUser: string
  readonly host: string
  readonly reason: string | null
  /** Types of the events of the command. */
  readonly events: readonly string[]
}

/** `lost`, `regained`: the CA no longer holds the prefix, or holds it again, while the ROA stays configured. */
export type StoryWord =
  | 'configured'
  | 'removed'
  | 'issued'
  | 'reissued'
  | 'withdrawn'
  | 'lost'
  | 'regained'
  | 'ca-removed'

interface Facts {
  readonly isConfigured: boolean
  readonly isHeld: boolean
  readonly isActive: boolean
  readonly object: Sha256 | undefined
}

/** Returns the steps of one CA up to a commit, oldest first. Throws `history-archived` (rejected), `audit-broken` (corrupt). */
export function storyOf(
  { chain, past }: Histories,
  id: AggregateId,
  commit: number,
  text: string,
  payload: RoaPayload,
): readonly StoryStep[] {
  const position = chain.commands.get(formatAggregateId(id))?.findLast((one) => one.commit <= commit)
  if (position === undefined) return []
  const steps: StoryStep[] = []
  const facts = (state: CaState): Facts => factsOf(state, text, payload)
  let events: DomainEvent[] = []
  past(id).replayTo(position, {
    event: (event) => void events.push(event),
    command(record, before, after) {
      const types = events.map(({ type }) => type)
      events = []
      if (before === undefined || after === undefined) return
      const what = wordsOf(facts(before.value as CaState), facts(after.value as CaState))
      if (what.length > 0) steps.push(stepOf(record, what, types))
    },
  })
  return steps
}

function stepOf(record: StoredCommand, what: readonly StoryWord[], events: readonly string[]): StoryStep {
  const { handle: ca, sequence, commit, at, actor, osUser, host, reason = null } = record
  return { what, ca, sequence, commit, at, type: record.command.type, actor, osUser, host, reason, events }
}

function factsOf(state: CaState, text: string, payload: RoaPayload): Facts {
  const config = entry(state.roas, text)
  const isActive = state.status === 'active'
  const isHeld =
    isActive && config !== undefined && heldSets(state).some((set) => containsPrefix(set, payloadOf(config).prefix))
  const names = [roaFileName(payload), roaAggregateFileName(payload.asn)]
  const points = isActive ? Object.values(state.classes).flatMap((own) => currentKey(own)?.point ?? []) : []
  const objects =
    config === undefined ? [] : points.flatMap((point) => names.flatMap((name) => entry(point.objects, name) ?? []))
  return { isConfigured: isActive && config !== undefined, isHeld, isActive, object: objects[0]?.sha256 }
}

function wordsOf(before: Facts, after: Facts): readonly StoryWord[] {
  const words: StoryWord[] = []
  const is = before.isConfigured && after.isConfigured
  if (!before.isConfigured && after.isConfigured) words.push('configured')
  if (before.isConfigured && !after.isConfigured) words.push(after.isActive ? 'removed' : 'ca-removed')
  if (is && before.isHeld && !after.isHeld) words.push('lost')
  if (is && !before.isHeld && after.isHeld) words.push('regained')
  if (before.object === undefined && after.object !== undefined) words.push('issued')
  else if (before.object !== undefined && after.object === undefined) words.push('withdrawn')
  else if (before.object !== after.object) words.push('reissued')
  return words
}

export interface Publication {
  readonly serial: number
  readonly at: Instant
  readonly commit: number
}

/** Returns the RRDP serial with which an object of a commit was published here; undefined if it was not, or its record is archived elsewhere. */
export function publicationOf(
  { chain, reader }: Histories,
  commit: number,
  until: number,
  sha256: Sha256,
): Publication | undefined {
  const id: AggregateId = { kind: 'pubd', handle: PUBD_HANDLE }
  const named = chain.commands.get(formatAggregateId(id)) ?? []
  for (const one of named.filter((c) => c.commit >= commit && c.commit <= until)) {
    const events = eventsOf(reader, id, one.sequence)
    for (const event of events) {
      const { type, serial, at, changes } = event as DomainEvent &
        Partial<{ serial: number; at: Instant; changes: unknown }>
      if (type !== 'published' || serial === undefined || at === undefined) continue
      if (!JSON.stringify(changes).includes(sha256)) continue
      return { serial, at, commit: one.commit }
    }
  }
  return undefined
}

function eventsOf(reader: Histories['reader'], id: AggregateId, sequence: number): readonly DomainEvent[] {
  try {
    return reader.eventsOf(id, reader.command(id, sequence))
  } catch (error) {
    if (error instanceof AppError && error.kind === 'corrupt') return []
    throw error
  }
}
