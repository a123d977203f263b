/**
 * Converts any failure into an `AppError`, and an `AppError` into the text or JSON that is printed.
 * Invariant: members are printed from an explicit list; other properties of an error, which may hold a secret, are never printed.
 */
import { stripVTControlCharacters } from 'node:util'
import { hintOfErrno } from '../base/errno-hints.js'
import { AppError, type Changed, rewrap } from '../base/errors.js'
import type { Json } from '../base/json.js'
import { didYouMean } from '../base/nearest.js'
import { screenText } from '../base/text.js'
import type { CommandLine } from './missing.js'
import type { Paste } from './output/paste.js'

export interface ErrorDocument {
  readonly error: {
    readonly kind: string
    readonly code: string
    readonly message: string
    readonly hint: string | null
    readonly details: Json
    readonly changed: Changed
    readonly retry: boolean
    readonly retryAfter: number | null
  }
}

export interface ErrorSetting {
  /** Whether anything was made durable before the failure. */
  readonly changed: Changed
  /** The command whose help the hint names, such as `brine roa add`. */
  readonly command: string
  /** True if the text of internal errors is shown (`DEBUG` is set). */
  readonly debug: boolean
}

/** The members of oclif's parse errors that are used here. */
interface ParseFailure {
  readonly message: string
  readonly args?: unknown
  readonly flags?: unknown
  readonly parse?: { readonly input?: CommandLine['definition']; readonly output?: CommandLine['given'] }
}

const ENDINGS: Readonly<Record<Changed, string>> = {
  no: 'nothing changed',
  yes: 'changed and durable',
  unknown: 'unknown whether anything changed',
}

/** System errors that are reported as `io` rather than as a bug if they arrive unwrapped. */
const IO_CODES = new Set([
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'EACCES',
  'EPERM',
  'EIO',
  'EMFILE',
  'ENFILE',
  'ENOENT',
  'EISDIR',
  'ENOTDIR',
])

/** Returns the error to report: parse failures as `usage`, system errors as `io`, anything else as `internal`. */
export function toAppError(thrown: unknown, setting: ErrorSetting): AppError {
  const changed = (own: Changed): Changed => (own === 'no' ? setting.changed : own)
  if (thrown instanceof AppError) return restated(thrown, flagFault(thrown.message), changed(thrown.changed))
  if (thrown instanceof Error && 'oclif' in thrown) return usageError(thrown, setting)
  const errno = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
  if (thrown instanceof Error && IO_CODES.has(errno))
    return new AppError('io', 'io-failed', thrown.message, {
      hint: hintOfThrown(thrown, errno),
      details: { errno },
      changed: changed('no'),
      cause: thrown,
    })
  return internalError(thrown, setting)
}

function hintOfThrown(thrown: Error, errno: string): string {
  if (thrown.message.includes('uv_cwd')) return 'the working directory was removed: change to another one'
  return hintOfErrno(errno) ?? 'check the path that the message names'
}

/** Returns the document that `--json` prints. */
export function errorDocument(e: AppError): ErrorDocument {
  const { kind, code, message, details, changed, retry } = e
  return {
    error: { kind, code, message, hint: e.hint ?? null, details, changed, retry, retryAfter: e.retryAfter ?? null },
  }
}

/** Returns the text for stderr: the message, the hint, and whether anything changed. */
export function errorText(error: AppError, colour = false): string {
  const hint = error.hint === undefined ? [] : [`Hint: ${error.hint}`]
  const title = colour ? '\u001b[31mError:\u001b[39m' : 'Error:'
  return screenText(`${[`${title} ${error.message}`, ...hint, ENDINGS[error.changed]].join('\n')}\n`)
}

/** Completes the commands of the hint, so that they can be pasted. */
export function withPasteableHint(error: AppError, paste: Paste): AppError {
  const hint = error.hint === undefined ? undefined : paste(error.hint)
  return hint === undefined || hint === error.hint ? error : rewrap(error, { hint })
}

function restated(error: AppError, message: string, changed: Changed): AppError {
  if (message === error.message && changed === error.changed) return error
  return rewrap(error, { message, changed, cause: error.cause ?? error })
}

/** Reduces oclif's three-line wrapper around the message of a flag parser to one line. */
function flagFault(message: string): string {
  const wrapped = /^Parsing (--\S+) \n\t([\s\S]*)\nSee more help with --help$/.exec(message)
  return wrapped === null ? message : `${wrapped[1]}: ${wrapped[2]}`
}

function usageError(thrown: Error, setting: ErrorSetting): AppError {
  const { code, message } = describeParseFailure(thrown as ParseFailure)
  return new AppError('usage', code, message, {
    hint: `see: ${setting.command} --help`,
    changed: setting.changed,
    cause: thrown,
  })
}

/** A command line that lacks something, and the other violations that oclif reports with that. */
export interface IncompleteLine extends Pick<CommandLine, 'definition' | 'given'> {
  readonly others: readonly string[]
}

/** Returns the command line of oclif's errors for missing arguments and for flags whose conditions are not met; undefined for other errors. */
export function incompleteLine(thrown: unknown): IncompleteLine | undefined {
  if (!(thrown instanceof Error && 'oclif' in thrown)) return undefined
  const failure = thrown as ParseFailure
  const { input, output } = failure.parse ?? {}
  if (input === undefined || output === undefined) return undefined
  const { code, message } = describeParseFailure(failure)
  if (code === 'argument-missing') return { definition: input, given: output, others: [] }
  if (code !== 'flag-invalid') return undefined
  const others = message.split('\n').filter((line) => !/^missing --|^--\S+ needs --/.test(line))
  return { definition: input, given: output, others }
}

function describeParseFailure(failure: ParseFailure): { readonly code: string; readonly message: string } {
  const { args, flags } = failure
  if (Array.isArray(flags)) {
    const known = Object.keys(failure.parse?.input?.flags ?? {}).map((name) => `--${name}`)
    return { code: 'flag-unknown', message: flags.map((f) => unknownFlag(String(f), known)).join('\n') }
  }
  if (Array.isArray(args) && args.every((a) => typeof a === 'string'))
    return { code: 'argument-unexpected', message: `unexpected argument: ${args.join(', ')}` }
  if (Array.isArray(args)) {
    const names = args.map((a: { readonly name?: string }) => (a.name ?? '').toUpperCase())
    return { code: 'argument-missing', message: `missing argument: ${names.join(', ')}` }
  }
  const plain = stripVTControlCharacters(flagFault(failure.message))
    .replace(/\nSee more help with --help$/, '')
    .replace(/^The following errors? occurred:\n\s*/, '')
  return { code: 'flag-invalid', message: missingAsOne(plain.split('\n').map(inOurWords)) }
}

/** Joins lines such as `missing --tal-https` and `missing --tal-rsync` to `missing --tal-https and --tal-rsync`. */
function missingAsOne(lines: readonly string[]): string {
  const names = lines.flatMap((line) => /^missing (--\S+)$/.exec(line)?.[1] ?? [])
  const others = lines.filter((line) => !/^missing --\S+$/.test(line))
  return [...(names.length === 0 ? [] : [`missing ${names.join(' and ')}`]), ...others].join('\n')
}

/** Replaces the sentences in which oclif reports missing and conflicting flags. */
function inOurWords(line: string): string {
  return line
    .trim()
    .replace(/^Missing required flag (\S+)$/, (_, name: string) => `missing --${name}`)
    .replace(
      /^All of the following must be provided when using (--\S+): (.+)$/,
      (_, flag: string, others: string) => `${flag} needs ${others}`,
    )
    .replace(/^(--\S+)=.* cannot also be provided when using (--\S+)$/, '$1 and $2 cannot be combined')
    .replace(/^Exactly one of the following must be provided: (.+)$/, 'give exactly one of: $1')
    .replace(/^Flag (--\S+) expects a value$/, '$1 needs a value')
    .replace(/^Flag (--\S+) can only be specified once$/, '$1 can only be given once')
    .replace(
      /^Expected (--\S+)=(.*) to be one of: (.+)$/,
      (_, flag: string, value: string, known: string) =>
        `${flag}: ${value} is not one of: ${known}${didYouMean(value, known.split(', '))}`,
    )
}

/** Flags of other commands and programs, and those that mean the same elsewhere, the likeliest first. */
const FLAG_SYNONYMS: ReadonlyMap<string, readonly string[]> = new Map([
  ['--from', ['--since', '--after', '--at']],
  ['--since', ['--after', '--from', '--at']],
  ['--after', ['--since', '--from']],
  ['--start', ['--since', '--from']],
  ['--to', ['--before', '--into', '--at']],
  ['--until', ['--before', '--to', '--at']],
  ['--before', ['--to', '--at']],
  ['--end', ['--before', '--to']],
  ['--at', ['--to', '--before']],
  ['--limit', ['--rows']],
  ['--last', ['--rows', '--since']],
  ['--parent', ['--under']],
  ['--output', ['--out']],
  ['--force', ['--yes']],
  ['--input', ['--file']],
])

/** Returns `unknown flag --dry-rum, did you mean --dry-run?`. */
function unknownFlag(word: string, known: readonly string[]): string {
  const synonym = FLAG_SYNONYMS.get(word)?.find((flag) => known.includes(flag))
  return `unknown flag ${word}${synonym === undefined ? didYouMean(word, known) : `, did you mean ${synonym}?`}`
}

function internalError(thrown: unknown, { changed, debug }: ErrorSetting): AppError {
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  const message = debug ? `internal error, a bug: ${text}` : 'internal error, a bug'
  const hint = debug ? 'report it with the text above' : 'run it again with DEBUG=brine and report what it prints'
  return new AppError('internal', 'internal', message, { changed, cause: thrown, hint })
}
