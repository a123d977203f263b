/**
 * What the world has seen of this history beyond what this directory knows: asked of the served tree, and of what a restore replaced.
 * Invariant: nothing is issued at or below it (RFC 9286 section 4.2.1): numbers go beyond the highest, and a clock behind the latest is refused.
 */

import { isObject } from '../../base/shape.js'
import { clockBehind, epochOf, type Instant, parseInstant } from '../../base/time.js'
import { servedManifests } from '../../publication/served-manifests.js'
import { decodeManifest } from '../../rpki/manifest.js'
import { decodeSignedObject } from '../../rpki/signed-object/decode-envelope.js'
import { listDir } from '../../store/disk/fs.js'
import type { Session } from './session.js'

export interface HighWaterMark {
  /** Who could be asked; none: the numbers jump ahead of whatever it may be. */
  readonly asked: readonly ('served tree' | 'replaced tree')[]
  /** Highest manifest number. */
  readonly manifestNumber: number | null
  /** Newest thisUpdate of a manifest, newest commit. */
  readonly at: Instant | null
}

const UNKNOWN: HighWaterMark = { asked: [], manifestNumber: null, at: null }

/** Asks whoever can be asked. Reads and decodes every manifest that is served. */
export function readHighWaterMark(session: Session): HighWaterMark {
  return both(served(session), replaced(session))
}

function both(a: HighWaterMark, b: HighWaterMark): HighWaterMark {
  const numbers = [a.manifestNumber, b.manifestNumber].filter((n) => n !== null)
  const times = [a.at, b.at].filter((t) => t !== null)
  return {
    asked: [...a.asked, ...b.asked],
    manifestNumber: numbers.length === 0 ? null : Math.max(...numbers),
    at: times.length === 0 ? null : times.reduce((x, y) => (x > y ? x : y)),
  }
}

function served({ repoDir, store }: Session): HighWaterMark {
  // a key that was made after the cut has nothing of ours to follow
  const manifests = servedManifests(repoDir, new Set(listDir(store.layout.keys)))
  if (manifests === undefined) return UNKNOWN
  const seen = manifests.map((bytes): HighWaterMark => {
    const eContent = decodeSignedObject(bytes).content?.eContent
    const content = eContent === undefined ? undefined : decodeManifest(eContent).content
    // one that no relying party can read was not seen
    if (content === undefined || content.number > Number.MAX_SAFE_INTEGER) return UNKNOWN
    return { asked: [], manifestNumber: Number(content.number), at: content.thisUpdate }
  })
  return { ...seen.reduce(both, UNKNOWN), asked: ['served tree'] }
}

/** What the tree had that a restore took the place of, as that restore noted it. */
function replaced({ store }: Session): HighWaterMark {
  const note = store.status.read('restored')
  if (!isObject(note) || note['seen'] !== 'replaced tree') return UNKNOWN
  const { behind, seenAt } = note
  const numbers = (Array.isArray(behind) ? behind : []).flatMap((b) => {
    const number = isObject(b) && b['kind'] !== 'pubserver' ? b['seenNumber'] : undefined
    return typeof number === 'number' && Number.isSafeInteger(number) ? [number] : []
  })
  return {
    asked: ['replaced tree'],
    manifestNumber: numbers.length === 0 ? null : Math.max(...numbers),
    at: typeof seenAt === 'string' ? (parseInstant(seenAt) ?? null) : null,
  }
}

/** Throws `clock-behind` where time itself would go back. */
export function refuseClockBehind(now: Instant, { at }: HighWaterMark): void {
  if (at !== null && now < at) throw clockBehind(now, at)
}

/** The lowest number that the next manifest may have: the Unix time, and beyond what was seen. */
export function numberBeyond(now: Instant, { manifestNumber }: HighWaterMark): number {
  return Math.max(epochOf(now), (manifestNumber ?? 0) + 1)
}
