/** Ends of the ID certificates between us and a peer, as the column of a table. */

import { earlier, type Instant } from '../../base/time.js'
import type { IdEnds } from '../../identity/id-ends.js'
import { expiryLevel } from '../../pki/expiry.js'
import type { Column } from '../output/table.js'
import type { Theme } from '../output/theme.js'

/** Column of a table of peers: when the ID certificates end. A narrow terminal shortens it first. */
export const ID_COLUMN: Column = { title: 'ID UNTIL', rank: 1, cut: 'time', usual: '' }

/** Returns the first of both ends, as a warning from 90 days before it; '' for a peer in this data directory. */
export function idCell(ends: IdEnds | null, theme: Theme, now: Instant | undefined): string {
  const known = [ends?.own, ends?.peer].filter((end) => end !== null && end !== undefined)
  if (known.length === 0) return ''
  const first = known.reduce(earlier)
  return now !== undefined && expiryLevel({ notAfter: first }, true, now) !== 'ok' ? theme.caution(first) : first
}

/** Returns `ours until T, the peer's until T`, each as a warning from 90 days before it; undefined for a peer in this data directory. */
export function idText(ends: IdEnds | null, theme: Theme, now: Instant | undefined): string | undefined {
  if (ends === null) return undefined
  const at = (end: Instant | null): string => idCell({ own: end, peer: null }, theme, now)
  return `ours until ${at(ends.own) || 'unknown'}, the peer's until ${at(ends.peer) || 'unknown'}`
}
