/** Result of parsing untrusted text: the value or the violation, so that a caller can report all violations at once. */
import type { Violation } from '../base/errors.js'

export type Parsed<T> = { readonly ok: T } | { readonly fault: Violation }
