/**
 * The rotation in which `tick` looks for damage: each CA is read with its objects at least once within `check_files_within`, by the time since the last
 * run. Invariant: its state in `status/` is replaceable: without it, or with a time that is not before the present, every CA is looked at.
 */
import { type Handle, parseHandle } from '../../base/handle.js'
import { isObject } from '../../base/shape.js'
import { type Instant, parseInstant, secondsBetween } from '../../base/time.js'
import type { StatusFiles } from '../../store/disk/status-files.js'

/** CAs that each run looks at, however short ago the last one was: a small directory is always checked in full. */
export const LEAST_CHECKED = 20

const NAME = 'checks'

export interface Share {
  readonly handles: ReadonlySet<Handle>
  /** The last one in the rotation; null without a CA. */
  readonly last: Handle | null
}

/** Returns the CAs whose turn it is: the share of `all` that the time since the last run is of `within` seconds. Pure. */
export function shareOf(
  all: readonly Handle[],
  before: { readonly at: Instant; readonly last: Handle } | undefined,
  { now, within, least }: { readonly now: Instant; readonly within: number; readonly least: number },
): Share {
  const sorted = [...all].sort()
  const passed = before === undefined ? Number.NaN : secondsBetween(before.at, now)
  const isKnown = passed >= 0 && passed < within
  const count = isKnown ? Math.max(least, Math.ceil((sorted.length * passed) / within)) : sorted.length
  const next = before === undefined ? 0 : sorted.findIndex((handle) => handle > before.last)
  const ring = next > 0 ? [...sorted.slice(next), ...sorted.slice(0, next)] : sorted
  const handles = ring.slice(0, count)
  return { handles: new Set(handles), last: handles.at(-1) ?? before?.last ?? null }
}

export function readRotation(status: StatusFiles): Parameters<typeof shareOf>[1] {
  const value = status.read(NAME)
  const { at, last } = isObject(value) ? value : {}
  const instant = typeof at === 'string' ? parseInstant(at) : undefined
  return instant === undefined || typeof last !== 'string' ? undefined : { at: instant, last: last as Handle }
}

export function writeRotation(status: StatusFiles, at: Instant, { last }: Share): void {
  if (last !== null) status.write(NAME, { at, last: parseHandle(last) })
}
