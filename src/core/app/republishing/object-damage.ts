/** Damage of the objects that a CA or trust anchor publishes, as far as a stat shows it. Cheap enough for each `tick`; `audit verify` reads every byte. */
import type { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { publishedFiles } from '../../ca/state/files.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { Work } from '../../eventsourcing/work.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { taPublishedFiles } from '../../ta/state.js'
import { caState, taState } from '../session/context.js'

export interface ObjectDamage {
  readonly code: string
  readonly message: string
}

/** Returns the first missing or damaged object and the number of further ones; undefined if every object is intact. */
export function objectDamage(reader: StoreReader, work: Work, handle: Handle): ObjectDamage | undefined {
  const damaged: AppError[] = []
  for (const file of objectsOf(work, handle)) {
    const error = reader.objectError(file)
    if (error !== undefined) damaged.push(error)
  }
  const [first, ...more] = damaged
  if (first === undefined) return undefined
  return { code: first.code, message: `${first.message}${more.length === 0 ? '' : ` (and ${more.length} more)`}` }
}

function objectsOf(work: Work, handle: Handle): readonly { readonly sha256: Sha256; readonly size: number }[] {
  if (!work.exists('ta', handle)) return publishedFiles(caState(work, handle))
  const state = taState(work, handle)
  return state.certificate === null ? taPublishedFiles(state) : [...taPublishedFiles(state), state.certificate]
}
