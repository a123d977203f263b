/** Changes of ROAs as somebody asked for them, each with its place. Whether a set is taken, wholly or not at all, is for the CA to say. */
import type { Violation } from '../base/errors.js'
import type { RoaNote } from './roa-payload.js'

/** One ROA to add or to remove. */
export interface RoaRequest {
  readonly remove: boolean
  readonly note: RoaNote
  /** `line 4`, `added[2]`; empty where the text speaks for itself. */
  readonly place: string
}

/** What could be read, and every fault of what could not. */
export interface RoaRequests {
  readonly requests: readonly RoaRequest[]
  readonly faults: readonly Violation[]
}

/** Several times the ROAs of the largest holders; the bound keeps a wrong file from eating the memory. */
export const MAX_ROA_LINES = 100_000

export function tooManyRoas(): Violation {
  return { code: 'roa-too-many', message: `too many ROAs: more than ${MAX_ROA_LINES} in one set` }
}
