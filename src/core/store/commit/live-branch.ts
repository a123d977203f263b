/**
 * The line of commands that a state comes from: what a recovery gave up stands in history beside it.
 * Invariant: newest first, and never a command or an event that a recovery declared gone.
 */
import type { Reader } from '../../eventsourcing/store.js'
import type { AggregateId, NumberRange, StoredCommand } from '../../eventsourcing/types.js'

export interface LiveRecord {
  readonly record: StoredCommand
  /** Every event of it is still to be had. */
  readonly complete: boolean
}

export function inRanges(ranges: readonly NumberRange[], n: number): boolean {
  return ranges.some(([from, to]) => n >= from && n <= to)
}

/** Numbers as inclusive ranges. */
export function rangesOf(numbers: readonly number[]): readonly NumberRange[] {
  const out: [number, number][] = []
  for (const n of [...numbers].sort((a, b) => a - b)) {
    const last = out.at(-1)
    if (last !== undefined && n <= last[1] + 1) last[1] = n
    else out.push([n, n])
  }
  return out
}

/** The records of an aggregate, newest first, down to the first that `stop` wants no more of. Throws `corrupt`. */
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

/** The line as far as a walk from the newest command back has come. */
export interface LiveBranch {
  upTo: number
  readonly commands: NumberRange[]
  readonly events: NumberRange[]
}

export function newBranch(): LiveBranch {
  return { upTo: Number.POSITIVE_INFINITY, commands: [], events: [] }
}

/** Takes the next older record into account. */
export function followBranch(line: LiveBranch, { effect }: StoredCommand): void {
  if (effect.result !== 'recovered') return
  line.upTo = Math.min(line.upTo, effect.base.sequence)
  line.commands.push(...effect.gone.commands)
  line.events.push(...effect.gone.events)
}

/** Did a recovery give this command up, or declare it gone? */
export function isOffBranch(line: LiveBranch, sequence: number): boolean {
  return sequence > line.upTo || inRanges(line.commands, sequence)
}
