/**
 * Small files that are only an optimisation or an aid to people. Invariant: a damaged one is treated as missing, and nothing depends on it.
 */

import type { JsonObject, Shape } from '../../base/shape.js'
import { isCorrupt } from './damage.js'
import { readIfExists } from './fs.js'
import { parseShape } from './records.js'

const LIMIT = 65536

/** Reads a file of this shape; undefined if it is missing or damaged. Throws `io`. */
export function readOptionalFile(path: string, shape: Shape): JsonObject | undefined {
  try {
    const bytes = readIfExists(path, LIMIT)
    return bytes === undefined ? undefined : parseShape(bytes, path, shape)
  } catch (error) {
    if (isCorrupt(error)) return undefined
    throw error
  }
}
