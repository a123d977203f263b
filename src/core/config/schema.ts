/**
 * Every top-level key of `brine.toml`: type, default, range and one line of explanation.
 * Invariant: the validator, the typed `Config`, the template that `init` writes and brine.toml(5) are all derived from this table.
 */

interface KeyBase {
  /** One line: what it does, and the unit unless the name says it. */
  readonly about: string
}
export interface IntegerKey extends KeyBase {
  readonly type: 'integer'
  readonly min: number
  readonly max: number
  /** Null: off unless set. */
  readonly default: number | null
}
export interface DurationKey extends KeyBase {
  readonly type: 'duration'
  /** Seconds. */
  readonly min: number
  readonly max: number
  /** In the form of the file: `30s`. */
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

/** Type of a key's value in the typed configuration. */
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

/** The effective configuration: every key in camelCase, durations in seconds, `undefined` for a key that is off. */
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

const weeksValid = (what: string) => integer(52, 1, 520, `validity of ${what} in weeks`)
const weeksBefore = (what: string) =>
  integer(4, 1, 519, `${what} are re-issued when fewer than this many weeks remain; less than their validity`)

const publication = {
  timing_publish_next_hours: integer(
    24,
    2,
    720,
    'hours from thisUpdate to nextUpdate of manifest and CRL; more than 24 makes replay attacks easier',
  ),
  timing_publish_next_jitter_hours: integer(
    4,
    0,
    360,
    'up to this many hours are subtracted at random; at most half of timing_publish_next_hours',
  ),
  timing_publish_hours_before_next: integer(
    8,
    1,
    719,
    'manifest and CRL are re-issued when fewer than this many hours remain',
  ),
  tick_period: {
    type: 'duration',
    default: '5m',
    min: 10,
    max: DAY,
    about: 'how often cron runs `brine tick`; status warns after three periods without it',
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
    'validity of the trust anchor certificate in years; validators reject more than 15',
  ),
  roa_aggregate_threshold: integer(
    100,
    1,
    1_000_000,
    'above this many prefixes in a resource class there is one ROA per AS',
  ),
  roa_deaggregate_threshold: integer(90, 0, 1_000_000, 'below this many prefixes there is one ROA per prefix again'),
} as const

const repository = {
  repo_dir: {
    type: 'path',
    default: null,
    about: 'absolute path of the published tree; default: repo/ in the data directory',
  },
  rrdp_delta_files_min_nr: integer(5, 0, 10_000, 'minimum number of RRDP deltas, regardless of their age'),
  rrdp_delta_files_min_seconds: integer(
    14_400,
    0,
    30 * DAY,
    'RRDP deltas younger than this are kept, up to rrdp_delta_files_max_nr',
  ),
  rrdp_delta_files_max_nr: integer(240, 1, 10_000, 'maximum number of RRDP deltas'),
  rrdp_delta_files_max_seconds: integer(
    21_600,
    1,
    30 * DAY,
    'RRDP deltas older than this are removed, down to rrdp_delta_files_min_nr',
  ),
  rrdp_old_files_seconds: integer(
    7200,
    0,
    30 * DAY,
    'how long RRDP files remain after the notification no longer lists them',
  ),
  rrdp_interval: {
    type: 'duration',
    default: '0s',
    min: 0,
    max: DAY,
    about:
      'shortest time between two RRDP deltas: a change within it waits for the next tick, unless a key roll goes on with it',
  },
} as const

const keys = {
  signer: {
    type: 'enum',
    values: ['soft', 'webcrypto'],
    default: 'soft',
    about: 'signing implementation: soft (all cores) or webcrypto (one signature at a time)',
  },
  key_pool_size: integer(0, 0, 100_000, 'number of one-time keys that tick generates in advance; 0: none'),
} as const

const storage = {
  snapshot_interval: integer(
    5,
    1,
    1000,
    'events between two snapshots of an aggregate; up to five times as many where its state is large',
  ),
  archive_threshold_days: integer(
    null,
    1,
    36_500,
    'tick archives publication commands older than this many days; default: never',
  ),
  pack_threshold_days: integer(
    null,
    0,
    36_500,
    'tick packs files of history older than this many days into few; 0: it writes them back; default: never',
  ),
  check_files_within: {
    type: 'duration',
    default: '24h',
    min: 600,
    max: 30 * DAY,
    about: 'time within which tick has read every CA and looked at each of its files; each run looks at a part',
  },
  always_recover_data: {
    type: 'boolean',
    default: false,
    about: 'true: a command that meets damage runs a recovery without asking, even if that loses commands',
  },
  auto_upgrade: {
    type: 'boolean',
    default: false,
    about: 'true: the next command upgrades a data directory of an older format',
  },
  lock_timeout: {
    type: 'duration',
    default: '30s',
    min: 0,
    max: DAY,
    about: 'how long a command waits for another command to finish',
  },
  trust_clock: {
    type: 'boolean',
    default: false,
    about: 'true: a clock that is over a day past the last record is trusted, for machines that cannot confirm it',
  },
} as const

const peers = {
  exchange_log_dir: {
    type: 'path',
    default: null,
    about: 'absolute path of a folder for every message that is exchanged with peers; default: none are kept',
  },
  exchange_log_max_mb: integer(
    100,
    1,
    1_000_000,
    'megabytes of messages in exchange_log_dir, then the oldest are removed',
  ),
  suspend_child_after_inactive_hours: integer(
    null,
    48,
    8760,
    'hours without a message of a child elsewhere after which tick suspends it until its next one',
  ),
  publisher_silent_after_hours: integer(
    48,
    1,
    87_600,
    'hours without a message of a publisher elsewhere after which status warns',
  ),
  publisher_warn_mb: integer(
    100,
    1,
    1_000_000,
    'megabytes of objects of a publisher elsewhere above which status warns',
  ),
} as const

export const SCHEMA = { ...publication, ...issuing, ...repository, ...keys, ...storage, ...peers }

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
  { title: 'Peers', keys: Object.keys(peers) },
]

/** Converts `rrdp_delta_files_min_nr` to `rrdpDeltaFilesMinNr`. */
export function camelCase(key: string): string {
  return key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

/** Formats a value as TOML. */
export function formatValue(value: string | number | boolean): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
