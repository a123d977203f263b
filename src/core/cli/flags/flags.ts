/**
 * Arguments and flags that commands declare, each parsed once into a typed value, and bundles of flags that commands share.
 * Resources and ROAs remain text: the use case parses a whole set, so that it can report all violations at once.
 */
import { custom as customArg } from '@oclif/core/args'
import { boolean, custom as customFlag, option } from '@oclif/core/flags'
import { AppError } from '../../base/errors.js'
import { type Handle, parseHandle } from '../../base/handle.js'
import { type HistoryPoint, type Moment, parseHistoryPoint, parseMoment } from '../../base/moment.js'
import { quoted } from '../../base/text.js'
import { type Duration, formatDuration, type Instant, parseDuration, parseInstant } from '../../base/time.js'
import type { KeyId } from '../../crypto/ports.js'
import { MAX_ASN, parseAsn } from '../../resources/asn.js'
import { parsePrefix } from '../../resources/prefix.js'
import type { Prefix } from '../../resources/types.js'

const base = { ignoreStdin: true } as const

/** Positional arguments. Each takes `{ required, description, multiple? }`. */
export const arg = {
  /** A handle (RFC 8183). */
  handle: customArg<Handle>({ ...base, parse: async (text) => parseHandle(text) }),
  /** The handle of something new: not one that a command line would take for a flag. */
  newHandle: customArg<Handle>({ ...base, parse: async (text) => newHandle(text) }),
  /** Text as it is; `-` where the command documents standard input. */
  text: customArg<string>({ ...base, parse: async (text) => printable(text) }),
  /** Subject key identifier of a key, upper hexadecimal. */
  keyId: customArg<KeyId>({ ...base, parse: async (text) => keyId(text) }),
  /** An AS number. */
  asn: customArg<number>({ ...base, parse: async (text) => asn(text) }),
  /** A path; `-` where the command documents standard input. */
  path: customArg<string>(base),
  /** A sequence number. */
  sequence: customArg<number>({ ...base, parse: async (text) => wholeNumber(text, 1, Number.MAX_SAFE_INTEGER) }),
}

/** Flags. Each takes `{ required, description, multiple?, ... }`; a `multiple` flag is repeated and takes one value each time. */
export const flag = {
  boolean,
  handle: customFlag<Handle>({ helpValue: 'HANDLE', parse: async (text) => parseHandle(text) }),
  /** One line of text. */
  text: customFlag<string>({ helpValue: 'TEXT', parse: async (text) => printable(text) }),
  path: customFlag<string>({ helpValue: 'FILE' }),
  /** `AS64496-AS64511, 192.0.2.0/24`, `all`, `none`. */
  resources: customFlag<string>({ helpValue: 'RESOURCES', parse: async (text) => printable(text) }),
  /** Seconds, parsed from text such as `90d 24h 15m 10s`; from `min` to a hundred years. */
  duration: customFlag<Duration, { readonly min?: number }>({
    helpValue: 'DURATION',
    parse: async (text, _, { min }) => duration(text, min ?? 0),
  }),
  asn: customFlag<number>({ helpValue: 'ASN', parse: async (text) => asn(text) }),
  prefix: customFlag<Prefix>({ helpValue: 'PREFIX', parse: async (text) => prefix(text) }),
  /** RFC 3339, or a duration ago. */
  moment: customFlag<Moment>({ helpValue: 'TIME', parse: async (text) => moment(text) }),
  /** RFC 3339. */
  instant: customFlag<Instant>({ helpValue: 'TIME', parse: async (text) => instant(text) }),
  /** RFC 3339, or `never`. */
  end: customFlag<Instant | 'never'>({
    helpValue: 'TIME',
    parse: async (text) => (text === 'never' ? 'never' : instant(text)),
  }),
  /** A sequence number, RFC 3339, or a duration ago. */
  point: customFlag<HistoryPoint>({ helpValue: 'SEQ-or-TIME', parse: async (text) => point(text) }),
  integer: customFlag<number, { readonly min?: number; readonly max?: number }>({
    helpValue: 'N',
    parse: async (text, _, { min, max }) => wholeNumber(text, min ?? 0, max ?? Number.MAX_SAFE_INTEGER),
  }),
  /** One of a fixed list: `flag.choice(['warning', 'critical'], { description })`. */
  choice: <const V extends readonly string[]>(options: V, given: { readonly description: string }) =>
    option({ options, ...given })(),
}

/** Flags of every command, in addition to `--help`. `--json` replaces the one that oclif defines. */
export const globalFlags = {
  'data-dir': flag.path({
    helpValue: 'DIR',
    env: 'BRINE_DATA_DIR',
    helpGroup: 'GLOBAL',
    description: 'the data directory',
  }),
  config: flag.path({
    env: 'BRINE_CONFIG',
    helpGroup: 'GLOBAL',
    description: 'configuration file to use instead of DATA_DIR/brine.toml',
  }),
  actor: flag.text({
    helpValue: 'NAME',
    env: 'BRINE_ACTOR',
    helpGroup: 'GLOBAL',
    description: 'name recorded in history as the author',
  }),
  reason: flag.text({ helpGroup: 'GLOBAL', description: 'reason recorded in history' }),
  'lock-timeout': flag.duration({
    helpGroup: 'GLOBAL',
    description: 'how long to wait for another command to finish (default 30s)',
  }),
  json: boolean({
    helpGroup: 'GLOBAL',
    description: 'print the report, or the error, as JSON; the exit code is the same',
  }),
  quiet: boolean({
    helpGroup: 'GLOBAL',
    description: 'print errors only: no progress, warnings or report of a change',
  }),
}

/** Flags of every command that writes. */
export const writeFlags = {
  'dry-run': boolean({ description: 'show what would change without changing it' }),
}

/** Flag of commands that may change a CA which publishes elsewhere. */
export const noSyncFlag = {
  'no-sync': boolean({
    description:
      'do not send the change to a repository elsewhere at once: the next tick does, for many changes together',
  }),
}

/** Flags of every command that writes, and may change a CA which publishes elsewhere. */
export const changeFlags = { ...writeFlags, ...noSyncFlag }

/** Flags of commands that refuse a clock which no sign confirms. */
export const clockFlags = {
  'clock-is-right': boolean({ description: 'go on although the clock and the last record are far apart' }),
}

/** Flags of every command that asks for confirmation. */
export const confirmFlags = {
  yes: boolean({ description: 'do not ask for confirmation' }),
}

/** Flags of every command that reads history, parts of which may be on another volume. */
export const archiveFlags = {
  archive: flag.path({ helpValue: 'DIR', multiple: true, description: 'directory with archived files; repeatable' }),
}

/** Flags of commands that report the health of CAs. */
export const haFlags = {
  'fail-on': flag.choice(['degraded', 'open', 'down'], {
    description: 'exit 1 if a CA is not healthy, a circuit is open, or a group has no available CA',
  }),
}

/** Flags of every command that reads a backup. */
export const keyFlags = {
  identity: flag.path({ multiple: true, description: 'file with age identities that decrypt it; repeatable' }),
  'passphrase-file': flag.path({ description: 'file whose first line is the passphrase (or BRINE_PASSPHRASE_FILE)' }),
}

/** Refuses --json together with data on standard output. Throws `json-with-data` (usage). */
export function refuseJsonWithData(target: string, json: boolean): void {
  if (target !== '-' || !json) return
  throw new AppError('usage', 'json-with-data', '--json cannot be combined with data on standard output', {
    hint: 'write the data to a file, or omit --json',
  })
}

/** Refuses empty arguments and flag values. Throws `value-empty` (usage). */
export function refuseEmpty(argv: readonly string[]): void {
  const end = argv.indexOf('--')
  for (const [at, word] of argv.entries()) {
    const assigned = end < 0 || at < end ? /^(--?[A-Za-z][\w-]*)=\s*$/.exec(word)?.[1] : undefined
    if (assigned === undefined && word.trim() !== '') continue
    const before = argv[at - 1]
    const name = assigned ?? (before !== undefined && /^--?[A-Za-z][\w-]*$/.test(before) ? before : undefined)
    const message = name === undefined ? 'an argument is empty' : `${name} is empty`
    throw new AppError('usage', 'value-empty', message, { hint: 'give it a value or omit it' })
  }
}

function newHandle(text: string): Handle {
  if (!text.startsWith('-')) return parseHandle(text)
  throw new AppError('usage', 'handle-invalid', `invalid handle ${JSON.stringify(text.slice(0, 80))}`, {
    hint: 'a new handle does not begin with -, since commands would take it for a flag (RFC 8183 allows it for existing ones)',
  })
}

function printable(text: string): string {
  if (text.length <= 100_000 && !/[\p{Cc}\p{Bidi_Control}]/u.test(text)) return text
  throw new AppError('usage', 'text-invalid', `not a single line of plain text: ${JSON.stringify(text.slice(0, 60))}`)
}

function keyId(text: string): KeyId {
  if (/^[0-9A-Fa-f]{40}$/.test(text)) return text.toUpperCase() as KeyId
  throw new AppError('usage', 'key-invalid', `not the identifier of a key, 40 hexadecimal digits: ${quoted(text)}`)
}

function wholeNumber(text: string, min: number, max: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`
  throw new AppError('usage', 'number-invalid', `not a whole number ${range}: ${JSON.stringify(text.slice(0, 60))}`)
}

function asn(text: string): number {
  const value = parseAsn(text)
  if (value !== undefined) return value
  throw new AppError('usage', 'asn-invalid', `not an AS number from 0 to ${MAX_ASN}: ${quoted(text)}`)
}

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text)
  if ('ok' in parsed) return parsed.ok
  throw new AppError('usage', parsed.fault.code, parsed.fault.message)
}

const CENTURY = 36_525 * 86_400

function duration(text: string, min: number): Duration {
  const seconds = parseDuration(text)
  if (seconds !== undefined && seconds >= min && seconds <= CENTURY) return seconds
  if (seconds !== undefined) {
    const range = seconds < min ? `${formatDuration(min)} at least` : `${formatDuration(CENTURY)} at most`
    throw new AppError('usage', 'duration-invalid', `${range}, not ${JSON.stringify(text.slice(0, 60))}`)
  }
  throw new AppError('usage', 'duration-invalid', `not a duration: ${JSON.stringify(text.slice(0, 60))}`, {
    hint: 'durations look like 90d, 24h, 15m, 10s or 1h30m',
  })
}

/** Returns a hint with the complete time for a date alone, or one without seconds or zone; undefined for other text. */
function timeHint(text: string): string | undefined {
  const [, date, hours = '00', minutes = '00', seconds = '00'] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?Z?$/.exec(text) ?? []
  const full = `${date}T${hours}:${minutes}:${seconds}Z`
  return date === undefined || parseMoment(full) === undefined ? undefined : `a time is in UTC and complete: ${full}`
}

function moment(text: string): Moment {
  const parsed = parseMoment(text)
  if (parsed !== undefined) return parsed
  throw new AppError('usage', 'time-invalid', `not a time: ${JSON.stringify(text.slice(0, 60))}`, {
    hint: timeHint(text) ?? 'times look like 2026-11-21T23:20:00Z, or 7d for seven days ago',
  })
}

function instant(text: string): Instant {
  const parsed = parseInstant(text)
  if (parsed !== undefined) return parsed
  throw new AppError('usage', 'time-invalid', `not a time: ${JSON.stringify(text.slice(0, 60))}`, {
    hint: timeHint(text) ?? 'times look like 2026-11-21T23:20:00Z',
  })
}

function point(text: string): HistoryPoint {
  const parsed = parseHistoryPoint(text)
  if (parsed !== undefined) return parsed
  throw new AppError(
    'usage',
    'point-invalid',
    `not a sequence number and not a time: ${JSON.stringify(text.slice(0, 60))}`,
    {
      hint: timeHint(text) ?? 'points in history look like 12, 2026-11-21T23:20:00Z, or 7d for seven days ago',
    },
  )
}
