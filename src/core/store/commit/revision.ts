/** What reading at one commit needs. */

import type { Layout } from '../disk/paths.js'
import type { CommitLog } from './commit-log.js'

export interface Revision {
  readonly layout: Layout
  readonly log: CommitLog
  readonly head: number
  /** False in a copy that went back: newer caches are no proof of loss there. */
  readonly strict: boolean
  readonly warn: (text: string) => void
}
