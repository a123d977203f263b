/** Use cases of `brine audit show` and `audit diff`: the state of an aggregate after a command, and what changed between two, by whom and why. */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import type { Json } from '../../base/json.js'
import { differences } from '../../base/json-path.js'
import type { HistoryPoint } from '../../base/moment.js'
import type { Instant } from '../../base/time.js'
import { jsonDigest } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import { formatAggregateId, kindWord, type StoredCommand } from '../../eventsourcing/types.js'
import type { Session } from '../session/session.js'
import { Authors } from './authors.js'
import { commandSummary } from './command-summary.js'
import { historyArchived } from './history-records.js'
import { type HistoryPosition, type PastStates, readPast } from './past-state.js'

export interface StateReport extends HistoryPosition {
  readonly kind: string
  readonly handle: Handle
  readonly stateDigest: Sha256
  readonly state: Json
}

/** A command of the range, as recorded in history. */
export interface DiffCommand {
  readonly sequence: number
  readonly at: Instant
  readonly actor: string
  readonly type: string
  /** Line on what it did, such as `+2 ROAs, -1`. */
  readonly summary: string
  readonly result: StoredCommand['effect']['result']
  readonly reason: string | null
}

export interface Change {
  /** JSON path (RFC 9535). */
  readonly path: string
  readonly change: 'added' | 'removed' | 'changed'
  /** Null if it did not exist. */
  readonly before: Json
  /** Null if it was removed. */
  readonly after: Json
  /** The last command that changed it. */
  readonly sequence: number
  readonly actor: string
  readonly reason: string | null
}

export interface DiffReport {
  readonly kind: string
  readonly handle: Handle
  readonly from: HistoryPosition
  readonly to: HistoryPosition
  /** In the order of the paths. */
  readonly changes: readonly Change[]
  readonly commands: readonly DiffCommand[]
  /** Summary in one sentence, which an auditor can quote. */
  readonly sentence: string
}

/** Returns the state as of a point. Throws `aggregate-unknown`, `sequence-unknown`, `history-archived` (rejected), `audit-broken` (corrupt). */
export function showState(session: Session, name: string, point: HistoryPoint): Promise<StateReport> {
  return readPast(session, name, (past) => {
    const position = past.positionOf(point)
    const state = past.replayTo(position)
    const { kind, handle } = past.id
    return { kind: kindWord(kind), handle, ...position, stateDigest: jsonDigest(state), state }
  })
}

/** Returns what changed between two points, or up to now without `to`. Throws `range-invalid` (usage), else as `showState`. */
export function diffStates(
  session: Session,
  name: string,
  range: { readonly from: HistoryPoint; readonly to?: HistoryPoint | undefined },
): Promise<DiffReport> {
  return readPast(session, name, (past) => {
    const from = past.positionOf(range.from)
    const to = range.to === undefined ? past.newest() : past.positionOf(range.to)
    if (from.sequence > to.sequence)
      throw new AppError('usage', 'range-invalid', `--from is seq ${from.sequence}, after --to, seq ${to.sequence}`)
    return diffOf(past, from, to)
  })
}

function diffOf(past: PastStates, from: HistoryPosition, to: HistoryPosition): DiffReport {
  let before: Json | undefined = from.sequence === 0 ? past.initial() : undefined
  const commands: DiffCommand[] = []
  const authors = new Authors()
  const after = past.replayTo(to, {
    base(state, sequence) {
      if (sequence > from.sequence) throw historyArchived(past.id, from.sequence)
      if (sequence === from.sequence) before = state
    },
    command(record, previous, next) {
      if (record.sequence === from.sequence) before = next?.value as Json
      if (record.sequence <= from.sequence) return
      commands.push(rowOf(record))
      if (previous !== undefined && next !== undefined)
        authors.note(record.sequence, differences(previous.value as Json, next.value as Json))
    },
  })
  const bySequence = new Map(commands.map((command) => [command.sequence, command]))
  const changes = differences(before ?? null, after).map((difference): Change => {
    const { path } = difference
    const { sequence, actor, reason } = bySequence.get(authors.of(difference)) ?? {
      sequence: 0,
      actor: '',
      reason: null,
    }
    const change = difference.before === undefined ? 'added' : difference.after === undefined ? 'removed' : 'changed'
    return { path, change, before: difference.before ?? null, after: difference.after ?? null, sequence, actor, reason }
  })
  const { kind, handle } = past.id
  const sentence = sentenceOf(formatAggregateId(past.id), from, to, changes.length, commands)
  return { kind: kindWord(kind), handle, from, to, changes, commands, sentence }
}

function rowOf({ kind, sequence, at, actor, command, effect, reason }: StoredCommand): DiffCommand {
  const summary = commandSummary(kind, command)
  return { sequence, at, actor, type: command.type, summary, result: effect.result, reason: reason ?? null }
}

/** Formats the sentence. It claims only what was read: every commit, and every file of this aggregate up to `to`. */
function sentenceOf(
  name: string,
  from: HistoryPosition,
  to: HistoryPosition,
  changes: number,
  commands: readonly DiffCommand[],
): string {
  const pointText = ({ sequence, at }: HistoryPosition): string =>
    at === null ? 'the beginning' : `seq ${sequence} (${at})`
  const actors = new Set(commands.map((c) => c.actor)).size
  const refused = commands.filter((c) => c.result === 'rejected').length
  const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`
  const done =
    commands.length === 0
      ? `${name} had no command`
      : changes === 0
        ? `${name} is the same after ${count(commands.length, 'command')} of ${count(actors, 'actor')}`
        : `${name} changed in ${count(changes, 'place')} by ${count(commands.length, 'command')} of ${count(actors, 'actor')}`
  const rejected = refused === 0 ? '' : `, ${refused} of them rejected`
  const chain =
    to.commit === 0
      ? ''
      : from.commit === to.commit
        ? `; the chain up to commit ${to.commit} is unbroken`
        : `; the chain from commit ${Math.max(1, from.commit)} to commit ${to.commit} is unbroken`
  return `Between ${pointText(from)} and ${pointText(to)}, ${done}${rejected}${chain}.`
}
