/** What the world may have seen after the cut of a backup: read from the tree that the restored one replaces, where it can be read. */
import type { Occupied } from '../../backup/destination-tree.js'
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import type { Json } from '../../base/json.js'
import { isObject } from '../../base/shape.js'
import { type Instant, parseInstant } from '../../base/time.js'
import { type AggregateId, kindWord } from '../../eventsourcing/types.js'
import { Work } from '../../eventsourcing/work.js'
import { openStore } from '../../store/commit/file-store.js'
import type { StatusFiles } from '../../store/disk/status-files.js'
import { caState, pubdState, taState } from '../transaction/context.js'
import type { Proof } from './restored-tree.js'

/** An aggregate that has gone on after the cut. */
export interface RestoreGap {
  readonly kind: string
  readonly handle: string
  /** Its newest command in the cut; 0 when it is not in it. */
  readonly sequence: number
  readonly seenSequence: number
  /** The highest manifest number, or the RRDP serial of the publication server, that was reached; null when there is none or it cannot be read. */
  readonly seenNumber: number | null
}

/** STORED in `status/restored.json`. */
export interface RestoredNote {
  readonly at: Instant
  readonly from: string
  /** While the marker says the same, the directory has not been promoted since. */
  readonly generation: number
  readonly cutAt: Instant | null
  readonly commit: number
  readonly behind: readonly RestoreGap[]
  readonly seen: 'replaced tree' | 'unknown'
  /** Of its newest commit. */
  readonly seenAt: Instant | null
}

export interface PublishedAfter {
  readonly behind: readonly RestoreGap[]
  readonly at: Instant | null
}

/** Undefined when nothing can say it. */
export async function restoreGapOf(
  old: Occupied | undefined,
  proof: Proof,
  { onNotice }: Pick<CommandContext, 'onNotice'>,
): Promise<PublishedAfter | undefined> {
  if (old === undefined) return undefined
  try {
    return await openStore(old.dir).read(async (reader) => {
      const behind = reader.roster().flatMap((id) => {
        const kind = kindWord(id.kind)
        const capture = proof.aggregates.find((a) => a.kind === kind && a.handle === id.handle)?.sequence ?? 0
        const seen = reader.load(id)?.sequence ?? 0
        if (seen <= capture) return []
        return [
          {
            kind,
            handle: id.handle,
            sequence: capture,
            seenSequence: seen,
            seenNumber: numberOf(new Work(reader), id),
          },
        ]
      })
      return { behind, at: reader.at ?? null }
    })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    onNotice?.(`what was done after the cut cannot be read: ${error.message}`)
    return undefined
  }
}

function numberOf(work: Work, { kind, handle }: AggregateId): number | null {
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
  /** How many aggregates had gone on after the cut; null when nobody knows. */
  readonly behind: number | null
}

/** What `status` shows of a restored directory that nobody promoted; null of every other. */
export function restoredStatus(status: StatusFiles, generation: number): RestoredStatus | null {
  const note: Json | undefined = status.read('restored')
  if (!isObject(note) || note['generation'] !== generation) return null
  const { at, from, cutAt, behind, seen } = note
  if (typeof at !== 'string' || typeof from !== 'string') return null
  const count = Array.isArray(behind) && seen === 'replaced tree' ? behind.length : null
  return { at, from, cutAt: typeof cutAt === 'string' ? (parseInstant(cutAt) ?? null) : null, behind: count }
}
