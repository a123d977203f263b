/** A revision: the store as of one commit. */

import type { Layout } from '../disk/paths.js'
import type { CommitLog } from './commit-log.js'

export interface Revision {
  readonly layout: Layout
  readonly log: CommitLog
  readonly head: number
  /** False in a copy opened at an older commit: newer caches do not prove a loss there. */
  readonly strict: boolean
  readonly warn: (text: string) => void
}
