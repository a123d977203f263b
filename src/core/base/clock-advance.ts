/**
 * Judges a clock that is far ahead of the last record of a data directory: was the directory idle, or is the clock wrong? Pure.
 * Invariant: wall time alone proves nothing; the boot id and the uptime of the kernel cannot be set.
 */
import { formatDuration, type Instant, secondsBetween } from './time.js'

/** Seconds beyond the last record up to which a clock is not questioned. */
export const UNQUESTIONED_SECONDS = 86_400

/** Seconds by which the clock may gain on the uptime while a directory is idle: a correction of drift, or of a time zone. */
const GAIN_SECONDS = 3600

/** Seconds by which the clock of the process may differ from the kernel's. */
const SAME_SECONDS = 60

/** The time since the machine started, and the id of that start. */
export interface Boot {
  readonly id: string
  /** Seconds. */
  readonly uptime: number
}

/** The last run of `tick` or of a change, by the clock and by the machine. */
export interface ClockRecord {
  readonly at: Instant
  readonly boot: Boot | null
  /** True if the time was BRINE_NOW. */
  readonly fixed: boolean
}

/** Signs of the machine about its clock: a port, so that rules are tested without a machine. */
export interface ClockSigns {
  /** Returns undefined where the system does not tell. */
  boot(): Boot | undefined
  /** Returns the kernel's time, which a library that replaces the clock of a process (faketime) does not change; undefined where the system does not tell. */
  kernelTime(): Instant | undefined
  /** Returns true if the system says that its time is synchronised; false if it says no or does not tell. */
  isSynchronized(): Promise<boolean>
}

export interface Advance {
  readonly now: Instant
  /** The time of the last record. */
  readonly last: Instant
  readonly record: ClockRecord | undefined
}

export interface AdvanceVerdict {
  readonly plausible: boolean
  /** The reason, as part of a sentence. */
  readonly why: string
}

/** Judges an advance of the clock. Asks the system only where boot id and uptime do not settle it. */
export async function judgeAdvance({ now, record }: Advance, signs: ClockSigns): Promise<AdvanceVerdict> {
  const kernel = signs.kernelTime()
  if (kernel !== undefined && Math.abs(secondsBetween(kernel, now)) > SAME_SECONDS)
    return { plausible: false, why: `the clock of this process is not the system's, which says ${kernel}` }
  const boot = signs.boot()
  const before = record?.boot ?? null
  const isSameBoot = boot !== undefined && before !== null && boot.id === before.id && boot.uptime >= before.uptime
  const advanced = record === undefined ? 0 : secondsBetween(record.at, now)
  const passed = isSameBoot ? boot.uptime - before.uptime : 0
  if (isSameBoot && Math.abs(advanced - passed) <= GAIN_SECONDS)
    return { plausible: true, why: 'the machine has been running for as long, so the directory was idle' }
  if (await signs.isSynchronized()) return { plausible: true, why: 'the system says that its time is synchronised' }
  const unknown = 'the system does not say that its time is synchronised'
  if (!isSameBoot) return { plausible: false, why: unknown }
  const gained = `the clock advanced by ${formatDuration(advanced)} while the machine ran for ${formatDuration(passed)}`
  return { plausible: false, why: `${gained}, and ${unknown}` }
}
