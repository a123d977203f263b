/** States that a recovery plan leads to, replayed from the files that the plan verified, and the ROAs that are published now. */
import { entry } from '../../base/record.js'
import type { KeyId, Sha256 } from '../../crypto/ports.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import { replay } from '../../eventsourcing/work.js'
import { PUBD_HANDLE } from '../../pubd/aggregate.js'
import type { PubdState } from '../../pubd/state.js'
import type { RoaPayload } from '../../resources/types.js'
import { kindOf } from '../../rpki/object-kinds.js'
import { decodeRoa } from '../../rpki/roa.js'
import { decodeSignedObject } from '../../rpki/signed-object/decode-envelope.js'
import { isCorrupt } from '../../store/disk/damage.js'
import { readVerified } from '../../store/disk/verified-read.js'
import type { RecoverySources } from '../../store/recover/evidence.js'
import { loadPlanned, type Planned } from '../../store/recover/load.js'
import { planReferenced, type ReferencedPlan } from '../../store/recover/objects.js'
import { planOne, type RecoveryPlan } from '../../store/recover/plan-all.js'
import { rulesOf } from '../proof/digest.js'
import { referencedKeys, referencedObjects } from '../proof/referenced-files.js'

/** Returns the state that loaded files replay to. Throws `event-newer` (format). */
export function replayLoaded<S>(id: AggregateId, loaded: Pick<Planned, 'snapshot' | 'events'>): S {
  return replay(rulesOf(id), id.handle, loaded) as S
}

/** A missing object that cannot be issued again, such as a certificate of another CA. */
export interface LostObject {
  readonly sha256: Sha256
  /** Aggregate that references it, such as `est/2026-11_1`. */
  readonly aggregate: string
  /** Description, such as `certificate 0b1f6e2a9c3d4e5f` or `request …`. */
  readonly what: string
}

/** Missing and damaged files: `objects.missing` can be issued again, `lost` cannot. */
export interface PlannedFiles extends ReferencedPlan {
  readonly lost: readonly LostObject[]
}

/** Plans the repair of the objects and keys that the states of a plan reference. */
export function planReferencedFiles(places: RecoverySources, repoDir: string, plan: RecoveryPlan): PlannedFiles {
  const objects = new Set<Sha256>()
  const unique = new Map<Sha256, LostObject>()
  const keys = new Set<KeyId>()
  for (const aggregate of plan.all) {
    const state = replayLoaded<unknown>(aggregate.id, loadPlanned(aggregate))
    for (const [sha256, what] of referencedObjects(aggregate.id, state)) {
      objects.add(sha256)
      if (aggregate.id.kind === 'est') unique.set(sha256, { sha256, aggregate: formatAggregateId(aggregate.id), what })
    }
    for (const { ski } of referencedKeys(aggregate.id, state)) keys.add(ski)
  }
  const found = planReferenced(places, repoDir, objects, keys)
  const { missing } = found.objects
  return {
    ...found,
    objects: { ...found.objects, missing: missing.filter((sha256) => !unique.has(sha256)) },
    lost: missing.flatMap((sha256) => unique.get(sha256) ?? []),
  }
}

/** Returns the state of the publication server that the plan leads to; undefined if there is none or it cannot be read. */
export function plannedPubd(places: RecoverySources, { chain }: RecoveryPlan): PubdState | undefined {
  const id: AggregateId = { kind: 'pubd', handle: PUBD_HANDLE }
  if (!chain.members.some((m) => formatAggregateId(m) === formatAggregateId(id))) return undefined
  try {
    return replayLoaded<PubdState>(id, loadPlanned(planOne(places, chain, id)))
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return undefined
  }
}

/** Returns the ROAs that a CA publishes now, decoded from the published objects. */
export function publishedRoas(
  places: RecoverySources,
  state: PubdState | undefined,
  { handle }: AggregateId,
): readonly RoaPayload[] {
  const objects = state === undefined ? undefined : entry(state.publishers, handle)?.objects
  return Object.entries(objects ?? {}).flatMap(([name, { sha256 }]) => {
    if (kindOf(name) !== 'roa') return []
    const bytes = readVerified(places.layout.object(sha256), sha256)
    return bytes === undefined ? [] : payloadsOf(bytes)
  })
}

function payloadsOf(bytes: Uint8Array): readonly RoaPayload[] {
  const eContent = decodeSignedObject(bytes).content?.eContent
  const content = eContent === undefined ? undefined : decodeRoa(eContent).content
  return (content?.addresses ?? []).map(({ family, address, length, maxLength }) => ({
    asn: content?.asn ?? 0,
    prefix: { family, address, length },
    maxLength: maxLength ?? length,
  }))
}
