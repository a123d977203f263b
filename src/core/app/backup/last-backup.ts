/** The last backup that `backup create` completed, for `status`. A record in `status/`, which is replaceable and no part of history. */
import { AppError } from '../../base/errors.js'
import { type Instant, parseInstant } from '../../base/time.js'
import type { Session } from '../session/session.js'

const RECORD = 'last-backup'

export interface LastBackup {
  /** Time of the state in it. */
  readonly at: Instant
  /** `-` for standard output: whether it was stored is not known here. */
  readonly file: string
  readonly encrypted: boolean
}

/** Records a backup. An error is ignored: the backup is complete without the record. */
export function recordBackup({ store }: Session, { at, file, encrypted }: LastBackup): void {
  try {
    store.status.write(RECORD, { at, file, encrypted })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
  }
}

/** Returns the last backup; null if there was none, or the record is damaged. */
export function lastBackup({ store }: Session): LastBackup | null {
  const value = store.status.read(RECORD)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const { at, file, encrypted } = value as Readonly<Record<string, unknown>>
  const instant = typeof at === 'string' ? parseInstant(at) : undefined
  if (instant === undefined || typeof file !== 'string') return null
  return { at: instant, file, encrypted: encrypted === true }
}
