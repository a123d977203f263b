/** Progress of a replay: the commands so far, the comparison of a record with them, and the losses that a recovery declares. */
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import type { NumberRange, StoredCommand, StoredEffect } from '../eventsourcing/types.js'
import { inRanges } from '../store/commit/live-branch.js'
import { parseFileName } from '../store/disk/paths.js'
import type { CommandRef } from './commits.js'
import type { Finding } from './finding.js'
import type { Snapshots, State } from './snapshots.js'

export type Recovered = Extract<StoredEffect, { readonly result: 'recovered' }>

/** Begins the finding of a command that does not follow the one before it. */
export const GAP = 'references command'

/** A recovery that lost commands. */
export interface Recovery extends Pick<Recovered, 'base' | 'gone'> {
  readonly sequence: number
  readonly at: Instant
}

/** The state of a replay between two commands. */
export interface Progress {
  readonly file: (name: string) => string
  readonly problems: Finding[]
  state: State
  version: number
  previous: Sha256 | null
  /** False after a gap: the previous command is unknown. */
  known: boolean
  at: Instant | undefined
  epoch: number
  archived: number
  verifiedFrom: number
  unproved: readonly NumberRange[]
  readonly recoveries: Recovery[]
  readonly bases: Map<number, State>
  readonly snapshots: Snapshots
}

/** Returns true if the finding is about something that the recovery declared lost. */
export function isDeclaredLost(
  { file, problem }: Finding,
  progress: Progress,
  record: StoredCommand,
  effect: Recovered,
): boolean {
  const { base, gone } = effect
  if (file === `commits/${record.commit}.json`) return problem.startsWith(GAP) && base.sequence < record.sequence - 1
  const name = file.slice(file.lastIndexOf('/') + 1)
  const parsed = parseFileName(name)
  if (parsed === undefined || file !== progress.file(name)) return false
  const { type, n } = parsed
  if (type === 'snapshot') return (n > base.version && n <= record.version) || inRanges(gone.snapshots ?? [], n)
  if (type === 'command') return (n > base.sequence && n < record.sequence) || inRanges(gone.commands, n)
  return (n >= base.version && n < record.version) || inRanges(gone.events, n)
}

/** Returns where a record disagrees with the command before it or with its commit: path and problem. */
export function* recordProblems(
  record: StoredCommand,
  progress: Progress,
  entry: CommandRef,
): Generator<readonly [string, string]> {
  const { effect } = record
  const events = effect.result === 'accepted' ? effect.events.length : effect.result === 'recovered' ? 1 : 0
  const isRecovery = effect.result === 'recovered'
  if (progress.known && record.previous !== progress.previous)
    yield ['$.previous', 'is not the hash of the previous command']
  if (record.commit !== entry.commit) yield ['$.commit', `commit ${entry.commit} references it, not ${record.commit}`]
  if (record.at !== entry.at) yield ['$.at', `its commit is from ${entry.at}`]
  if (progress.at !== undefined && record.at < progress.at && progress.epoch === entry.epoch)
    yield ['$.at', `${record.at} is before ${progress.at} of the previous command`]
  if (progress.known && (isRecovery ? record.version < progress.version : record.version !== progress.version))
    yield ['$.version', `${record.version} does not follow version ${progress.version} of the previous command`]
  if (record.version + events !== entry.version)
    yield ['$.effect.events', `do not lead to version ${entry.version}, which its commit records`]
  if (effect.result === 'accepted' && events === 0) yield ['$.effect.events', 'is empty in an accepted command']
  if (effect.result !== 'rejected' && effect.snapshot !== null && effect.snapshot.version !== record.version + events)
    yield ['$.effect.snapshot.version', 'is not the version after the command']
}
