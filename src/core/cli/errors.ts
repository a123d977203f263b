/**
 * Any failure as an `AppError`, and an `AppError` as the text or the JSON that leaves the program.
 * Invariant: what is printed is picked member by member; no property that happens to sit on an error gets out.
 */
import { stripVTControlCharacters } from 'node:util'
import { AppError, type Changed, rewrap } from '../base/errors.js'
import type { Json } from '../base/json.js'
import { nearest } from '../base/nearest.js'

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
  /** What was made durable before the failure. */
  readonly changed: Changed
  /** `brine roa add`: whose help to point to. */
  readonly command: string
  /** The text of a bug is shown: `DEBUG` is set. */
  readonly debug: boolean
}

/** What is known of a parse failure of the command-line library, beside its message. */
interface ParseFailure {
  readonly message: string
  readonly args?: unknown
  readonly flags?: unknown
  readonly parse?: { readonly input?: { readonly flags?: object } }
}

const ENDINGS: Readonly<Record<Changed, string>> = {
  no: 'nothing changed',
  yes: 'changed and durable',
  unknown: 'unknown whether anything changed',
}

/** Failures of the system that are no bug, should one arrive unwrapped. */
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

/** `thrown` as the error to report: parse failures as usage, failures of the system as io, anything else as internal. */
export function toAppError(thrown: unknown, setting: ErrorSetting): AppError {
  const changed = (own: Changed): Changed => (own === 'no' ? setting.changed : own)
  if (thrown instanceof AppError) return restated(thrown, flagFault(thrown.message), changed(thrown.changed))
  if (thrown instanceof Error && 'oclif' in thrown) return usageError(thrown, setting)
  const errno = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
  if (thrown instanceof Error && IO_CODES.has(errno))
    return new AppError('io', 'io-failed', thrown.message, {
      details: { errno },
      changed: changed('no'),
      cause: thrown,
    })
  return internalError(thrown, setting)
}

/** The document that `--json` prints. */
export function errorDocument(e: AppError): ErrorDocument {
  const { kind, code, message, details, changed, retry } = e
  return {
    error: { kind, code, message, hint: e.hint ?? null, details, changed, retry, retryAfter: e.retryAfter ?? null },
  }
}

/** What a person reads on stderr: the message, the way out, and whether anything changed. */
export function errorText(error: AppError): string {
  const hint = error.hint === undefined ? [] : [`Hint: ${error.hint}`]
  return `${[`Error: ${error.message}`, ...hint, ENDINGS[error.changed]].join('\n')}\n`
}

function restated(error: AppError, message: string, changed: Changed): AppError {
  if (message === error.message && changed === error.changed) return error
  return rewrap(error, { message, changed, cause: error.cause ?? error })
}

/** The library wraps what a flag's parser says in three lines; one is enough. */
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

function describeParseFailure(failure: ParseFailure): { readonly code: string; readonly message: string } {
  const { args, flags } = failure
  if (Array.isArray(flags)) {
    const known = Object.keys(failure.parse?.input?.flags ?? {}).map((name) => `--${name}`)
    return { code: 'flag-unknown', message: flags.map((f) => unknownWord('flag', String(f), known)).join('\n') }
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
  return { code: 'flag-invalid', message: plain }
}

/** `unknown flag --dry-rum, did you mean --dry-run?` */
export function unknownWord(what: string, word: string, known: readonly string[]): string {
  const near = nearest(word, known)
  return `unknown ${what} ${word}${near === undefined ? '' : `, did you mean ${near}?`}`
}

function internalError(thrown: unknown, { changed, debug }: ErrorSetting): AppError {
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  const message = debug ? `internal error, a bug: ${text}` : 'internal error, a bug'
  const hint = debug ? 'report it with the text above' : 'run it again with DEBUG=brine and report what it prints'
  return new AppError('internal', 'internal', message, { changed, cause: thrown, hint })
}
