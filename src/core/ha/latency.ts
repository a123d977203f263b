/**
 * Rolling averages of answering times in whole milliseconds: they rise at once and fall with time, so that a slow CA is left early and a
 * mended one is believed slowly. Invocations are irregular, hence the decay by time and not by count.
 */
import { type Instant, secondsBetween } from '../base/time.js'
import type { Latency } from './state.js'

/** Seconds in which an old average loses all but 1/e of its say. */
const DECAY = 600
/** What a CA is taken for that was never measured: not the fastest. */
export const UNMEASURED_MS = 1000

/** The average after one more sample. */
export function measured(before: Latency | null, ms: number, at: Instant): Latency {
  const sample = Math.max(0, Math.round(ms))
  if (before === null) return { ms: sample, at, samples: 1 }
  const weight = Math.exp(-Math.max(0, secondsBetween(before.at, at)) / DECAY)
  const average = sample >= before.ms ? sample : before.ms * weight + sample * (1 - weight)
  return { ms: Math.round(average), at, samples: before.samples + 1 }
}

/**
 * What tells how long a CA takes now: its real answers, until probes are so much newer that those say nothing any more. Else a CA that was slow
 * once and is not asked since would be slow for ever.
 */
export function telling(real: Latency | null, probes: Latency | undefined): Latency | undefined {
  if (real === null) return probes
  return probes !== undefined && secondsBetween(real.at, probes.at) > DECAY ? probes : real
}
