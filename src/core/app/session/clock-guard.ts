/** Check of a clock that is far ahead of the last record: see `base/clock-advance.ts` for the rules. */
import { type ClockRecord, judgeAdvance, UNQUESTIONED_SECONDS } from '../../base/clock-advance.js'
import { AppError } from '../../base/errors.js'
import { isObject } from '../../base/shape.js'
import { formatDuration, type Instant, parseInstant, secondsBetween } from '../../base/time.js'
import type { StatusFiles } from '../../store/disk/status-files.js'
import type { Session } from './session.js'

/** Name of the last run in `status/`, by the clock and by the machine. */
const RECORD = 'clock'

/** Seconds after which a change records its time again. */
const RECORD_AGE = 60

/** Options of the commands that were found to have a plausible or confirmed time. */
const checked = new WeakSet<object>()

/**
 * Questions a clock that is more than a day beyond the last record. An attended command says so and goes on. Throws `clock-jumped` (rejected)
 * in an unattended one, unless the time is plausible (`judgeAdvance`) or confirmed. A time of BRINE_NOW is never questioned.
 */
export async function guardClock(session: Session, last: Instant | undefined): Promise<void> {
  const { options, store, config, clockSigns, fixedTime } = session
  if (last === undefined || fixedTime || checked.has(options)) return
  const now = session.now()
  const beyond = secondsBetween(last, now)
  if (beyond <= UNQUESTIONED_SECONDS) return
  const record = readClockRecord(store.status)
  // the last time of a test directory was set by hand
  if (store.marker.test === true && (record === undefined || record.fixed)) return
  const { plausible, why } = await judgeAdvance({ now, last, record }, clockSigns)
  const message = `the clock says ${now}, ${formatDuration(beyond)} after the last record (${last}): ${why}`
  if (options.unattended !== true) options.onNotice?.(message)
  else if (!plausible && options.clockIsRight !== true && !config.trustClock)
    throw clockJumped(message, now, last, options.command)
  checked.add(options)
}

function clockJumped(message: string, now: Instant, last: Instant, command: string): AppError {
  return new AppError('rejected', 'clock-jumped', message, {
    hint: command.endsWith(' cgi')
      ? 'if the clock is right: brine tick --clock-is-right; trust_clock = true in brine.toml turns this check off'
      : `if the clock is right: ${command} --clock-is-right; trust_clock = true in brine.toml turns this check off`,
    details: { now, last },
  })
}

/** Records the present by the clock and by the machine, for `guardClock`. `always`: also if that was recorded less than a minute ago. */
export function recordClock({ store, clockSigns, fixedTime, now }: Session, always = false): void {
  const boot = clockSigns.boot() ?? null
  const at = now()
  const before = readClockRecord(store.status)
  const isSame = before !== undefined && before.boot?.id === boot?.id && before.fixed === fixedTime
  const age = isSame ? secondsBetween(before.at, at) : RECORD_AGE
  if (!always && age >= 0 && age < RECORD_AGE) return
  store.status.write(RECORD, { at, boot: boot === null ? null : { ...boot }, fixed: fixedTime })
}

function readClockRecord(status: StatusFiles): ClockRecord | undefined {
  const value = status.read(RECORD)
  if (!isObject(value)) return undefined
  const { at, boot, fixed } = value
  const instant = typeof at === 'string' ? parseInstant(at) : undefined
  if (instant === undefined || typeof fixed !== 'boolean') return undefined
  const id = isObject(boot) ? boot['id'] : undefined
  const uptime = isObject(boot) ? boot['uptime'] : undefined
  return { at: instant, boot: typeof id === 'string' && typeof uptime === 'number' ? { id, uptime } : null, fixed }
}
