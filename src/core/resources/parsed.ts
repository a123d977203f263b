/** What a parser of strangers' text returns: the value or the fault, so that a caller can list all faults at once. */
import type { Violation } from '../base/errors.js'

export type Parsed<T> = { readonly ok: T } | { readonly fault: Violation }
