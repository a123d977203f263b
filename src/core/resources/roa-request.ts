/** Requested changes of ROAs, each with its place in the input. The CA accepts or rejects a set as a unit. */
import type { Violation } from '../base/errors.js'
import type { RoaNote } from './roa-payload.js'

/** One ROA to add or to remove. */
export interface RoaRequest {
  readonly remove: boolean
  readonly note: RoaNote
  /** `line 4`, `added[2]`; empty if the text suffices. */
  readonly place: string
}

/** The changes that could be parsed, and the violations of the others. */
export interface RoaRequests {
  readonly requests: readonly RoaRequest[]
  readonly faults: readonly Violation[]
}

/** Meaning of ROAs in a file that does not say whether to add or to remove them. */
export type Unsigned = 'add' | 'remove'

export const NO_SIGN =
  'does not say whether to add or to remove the ROAs: give it to roa add --file, roa remove --file or roa replace --file'

/** Several times the ROAs of the largest holders; the bound protects memory from a wrong file. */
export const MAX_ROA_LINES = 100_000

export function tooManyRoas(): Violation {
  return { code: 'roa-too-many', message: `too many ROAs: more than ${MAX_ROA_LINES} in one set` }
}
