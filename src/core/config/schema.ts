/**
 * Every key of `brine.toml`: type, default, range and one line of explanation.
 * Invariant: this one table feeds the validator, the typed `Config` and the template that `init` writes, so they cannot differ.
 */

interface KeyBase {
  /** One line: what it does, and the unit where the name does not say it. */
  readonly about: string
}
export interface IntegerKey extends KeyBase {
  readonly type: 'integer'
  readonly min: number
  readonly max: number
  /** Null: unset means "off". */
  readonly default: number | null
}
export interface DurationKey extends KeyBase {
  readonly type: 'duration'
  /** Seconds. */
  readonly min: number
  readonly max: number
  /** As a user writes it: `30s`. */
  readonly default: string
}
export interface BooleanKey extends KeyBase {
  readonly type: 'boolean'
  readonly default: boolean
}
export interface StringKey extends KeyBase {
  readonly type: 'path'
  readonly default: null
}
export interface EnumKey extends KeyBase {
  readonly type: 'enum'
  readonly values: readonly string[]
  readonly default: string
}
export type Key = IntegerKey | DurationKey | BooleanKey | StringKey | EnumKey

/** What each key of this table becomes in the typed configuration. */
type ValueOf<K> = K extends { readonly type: 'boolean' }
  ? boolean
  : K extends { readonly type: 'enum'; readonly values: readonly (infer V)[] }
    ? V
    : K extends { readonly type: 'path' }
      ? string | undefined
      : K extends { readonly default: null }
        ? number | undefined
        : number

type CamelCase<S extends string> = S extends `${infer A}_${infer B}` ? `${A}${Capitalize<CamelCase<B>>}` : S

/** The effective configuration: every key in camelCase, durations in seconds, `undefined` where a key is off. */
export type Config = { readonly [K in keyof Schema as CamelCase<K & string>]: ValueOf<Schema[K]> }

export interface Section {
  readonly title: string
  readonly keys: readonly string[]
}

const DAY = 86400

function integer<D extends number | null>(
  fallback: D,
  min: number,
  max: number,
  about: string,
): IntegerKey & { readonly default: D } {
  return { type: 'integer', default: fallback, min, max, about }
}

const weeksValid = (what: string) => integer(52, 1, 520, `${what} are valid for this many weeks`)
const weeksBefore = (what: string) =>
  integer(4, 1, 519, `${what} are issued anew with fewer than this many weeks left; less than their validity`)

const publication = {
  timing_publish_next_hours: integer(
    24,
    2,
    720,
    'manifest and CRL: hours to nextUpdate; beyond 24 opens room for replay',
  ),
  timing_publish_next_jitter_hours: integer(
    4,
    0,
    360,
    'up to this many hours less, at random; at most half of the above',
  ),
  timing_publish_hours_before_next: integer(
    8,
    1,
    719,
    'manifest and CRL are re-issued with fewer than this many hours left',
  ),
  tick_period: {
    type: 'duration',
    default: '5m',
    min: 10,
    max: DAY,
    about: 'how often cron runs `brine tick`: it uses up part of the margin above',
  },
} as const

const issuing = {
  timing_roa_valid_weeks: weeksValid('ROAs'),
  timing_roa_reissue_weeks_before: weeksBefore('ROAs'),
  timing_aspa_valid_weeks: weeksValid('ASPA objects'),
  timing_aspa_reissue_weeks_before: weeksBefore('ASPA objects'),
  timing_bgpsec_valid_weeks: weeksValid('router certificates'),
  timing_bgpsec_reissue_weeks_before: weeksBefore('router certificates'),
  timing_child_certificate_valid_weeks: weeksValid('certificates of children'),
  timing_child_certificate_reissue_weeks_before: weeksBefore('certificates of children'),
  timing_ta_certificate_valid_years: integer(
    10,
    1,
    15,
    'years that a trust anchor certificate is valid; validators refuse more than 15',
  ),
  roa_aggregate_threshold: integer(100, 1, 1_000_000, 'above this many prefixes in a resource class: one ROA per AS'),
  roa_deaggregate_threshold: integer(90, 0, 1_000_000, 'below this many prefixes: back to one ROA per prefix'),
} as const

const repository = {
  repo_dir: {
    type: 'path',
    default: null,
    about: 'absolute path of the published tree; unset: repo/ in the data directory',
  },
  rrdp_delta_files_min_nr: integer(5, 0, 10_000, 'RRDP deltas kept whatever their age'),
  rrdp_delta_files_min_seconds: integer(
    1200,
    0,
    30 * DAY,
    'RRDP deltas younger than this are kept, up to the greatest number',
  ),
  rrdp_delta_files_max_nr: integer(50, 1, 10_000, 'greatest number of RRDP deltas'),
  rrdp_delta_files_max_seconds: integer(7200, 1, 30 * DAY, 'RRDP deltas older than this go, down to the least number'),
  rrdp_old_files_seconds: integer(
    600,
    0,
    30 * DAY,
    'how long replaced RRDP snapshots and deltas stay for slow readers',
  ),
} as const

const keys = {
  signer: {
    type: 'enum',
    values: ['soft', 'webcrypto'],
    default: 'soft',
    about: 'what signs: soft (all cores) or webcrypto (one after the other)',
  },
  key_pool_size: integer(0, 0, 100_000, 'one-time keys made ahead by tick; 0: none'),
} as const

const storage = {
  snapshot_interval: integer(5, 1, 1000, 'events between two snapshots of an aggregate'),
  archive_threshold_days: integer(
    null,
    1,
    36_500,
    'publication commands older than this are archived; unset: never by themselves',
  ),
  always_recover_data: {
    type: 'boolean',
    default: false,
    about: 'damage that loses commands is recovered from without asking',
  },
  auto_upgrade: {
    type: 'boolean',
    default: false,
    about: 'a data directory of an older format is upgraded by the next command',
  },
  lock_timeout: {
    type: 'duration',
    default: '30s',
    min: 0,
    max: DAY,
    about: 'how long a command waits for another one to finish',
  },
} as const

export const SCHEMA = { ...publication, ...issuing, ...repository, ...keys, ...storage }

type Schema = typeof SCHEMA
export type KeyName = keyof Schema

/** Every key with its description, in the order of the template. */
export const KEYS: ReadonlyMap<string, Key> = new Map<string, Key>(Object.entries(SCHEMA))

export const SECTIONS: readonly Section[] = [
  { title: 'Manifests and CRLs', keys: Object.keys(publication) },
  { title: 'Other objects', keys: Object.keys(issuing) },
  { title: 'Publication', keys: Object.keys(repository) },
  { title: 'Keys', keys: Object.keys(keys) },
  { title: 'Storage', keys: Object.keys(storage) },
]

/** `rrdp_delta_files_min_nr` as `rrdpDeltaFilesMinNr`. */
export function camelCase(key: string): string {
  return key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

/** A value as TOML writes it. */
export function formatValue(value: string | number | boolean): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
