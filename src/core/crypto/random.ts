/** The Random port over the operating system's source. */
import { randomBytes } from 'node:crypto'
import type { Random } from '../base/ports.js'

export const systemRandom: Random = { bytes: (length) => new Uint8Array(randomBytes(length)) }
