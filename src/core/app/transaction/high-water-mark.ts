/**
 * High-water mark of published manifest numbers and times, read from the published tree and from the directory that a restore replaced: a
 * restored or promoted directory may not know the newest of them.
 * Invariant: nothing is issued at or below the mark (RFC 9286 section 4.2.1). Numbers rise beyond it, and a clock behind it is refused.
 */
import { isObject } from '../../base/shape.js'
import { clockBehind, epochOf, type Instant, parseInstant } from '../../base/time.js'
import { servedManifests } from '../../publication/served-manifests.js'
import { listDir } from '../../store/disk/fs.js'
import type { Session } from '../session/session.js'

export interface HighWaterMark {
  /** Sources that the mark was read from. Without any, only the Unix time keeps new numbers beyond the published ones. */
  readonly asked: readonly ('served tree' | 'replaced tree')[]
  /** Highest manifest number; null if none was found. */
  readonly manifestNumber: number | null
  /** Latest thisUpdate of a manifest, or time of the last commit of the replaced directory if that is later. */
  readonly at: Instant | null
}

const UNKNOWN: HighWaterMark = { asked: [], manifestNumber: null, at: null }

/** Reads the mark from every source there is. Decodes every manifest of the published tree. */
export async function readHighWaterMark(session: Session): Promise<HighWaterMark> {
  return higher(await publishedMark(session), replacedMark(session))
}

function higher(a: HighWaterMark, b: HighWaterMark): HighWaterMark {
  const numbers = [a.manifestNumber, b.manifestNumber].filter((n) => n !== null)
  const times = [a.at, b.at].filter((t) => t !== null)
  return {
    asked: [...a.asked, ...b.asked],
    manifestNumber: numbers.length === 0 ? null : Math.max(...numbers),
    at: times.length === 0 ? null : times.reduce((x, y) => (x > y ? x : y)),
  }
}

async function publishedMark({ repoDir, store }: Session): Promise<HighWaterMark> {
  // manifests of other keys do not count: a key that this directory lacks will sign nothing here
  const manifests = servedManifests(repoDir, new Set(listDir(store.layout.keys)))
  if (manifests === undefined) return UNKNOWN
  const [{ decodeManifest }, { decodeSignedObject }] = await Promise.all([
    import('../../rpki/manifest.js'),
    import('../../rpki/signed-object/decode-envelope.js'),
  ])
  const marks = manifests.map((bytes): HighWaterMark => {
    const eContent = decodeSignedObject(bytes).content?.eContent
    const content = eContent === undefined ? undefined : decodeManifest(eContent).content
    // no relying party accepts a manifest that cannot be decoded
    if (content === undefined || content.number > Number.MAX_SAFE_INTEGER) return UNKNOWN
    return { asked: [], manifestNumber: Number(content.number), at: content.thisUpdate }
  })
  return { ...marks.reduce(higher, UNKNOWN), asked: ['served tree'] }
}

/** Returns the mark of the directory that a restore replaced, from the record that the restore left in `status/`. */
function replacedMark({ store }: Session): HighWaterMark {
  const record = store.status.read('restored')
  if (!isObject(record) || record['seen'] !== 'replaced tree') return UNKNOWN
  const { behind, seenAt } = record
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

/** Throws `clock-behind` if the clock is behind the mark. */
export function refuseClockBehind(now: Instant, { at }: HighWaterMark): void {
  if (at !== null && now < at) throw clockBehind(now, at)
}

/** Returns the lowest number that the next manifest may have: the Unix time, or one above the mark if that is higher. */
export function numberBeyond(now: Instant, { manifestNumber }: HighWaterMark): number {
  return Math.max(epochOf(now), (manifestNumber ?? 0) + 1)
}
