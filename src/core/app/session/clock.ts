/** The time of a command: the system clock, or BRINE_NOW in a directory made by `init --test`. */
import { AppError } from '../../base/errors.js'
import { type Instant, instantOf, parseInstant } from '../../base/time.js'

/** Returns the time of the system clock, to the second. */
export function systemTime(): Instant {
  return instantOf(Date.now() / 1000)
}

/** Times of BRINE_NOW: X.509 ends with the year 9999, and validities are added to the present. */
const EARLIEST = '1970-01-01T00:00:00Z'
const LATEST = '9900-01-01T00:00:00Z'

/**
 * Returns the time at which a command starts; `fixed` for BRINE_NOW, which then advances by one second with each commit. Throws `now-invalid`
 * and, in a directory that was not made by `init --test`, `now-refused` (both usage).
 */
export function startTime(
  override: string | undefined,
  test: boolean,
): { readonly at: Instant; readonly fixed: boolean } {
  if (override === undefined) return { at: systemTime(), fixed: false }
  const at = parseInstant(override)
  if (at === undefined)
    throw new AppError('usage', 'now-invalid', `BRINE_NOW is not an RFC 3339 time: ${JSON.stringify(override)}`)
  if (at < EARLIEST || at > LATEST)
    throw new AppError('usage', 'now-invalid', `BRINE_NOW is not between ${EARLIEST} and ${LATEST}: ${at}`)
  if (!test) {
    throw new AppError(
      'usage',
      'now-refused',
      'BRINE_NOW is set, but this data directory was not made by init --test',
      {
        hint: 'unset BRINE_NOW: a live directory uses the system clock',
      },
    )
  }
  return { at, fixed: true }
}
