/**
 * `brine.toml` as a frozen, typed value.
 * Invariant: a `Config` is complete, in range and consistent; a text with any finding yields no `Config`, only the list of findings.
 */
import { isDeepStrictEqual } from 'node:util'
import { AppError } from '../base/errors.js'
import { parseDuration } from '../base/time.js'
import { jsonDigest } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import { DEFAULT_TIMING, type Timing } from '../issuing/timing.js'
import { type Enrolment, NO_ENROLMENT } from './enrolment/schema.js'
import { type ConfigFault, lineOf, parseConfig, type Value } from './parse.js'
import { type Config, camelCase, KEYS, type Key } from './schema.js'
import { configWarnings, type Finding, validateConfig } from './validate.js'

export interface LoadedConfig {
  readonly config: Config
  readonly enrolment: Enrolment
  /** Findings that are allowed but unwise, for stderr and `config check`. */
  readonly warnings: readonly ConfigFault[]
  /** TOML names of the keys that the file sets. */
  readonly set: ReadonlySet<string>
}

export interface ConfigEntry {
  readonly key: string
  /** Durations in seconds; null if the key is off. */
  readonly value: string | number | boolean | null
  readonly source: 'file' | 'default'
}

const HOUR = 3600
const WEEK = 7 * 24 * HOUR
const YEAR = 365 * 24 * HOUR

/** Parses a configuration; an empty text gives the defaults. `file` is for messages. Throws `config-invalid` (usage) with every finding and its line. */
export async function loadConfig(text: string, file: string): Promise<LoadedConfig> {
  const { values, enrolment, faults } = await parseConfig(text)
  if (faults.length > 0) throw configInvalid(file, [...faults, ...laterFaults(text, values, faults)])
  const config = effective(values)
  const senseless = validateConfig(config)
  if (senseless.length > 0) throw configInvalid(file, senseless.map(locate(text)))
  return { config, enrolment, warnings: configWarnings(config).map(locate(text)), set: new Set(values.keys()) }
}

/** Returns the configuration of an empty file. */
export function defaultConfig(): Config {
  return effective(new Map())
}

/** Returns the SHA-256 of the effective configuration, which is the same for an empty file and one that repeats the defaults. */
export function configDigest({ config, enrolment }: Pick<LoadedConfig, 'config' | 'enrolment'>): Sha256 {
  return jsonDigest(isDeepStrictEqual(enrolment, NO_ENROLMENT) ? config : { ...config, enrolment })
}

/** Returns every key in the order of the template, with its effective value, for `config show`. */
export function configEntries({ config, set }: Pick<LoadedConfig, 'config' | 'set'>): readonly ConfigEntry[] {
  const values = new Map<string, Value | undefined>(Object.entries(config))
  return [...KEYS.keys()].map((key) => ({
    key,
    value: values.get(camelCase(key)) ?? null,
    source: set.has(key) ? 'file' : 'default',
  }))
}

/** Returns the times and thresholds of the issuing rules, in seconds. */
export function timingOf(c: Config): Timing {
  return {
    ...DEFAULT_TIMING,
    publishNextSeconds: c.timingPublishNextHours * HOUR,
    publishJitterSeconds: c.timingPublishNextJitterHours * HOUR,
    publishBeforeNextSeconds: c.timingPublishHoursBeforeNext * HOUR,
    roaValidSeconds: c.timingRoaValidWeeks * WEEK,
    roaReissueSeconds: c.timingRoaReissueWeeksBefore * WEEK,
    childValidSeconds: c.timingChildCertificateValidWeeks * WEEK,
    childReissueSeconds: c.timingChildCertificateReissueWeeksBefore * WEEK,
    taValidSeconds: c.timingTaCertificateValidYears * YEAR,
    roaAggregateThreshold: c.roaAggregateThreshold,
    roaDeaggregateThreshold: c.roaDeaggregateThreshold,
  }
}

function effective(values: ReadonlyMap<string, Value>): Config {
  const entries = [...KEYS].map(([name, key]) => [camelCase(name), values.get(name) ?? defaultOf(key)])
  return Object.freeze(Object.fromEntries(entries)) as Config
}

function defaultOf(key: Key): Value | undefined {
  if (key.type === 'duration') return parseDuration(key.default)
  return key.default ?? undefined
}

/** Returns the findings of rules between keys, without those that involve a key with a finding of its own. */
function laterFaults(
  text: string,
  values: ReadonlyMap<string, Value>,
  faults: readonly ConfigFault[],
): readonly ConfigFault[] {
  const faulty = new Set(faults.map((fault) => fault.key))
  if (faulty.has(null)) return []
  const found = validateConfig(effective(values)).filter(({ keys }) => !keys.some((key) => faulty.has(key)))
  return found.map(locate(text))
}

/** Returns a function that places a finding on the line of the first of its keys that the file sets. */
function locate(text: string): (finding: Finding) => ConfigFault {
  return ({ keys, message }) => {
    for (const key of keys) {
      const line = lineOf(text, key)
      if (line !== undefined) return { line, key, message }
    }
    return { line: 1, key: keys[0] ?? null, message }
  }
}

function configInvalid(file: string, found: readonly ConfigFault[]): AppError {
  const faults = [...found].sort((a, b) => a.line - b.line)
  const [first] = faults
  const message =
    faults.length === 1 && first !== undefined
      ? `${file}:${first.line}: ${first.message}`
      : `${file}: ${faults.length} errors:\n${faults.map((f) => `  line ${f.line}: ${f.message}`).join('\n')}`
  return new AppError('usage', 'config-invalid', message, {
    hint: 'correct the file, then run: brine config check',
    details: { file, faults: faults.map(({ line, key, message }) => ({ line, key, message })) },
  })
}
