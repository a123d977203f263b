/**
 * The live branch of the command log. Commands that a recovery discarded stay in the log but are not on it.
 * Invariant: newest first, and never a command or an event that a recovery declared gone.
 */
import type { Reader } from '../../eventsourcing/store.js'
import type { AggregateId, NumberRange, StoredCommand } from '../../eventsourcing/types.js'

export interface LiveRecord {
  readonly record: StoredCommand
  /** No event of the command was declared gone. */
  readonly complete: boolean
}

/** Returns true if a range contains the number. */
export function inRanges(ranges: readonly NumberRange[], n: number): boolean {
  return ranges.some(([from, to]) => n >= from && n <= to)
}

/** Combines numbers into inclusive ranges. */
export function rangesOf(numbers: readonly number[]): readonly NumberRange[] {
  const out: [number, number][] = []
  for (const n of [...numbers].sort((a, b) => a - b)) {
    const last = out.at(-1)
    if (last !== undefined && n <= last[1] + 1) last[1] = n
    else out.push([n, n])
  }
  return out
}

/** Yields the records on the live branch of an aggregate, newest first, until `stop` returns true. Throws `corrupt`. */
export function* liveRecords(
  reader: Pick<Reader, 'load' | 'command'>,
  id: AggregateId,
  stop: (sequence: number) => boolean = () => false,
): Generator<LiveRecord> {
  const gone: { readonly commands: NumberRange[]; readonly events: NumberRange[] } = { commands: [], events: [] }
  for (let s = reader.load(id)?.sequence ?? 0; s >= 1; ) {
    if (inRanges(gone.commands, s)) {
      s -= 1
      continue
    }
    if (stop(s)) return
    const record = reader.command(id, s)
    const { effect, version } = record
    yield {
      record,
      complete: effect.result !== 'accepted' || effect.events.every((_, i) => !inRanges(gone.events, version + i)),
    }
    if (effect.result === 'recovered') {
      gone.commands.push(...effect.gone.commands)
      gone.events.push(...effect.gone.events)
    }
    s = effect.result === 'recovered' ? effect.base.sequence : s - 1
  }
}

/** The live branch as known after walking back from the newest command. */
export interface LiveBranch {
  upTo: number
  readonly commands: NumberRange[]
  readonly events: NumberRange[]
}

export function newBranch(): LiveBranch {
  return { upTo: Number.POSITIVE_INFINITY, commands: [], events: [] }
}

/** Adds the next older record to the walk. */
export function followBranch(branch: LiveBranch, { effect }: StoredCommand): void {
  if (effect.result !== 'recovered') return
  branch.upTo = Math.min(branch.upTo, effect.base.sequence)
  branch.commands.push(...effect.gone.commands)
  branch.events.push(...effect.gone.events)
}

/** Returns true if a recovery discarded this command or declared it gone. */
export function isOffBranch(branch: LiveBranch, sequence: number): boolean {
  return sequence > branch.upTo || inRanges(branch.commands, sequence)
}
