/** The present: the clock's, or BRINE_NOW's in a directory that takes it. */
import { AppError } from '../../base/errors.js'
import { type Instant, instantOf, parseInstant } from '../../base/time.js'

export function systemTime(): Instant {
  return instantOf(Date.now() / 1000)
}

/** The present as a command begins. BRINE_NOW counts only in a directory made by `init --test`, where it ticks a second a commit. */
export function startTime(
  override: string | undefined,
  test: boolean,
): { readonly at: Instant; readonly fixed: boolean } {
  if (override === undefined) return { at: systemTime(), fixed: false }
  const at = parseInstant(override)
  if (at === undefined)
    throw new AppError('usage', 'now-invalid', `BRINE_NOW is not an RFC 3339 time: ${JSON.stringify(override)}`)
  if (!test) {
    throw new AppError(
      'usage',
      'now-refused',
      'BRINE_NOW is set, but this data directory was not made by init --test',
      {
        hint: 'unset BRINE_NOW: a live directory takes its time from the clock',
      },
    )
  }
  return { at, fixed: true }
}
