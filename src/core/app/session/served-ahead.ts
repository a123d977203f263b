/**
 * Check that the published tree shows nothing that this history did not issue. It does after the volume of the data directory was rolled back
 * while `repo_dir` lies on another one: then serials and manifest numbers would be used twice (RFC 8182 section 3.3.1, RFC 9286 section 4.2.1).
 * Invariant: checked under the write lock, before the commit. A tree of an earlier generation is left to the renumbering, and one of another
 * history is the operator's choice.
 */
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { Work } from '../../eventsourcing/work.js'
import { isOlderClaim } from '../../publication/primary-claim.js'
import { type ServedManifest, servedManifestFiles } from '../../publication/served-manifests.js'
import { servedSerials } from '../../publication/writer.js'
import { pubdState, readCas, taState } from './context.js'
import { servedAhead, writingPrimary } from './role.js'
import type { Session } from './session.js'

/** Throws `served-ahead` (standby) with the file if the published tree is ahead of the committed state. */
export async function refuseServedAhead(session: Session, work: Work): Promise<void> {
  const { repoDir } = session
  const mine = writingPrimary(session)
  if (mine === undefined || isOlderClaim(repoDir, mine)) return
  const state = pubdState(work)
  const served = servedSerials(repoDir)
  for (const [file, found] of [
    ['rrdp/notification.xml', served.rrdp],
    ['rsync/current', served.rsync],
  ] as const)
    if (found !== null && found.session === state.sessionId && found.serial > state.serial)
      throw servedAhead(
        `${repoDir}/${file}`,
        `has serial ${found.serial} of RRDP session ${found.session}, and this history ends at serial ${state.serial}`,
      )
  // an interrupted publication of a new session, or a session that this history does not know
  if (served.rrdp === null || served.rrdp.session !== state.sessionId) await refuseForeignManifest(repoDir, work)
}

async function refuseForeignManifest(repoDir: string, work: Work): Promise<void> {
  const points = issuedPoints(work)
  const manifests = servedManifestFiles(repoDir, points) ?? []
  if (manifests.length === 0) return
  const [{ decodeManifest }, { decodeSignedObject }] = await Promise.all([
    import('../../rpki/manifest.js'),
    import('../../rpki/signed-object/decode-envelope.js'),
  ])
  for (const { path, ski, bytes } of manifests) {
    const eContent = decodeSignedObject(bytes).content?.eContent
    const number = eContent === undefined ? undefined : decodeManifest(eContent).content?.number
    const own = points.get(ski)
    if (number === undefined || own === undefined || !isForeign({ ski, bytes }, number, own)) continue
    throw servedAhead(path, `is manifest ${number}, which this history did not issue: it ends at ${own.number}`)
  }
}

function isForeign({ bytes }: Pick<ServedManifest, 'ski' | 'bytes'>, number: bigint, own: IssuedPoint): boolean {
  if (number !== BigInt(own.number)) return number > BigInt(own.number)
  return own.sha256 !== undefined && sha256Hex(bytes) !== own.sha256
}

interface IssuedPoint {
  readonly number: number
  readonly sha256: Sha256 | undefined
}

/** Returns number and hash of the newest manifest of each key. */
function issuedPoints(work: Work): ReadonlyMap<string, IssuedPoint> {
  const keys = [
    ...readCas(work).cas.flatMap((ca) => Object.values(ca.classes).flatMap((c) => c.keys)),
    ...work.handles('ta').flatMap((handle) => {
      const { key, point } = taState(work, handle)
      return key === null ? [] : [{ ski: key.ski, point }]
    }),
  ]
  return new Map(
    keys.map(({ ski, point }) => [ski, { number: point.number, sha256: point.manifest?.sha256 } as IssuedPoint]),
  )
}
