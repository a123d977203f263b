/** Ports that commands of the publication server need, and what follows from them alone. */
import { toHex } from '../base/bytes.js'
import type { Random } from '../base/ports.js'
import { type Instant, later } from '../base/time.js'
import type { IdPorts } from '../identity/id-keys.js'
import type { PubdState } from './state.js'

/** Limits of the deltas that the notification lists (`rrdp_delta_files_*`). Their sizes never exceed the RRDP snapshot's and their number never 300. */
export interface RetentionPolicy {
  /** Number of deltas that are kept regardless of their age. */
  readonly minNr: number
  /** Deltas younger than this are kept, regardless of their number. */
  readonly minSeconds: number
  /** Beyond the two above: at most this many, */
  readonly maxNr: number
  /** and none older than this. */
  readonly maxSeconds: number
}

export const DEFAULT_RETENTION: RetentionPolicy = { minNr: 5, minSeconds: 14_400, maxNr: 240, maxSeconds: 21_600 }

export interface PubdPorts extends IdPorts {
  readonly retention: RetentionPolicy
}

/** Returns the time of a change: now, and never before the change before it. */
export function changeTime({ updatedAt }: PubdState, { clock }: Pick<PubdPorts, 'clock'>): Instant {
  return updatedAt === '' ? clock.now() : later(clock.now(), updatedAt)
}

/** Returns 128 random bits as a folder name. */
export function newPart(random: Random): string {
  return toHex(random.bytes(16))
}
