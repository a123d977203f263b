/**
 * Rolling averages of response times in whole milliseconds: they rise at once and fall with time, so that a CA that becomes slow is avoided
 * early and one that becomes fast is trusted late. Invocations are irregular, hence the decay by time and not by count.
 */
import { type Instant, secondsBetween } from '../base/time.js'
import type { Latency } from './state.js'

/** Seconds in which the weight of an old average falls to 1/e. */
const DECAY = 600
/** Assumed response time of a CA that was never measured: not the fastest. */
export const UNMEASURED_MS = 1000

/** Returns the average after one more sample. */
export function averaged(before: Latency | null, ms: number, at: Instant): Latency {
  const sample = Math.max(0, Math.round(ms))
  if (before === null) return { ms: sample, at, samples: 1 }
  const weight = Math.exp(-Math.max(0, secondsBetween(before.at, at)) / DECAY)
  const average = sample >= before.ms ? sample : before.ms * weight + sample * (1 - weight)
  return { ms: Math.round(average), at, samples: before.samples + 1 }
}

/**
 * Returns the average to go by: that of real requests, until those of probes are so much newer that it is outdated. Otherwise a CA that was slow
 * once would get no request again and count as slow for ever.
 */
export function relevantLatency(real: Latency | null, probes: Latency | undefined): Latency | undefined {
  if (real === null) return probes
  return probes !== undefined && secondsBetween(real.at, probes.at) > DECAY ? probes : real
}
