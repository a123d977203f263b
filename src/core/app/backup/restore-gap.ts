/**
 * Commands after the backup was taken, whose objects may have been published: read from the directory that the restored one replaces, if it can
 * be read.
 */
import type { ExistingDirectory } from '../../backup/destination.js'
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import type { Json } from '../../base/json.js'
import { isObject } from '../../base/shape.js'
import { type Instant, parseInstant } from '../../base/time.js'
import { type AggregateId, kindWord } from '../../eventsourcing/types.js'
import { Work } from '../../eventsourcing/work.js'
import { openStore } from '../../store/commit/file-store.js'
import type { StatusFiles } from '../../store/disk/status-files.js'
import { caState, pubdState, taState } from '../session/context.js'
import type { VerifiedTree } from './verify-tree.js'

/** An aggregate with commands after the backup was taken. */
export interface RestoreGap {
  readonly kind: string
  readonly handle: string
  /** Sequence of its newest command in the backup; 0 if the backup does not have the aggregate. */
  readonly sequence: number
  /** Sequence of its newest command in the replaced directory. */
  readonly seenSequence: number
  /** Highest manifest number, or RRDP serial of the publication server, in the replaced directory; null if there is none. */
  readonly seenNumber: number | null
}

/** Record of a restore. STORED in `status/restored.json`. */
export interface RestoreRecord {
  readonly at: Instant
  readonly from: string
  /** Generation of the marker at the restore. A promote raises the marker's, so that the record no longer applies. */
  readonly generation: number
  readonly cutAt: Instant | null
  readonly commit: number
  readonly behind: readonly RestoreGap[]
  readonly seen: 'replaced tree' | 'unknown'
  /** Time of the newest commit of the replaced directory. */
  readonly seenAt: Instant | null
}

export interface PublishedAfter {
  readonly behind: readonly RestoreGap[]
  /** Time of the newest commit of the replaced directory. */
  readonly at: Instant | null
}

/** Compares the replaced directory with the restored tree. Returns undefined if there is none or it cannot be read. */
export async function findRestoreGap(
  old: ExistingDirectory | undefined,
  verified: VerifiedTree,
  { onNotice }: Pick<CommandContext, 'onNotice'>,
): Promise<PublishedAfter | undefined> {
  if (old === undefined) return undefined
  try {
    return await openStore(old.dir).read(async (reader) => {
      const behind = reader.roster().flatMap((id) => {
        const kind = kindWord(id.kind)
        const sequence = verified.aggregates.find((a) => a.kind === kind && a.handle === id.handle)?.sequence ?? 0
        const seenSequence = reader.load(id)?.sequence ?? 0
        if (seenSequence <= sequence) return []
        const seenNumber = highestNumber(new Work(reader), id)
        return [{ kind, handle: id.handle, sequence, seenSequence, seenNumber }]
      })
      return { behind, at: reader.at ?? null }
    })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    onNotice?.(`cannot read what was published after this backup was taken: ${error.message}`)
    return undefined
  }
}

function highestNumber(work: Work, { kind, handle }: AggregateId): number | null {
  if (kind === 'pubd') return pubdState(work).serial
  if (kind === 'ta') return taState(work, handle).point.number
  if (kind !== 'ca') return null
  const numbers = Object.values(caState(work, handle).classes).flatMap((c) => c.keys.map((k) => k.point.number))
  return numbers.length === 0 ? null : Math.max(...numbers)
}

export interface RestoredStatus {
  readonly at: string
  readonly from: string
  readonly cutAt: Instant | null
  /** Number of aggregates with commands after the backup was taken; null if unknown. */
  readonly behind: number | null
}

/** Returns what `status` shows of a restored directory that has not been promoted yet; null for any other directory. */
export function restoredStatus(status: StatusFiles, generation: number): RestoredStatus | null {
  const record: Json | undefined = status.read('restored')
  if (!isObject(record) || record['generation'] !== generation) return null
  const { at, from, cutAt, behind, seen } = record
  if (typeof at !== 'string' || typeof from !== 'string') return null
  const count = Array.isArray(behind) && seen === 'replaced tree' ? behind.length : null
  return { at, from, cutAt: typeof cutAt === 'string' ? (parseInstant(cutAt) ?? null) : null, behind: count }
}
