/**
 * Measurements of probes of healthy CAs, in `status/ha.json`: up to one every ten seconds, so they are not recorded in history.
 * Invariant: without the file every CA is due and has no latency; nothing else is lost.
 */
import type { Json } from '../../base/json.js'
import { type Instant, parseInstant } from '../../base/time.js'
import type { Latency } from '../../ha/state.js'
import type { StatusFiles } from '../../store/disk/status-files.js'

export interface Sample {
  /** End of the last probe. */
  readonly probedAt: Instant | null
  readonly latency: Latency | null
  /** A process has been probing since `claimedAt`, until `claimedUntil` at most. */
  readonly claimedAt: Instant | null
  readonly claimedUntil: Instant | null
}

export type Samples = Readonly<Record<string, Sample>>

export const NO_SAMPLE: Sample = { probedAt: null, latency: null, claimedAt: null, claimedUntil: null }

const NAME = 'ha'

/** Returns the samples; empty if the file is missing or invalid. */
export function readSamples(status: StatusFiles): Samples {
  const value = status.read(NAME)
  const table = isObject(value) ? value : {}
  return Object.fromEntries(Object.entries(table).map(([ca, raw]) => [ca, sampleOf(raw)]))
}

export function writeSamples(status: StatusFiles, samples: Samples): void {
  status.write(NAME, Object.fromEntries(Object.entries(samples).map(([ca, sample]) => [ca, { ...sample } as Json])))
}

function sampleOf(raw: Json | undefined): Sample {
  if (!isObject(raw)) return NO_SAMPLE
  return {
    probedAt: instantOf(raw['probedAt']),
    claimedAt: instantOf(raw['claimedAt']),
    claimedUntil: instantOf(raw['claimedUntil']),
    latency: latencyOf(raw['latency']),
  }
}

function latencyOf(raw: Json | undefined): Latency | null {
  if (!isObject(raw)) return null
  const { ms, samples } = raw
  const at = instantOf(raw['at'])
  return at !== null && isCount(ms) && isCount(samples) ? { ms, at, samples } : null
}

function instantOf(raw: Json | undefined): Instant | null {
  return typeof raw === 'string' ? (parseInstant(raw) ?? null) : null
}

function isCount(raw: Json | undefined): raw is number {
  return typeof raw === 'number' && Number.isSafeInteger(raw) && raw >= 0
}

function isObject(raw: Json | undefined): raw is { readonly [key: string]: Json } {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw)
}
