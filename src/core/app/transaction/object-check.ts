/** Are the objects that a CA or trust anchor publishes there, as far as a stat can tell? For what runs often; `audit verify` reads every byte. */
import type { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { publishedFiles } from '../../ca/state.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { Work } from '../../eventsourcing/work.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { taPublishedFiles } from '../../ta/state.js'
import { caState, taState } from './context.js'

export interface ObjectDamage {
  readonly code: string
  readonly message: string
}

/** The first object that is missing or damaged, and how many more are; undefined when all are well. */
export function objectDamage(reader: StoreReader, work: Work, handle: Handle): ObjectDamage | undefined {
  const faults: AppError[] = []
  for (const file of objectsOf(work, handle)) {
    const fault = reader.objectError(file)
    if (fault !== undefined) faults.push(fault)
  }
  const [first, ...more] = faults
  if (first === undefined) return undefined
  return { code: first.code, message: `${first.message}${more.length === 0 ? '' : ` (and ${more.length} more)`}` }
}

function objectsOf(work: Work, handle: Handle): readonly { readonly sha256: Sha256; readonly size: number }[] {
  if (!work.exists('ta', handle)) return publishedFiles(caState(work, handle))
  const state = taState(work, handle)
  return state.certificate === null ? taPublishedFiles(state) : [...taPublishedFiles(state), state.certificate]
}
