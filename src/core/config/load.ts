/**
 * `brine.toml` as a frozen, typed value.
 * Invariant: a `Config` is complete, in range and consistent; a text with a finding outside of its sections yields no `Config`, only
 * the list of findings; a section with a finding is disabled alone.
 */
import { isDeepStrictEqual } from 'node:util'
import { AppError } from '../base/errors.js'
import { parseDuration } from '../base/time.js'
import { jsonDigest } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import { DEFAULT_TIMING, type Timing } from '../issuing/timing.js'
import { type Enrolment, NO_ENROLMENT, NOTHING_DISABLED } from './enrolment/schema.js'
import type { HooksConfig } from './hooks/schema.js'
import { lineOf, parseConfig, type Value } from './parse.js'
import { NO_REPOSITORY, type RepositoryConfig } from './repository/schema.js'
import { NO_ROUTING, type RoutingConfig } from './routing/schema.js'
import { type Config, camelCase, KEYS, type Key, SCHEMA } from './schema.js'
import type { ConfigFault } from './tables.js'
import { configWarnings, type Finding, validateConfig } from './validate.js'

export interface LoadedConfig {
  readonly config: Config
  readonly enrolment: Enrolment
  readonly repository: RepositoryConfig
  readonly routing: RoutingConfig
  /** Not part of the digest, since it does not affect what is published. */
  readonly hooks: HooksConfig
  /** Findings that are allowed but unwise, for stderr and `config check`. */
  readonly warnings: readonly ConfigFault[]
  /** TOML names of the keys that the file sets. */
  readonly set: ReadonlySet<string>
  /** Faults of sections, each of which disables its section. */
  readonly sectionFaults: readonly ConfigFault[]
}

export interface ConfigEntry {
  readonly key: string
  /** Durations in seconds; null if the key is off. */
  readonly value: string | number | boolean | null
  readonly source: 'file' | 'default'
}

type Digested = Pick<LoadedConfig, 'config' | 'enrolment'> & {
  readonly repository?: RepositoryConfig
  readonly routing?: RoutingConfig
}

const HOUR = 3600
const WEEK = 7 * 24 * HOUR
const YEAR = 365 * 24 * HOUR

/** Parses a configuration; an empty text gives the defaults. `file` is for messages. Throws `config-invalid` (usage) with every finding and its line. */
export async function loadConfig(text: string, file: string): Promise<LoadedConfig> {
  return load(text, file, (sectionFaults) => sectionFaults.length > 0)
}

/**
 * Parses a configuration for a command. A section with a fault is disabled alone. Throws `config-invalid` (usage) only for a fault outside
 * of the sections: without the keys there, the place of the published tree is unknown.
 */
export async function loadUsableConfig(text: string, file: string): Promise<LoadedConfig> {
  return load(text, file, () => false)
}

async function load(
  text: string,
  file: string,
  isRefused: (sectionFaults: readonly ConfigFault[]) => boolean,
): Promise<LoadedConfig> {
  const { values, enrolment, repository, routing, hooks, faults, sectionFaults } = await parseConfig(text)
  const senseless = laterFaults(text, values, faults)
  if (faults.length > 0 || senseless.length > 0 || isRefused(sectionFaults))
    throw configInvalid(file, [...faults, ...senseless, ...sectionFaults])
  const config = effective(values)
  const warnings = configWarnings(config).map(locate(text))
  const set = new Set(values.keys())
  return { config, enrolment, repository, routing, hooks, warnings, set, sectionFaults: byLine(sectionFaults) }
}

/** Returns the configuration of an empty file. */
export function defaultConfig(): Config {
  return effective(new Map())
}

/** Returns the SHA-256 of the effective configuration, which is the same for an empty file and one that repeats the defaults. */
export function configDigest(loaded: Digested): Sha256 {
  const { repository = NO_REPOSITORY, routing = NO_ROUTING } = loaded
  const base = {
    ...loaded.config,
    ...(isDeepStrictEqual(repository, NO_REPOSITORY) ? {} : { repository }),
    ...(isDeepStrictEqual(routing, NO_ROUTING) ? {} : { routing }),
  }
  return digestOf(base, loaded.enrolment)
}

function digestOf(config: object, { disabled, ...used }: Enrolment): Sha256 {
  const { disabled: _, ...none } = NO_ENROLMENT
  const isDisabled = !isDeepStrictEqual(disabled, NOTHING_DISABLED)
  if (!isDisabled) return jsonDigest(isDeepStrictEqual(used, none) ? config : { ...config, enrolment: used })
  const { all, cas, groups, labels } = disabled
  const names = { all: all !== null, cas: [...cas.keys()], groups: [...groups.keys()], labels: [...labels.keys()] }
  return jsonDigest({ ...config, enrolment: used, disabled: names })
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
    aspaValidSeconds: c.timingAspaValidWeeks * WEEK,
    aspaReissueSeconds: c.timingAspaReissueWeeksBefore * WEEK,
    routerValidSeconds: c.timingBgpsecValidWeeks * WEEK,
    routerReissueSeconds: c.timingBgpsecReissueWeeksBefore * WEEK,
    childValidSeconds: c.timingChildCertificateValidWeeks * WEEK,
    childReissueSeconds: c.timingChildCertificateReissueWeeksBefore * WEEK,
    taValidSeconds: c.timingTaCertificateValidYears * YEAR,
    roaAggregateThreshold: c.roaAggregateThreshold,
    roaDeaggregateThreshold: c.roaDeaggregateThreshold,
  }
}

function effective(values: ReadonlyMap<string, Value>): Config {
  const entries = [...KEYS].map(([name, key]) => [camelCase(name), values.get(name) ?? defaultOf(key)])
  // a file that sets only the upper bound means a shorter time, and not a contradiction to the default
  const most = values.get('rrdp_delta_files_max_seconds')
  const least = Number(defaultOf(SCHEMA.rrdp_delta_files_min_seconds))
  if (typeof most === 'number' && most < least && !values.has('rrdp_delta_files_min_seconds'))
    entries.push(['rrdpDeltaFilesMinSeconds', most])
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

function byLine(faults: readonly ConfigFault[]): readonly ConfigFault[] {
  return [...faults].sort((a, b) => a.line - b.line)
}

function configInvalid(file: string, found: readonly ConfigFault[]): AppError {
  const faults = byLine(found)
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
