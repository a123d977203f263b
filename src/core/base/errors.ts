/** The error class for everything that is reported to users: kind (decides the exit code), stable code, hint and typed details. */
import type { Json } from './json.js'
import { messageText } from './text.js'

export type ErrorKind =
  | 'rejected'
  | 'usage'
  | 'partial'
  | 'differs'
  | 'no-data-dir'
  | 'locked'
  | 'corrupt'
  | 'format'
  | 'io'
  | 'remote'
  | 'unavailable'
  | 'pending'
  | 'uncertain'
  | 'credentials'
  | 'standby'
  | 'internal'
  | 'interrupted'

/** Effect of a failed command on durable data. */
export type Changed = 'no' | 'yes' | 'unknown'

export interface AppErrorInit {
  /** The next command to run, or what would make the command succeed. */
  readonly hint?: string
  /** Typed facts for scripts; never a secret. */
  readonly details?: Json
  readonly changed?: Changed
  /** True if the same command may succeed when retried unchanged. */
  readonly retry?: boolean
  /** Seconds to wait before a retry makes sense. */
  readonly retryAfter?: number
  readonly cause?: unknown
}

/** An error with a stable `code` (kebab-case, domain first). No subclass: callers branch on `kind` or `code`. */
export class AppError extends Error {
  readonly kind: ErrorKind
  readonly code: string
  readonly hint: string | undefined
  readonly details: Json
  readonly changed: Changed
  readonly retry: boolean
  readonly retryAfter: number | undefined

  constructor(kind: ErrorKind, code: string, message: string, init: AppErrorInit = {}) {
    super(messageText(message), init.cause === undefined ? undefined : { cause: init.cause })
    this.name = 'AppError'
    this.kind = kind
    this.code = code
    this.hint = init.hint === undefined ? undefined : messageText(init.hint)
    this.details = init.details ?? {}
    this.changed = init.changed ?? 'no'
    this.retry = init.retry ?? false
    this.retryAfter = init.retryAfter
  }
}

/** Members of a rewrapped error that differ from those of its cause. */
export interface RewrapChanges extends AppErrorInit {
  readonly kind?: ErrorKind
  readonly code?: string
  readonly message?: string
}

/**
 * Returns a new error for the same failure with the members in `changes` replaced and every other member kept. Its cause is `error` unless
 * `changes` names another one. `retry: false` also drops `retryAfter`, which has a meaning only where a retry has one.
 */
export function rewrap(error: AppError, changes: RewrapChanges): AppError {
  const { kind = error.kind, code = error.code, message = error.message, ...init } = changes
  const { hint, details, changed, retry } = error
  const retryAfter = changes.retry === false ? undefined : error.retryAfter
  return new AppError(kind, code, message, {
    ...(hint === undefined ? {} : { hint }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...{ details, changed, retry, cause: error },
    ...init,
  })
}

/** Appends a further step to the hint of an error, if it has one: "free some space; then: brine tick". */
export function hintThen(error: AppError, next: string): string {
  return error.hint === undefined ? next : `${error.hint}; ${next}`
}

/** A violation of a rule by a command; a bulk command reports all of them at once. */
export interface Violation {
  /** Kebab-case, domain first: `roa-not-held`. */
  readonly code: string
  /** One sentence with the offending value. */
  readonly message: string
  readonly details?: Json
}

/** Returns the violations of rules that an error lists; none for one whose details count or name something else. */
export function faultsOf({ details }: Pick<AppError, 'details'>): readonly Violation[] {
  const faults = (details as { readonly faults?: unknown } | null)?.faults
  return Array.isArray(faults) ? (faults as readonly Violation[]) : []
}

/** Maximum number of violations in a message, which is shown and recorded: a wrong file of 100,000 lines must fill neither screen nor history. */
const MAX_LISTED = 20

/** Returns the error for rejected commands with every violation: a single one is the message itself, several are listed. */
export function rejection(faults: readonly Violation[], hint?: string): AppError {
  const [first] = faults
  if (first === undefined) throw new TypeError('a rejection needs a fault')
  const codes = new Set(faults.map((f) => f.code))
  const code = codes.size === 1 ? first.code : 'several-faults'
  const more = faults.length - MAX_LISTED
  const lines = faults.slice(0, MAX_LISTED).map((f) => f.message)
  if (more > 0) lines.push(`and ${more} more, all of them with --json`)
  const message =
    faults.length === 1 ? first.message : `${faults.length} violations:\n${lines.map((line) => `  ${line}`).join('\n')}`
  const details: Json = {
    faults: faults.map((f) => ({ code: f.code, message: f.message, details: f.details ?? {} })),
  }
  return new AppError('rejected', code, message, hint === undefined ? { details } : { details, hint })
}
