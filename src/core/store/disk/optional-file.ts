/** Small files that only help: what cannot be read of them counts as not there, and nothing depends on it. */

import type { JsonObject, Shape } from '../../base/shape.js'
import { isCorrupt } from './damage.js'
import { readIfExists } from './fs.js'
import { parseShape } from './records.js'

const LIMIT = 65536

/** Undefined when there is none, or it says nothing readable. Throws `io`. */
export function readOptionalFile(path: string, shape: Shape): JsonObject | undefined {
  try {
    const bytes = readIfExists(path, LIMIT)
    return bytes === undefined ? undefined : parseShape(bytes, path, shape)
  } catch (error) {
    if (isCorrupt(error)) return undefined
    throw error
  }
}
