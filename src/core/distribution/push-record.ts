/**
 * Record of the pushes to each target, in `status/push.json`: since when a tree or file there is unused, so that it is removed only after its last
 * reader. Invariant: without the record everything unused counts as unused since now, so nothing is removed too early.
 */
import type { Json } from '../base/json.js'
import { earlier, type Instant, parseInstant } from '../base/time.js'
import type { StatusFiles } from '../store/disk/status-files.js'

export interface TargetRecord {
  /** End of the last push that succeeded. */
  readonly at: Instant
  readonly session: string
  readonly serial: number
  /** Since when `current` does not point to a tree, by its name. */
  readonly trees: Readonly<Record<string, Instant>>
  /** Since when a file below `rrdp/` is not listed. */
  readonly files: Readonly<Record<string, Instant>>
}

export type PushRecords = Readonly<Record<string, TargetRecord>>

const NAME = 'push'

export function readPushes(status: StatusFiles, now: Instant): PushRecords {
  const value = status.read(NAME)
  return Object.fromEntries(
    Object.entries(isObject(value) ? value : {}).flatMap(([target, raw]) => {
      const record = recordOf(raw, now)
      return record === undefined ? [] : [[target, record]]
    }),
  )
}

export function writePushes(status: StatusFiles, records: PushRecords): void {
  const entries = Object.entries(records).map(([target, record]) => [target, { ...record }] as const)
  status.write(NAME, Object.fromEntries(entries) as Json)
}

function recordOf(raw: Json | undefined, now: Instant): TargetRecord | undefined {
  if (!isObject(raw)) return undefined
  const { at, session, serial } = raw
  const time = typeof at === 'string' ? parseInstant(at) : undefined
  if (time === undefined || typeof session !== 'string' || typeof serial !== 'number') return undefined
  return { at: time, session, serial, trees: timesOf(raw['trees'], now), files: timesOf(raw['files'], now) }
}

/** A time after the present was written by a clock that was ahead: it would never pass. */
function timesOf(raw: Json | undefined, now: Instant): Readonly<Record<string, Instant>> {
  return Object.fromEntries(
    Object.entries(isObject(raw) ? raw : {}).flatMap(([name, text]) => {
      const at = typeof text === 'string' ? parseInstant(text) : undefined
      return at === undefined ? [] : [[name, earlier(at, now)]]
    }),
  )
}

function isObject(raw: Json | undefined): raw is { readonly [key: string]: Json } {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw)
}
