/** Open key rolls and retired keys of CAs, as reports list them. */
import type { Handle } from '../../base/handle.js'
import { addSeconds, type Instant } from '../../base/time.js'
import {
  activationAllowedAt,
  activationDueAt,
  KEPT_SECONDS,
  type RollStage,
  resourcesLacking,
  rollStage,
} from '../../ca/roll-state.js'
import { type CaState, currentKey, type ResourceClass, repositoryOf } from '../../ca/state.js'
import type { KeyId } from '../../crypto/ports.js'
import { formatResources, isEmpty } from '../../resources/resource-set.js'
import { kindOf } from '../../rpki/object-kinds.js'

export interface RollKeyRow {
  readonly state: string
  readonly ski: KeyId
  readonly manifestNumber: number
  readonly nextUpdate: Instant | null
  /** End of the certificate of the key; null before the parent has issued it. */
  readonly notAfter: Instant | null
  /** Base of the repository in which it publishes; null before the CA has one. */
  readonly repository: string | null
}

/** A resource class and its key roll. */
export interface RollRow {
  readonly ca: Handle
  readonly class: string
  readonly parent: Handle
  /** `none` where no roll is open. */
  readonly stage: RollStage | 'none'
  readonly startedAt: Instant | null
  /** Time at which the new key got its certificate and its first manifest. */
  readonly stagedAt: Instant | null
  /** Time at which a repository elsewhere confirmed it; null before, and where the CA publishes here. */
  readonly publishedAt: Instant | null
  /** Time from which `keyroll activate` needs no override. */
  readonly allowedAt: Instant | null
  /** Time at which `tick` activates the new key; null: the operator does. */
  readonly activatesAt: Instant | null
  readonly compromised: boolean
  /** Resources of the current certificate that the one of the new key lacks; null for none. */
  readonly lacking: string | null
  /** One-time keys that the activation needs. */
  readonly oneTimeKeys: number
  readonly keys: readonly RollKeyRow[]
}

/** A key that no class uses any more and whose private half is still stored. */
export interface RetiredKeyRow {
  readonly ca: Handle
  readonly ski: KeyId
  readonly retiredAt: Instant
  /** Time from which `tick` destroys it. */
  readonly destroysAt: Instant
}

/** Returns a row for each class of a CA. */
export function rollRows(state: CaState): readonly RollRow[] {
  return Object.values(state.classes).map((own) => rollRow(state, own))
}

function rollRow(ca: CaState, own: ResourceClass): RollRow {
  const { roll } = own
  const lacking = resourcesLacking(own)
  const stage = rollStage(own) ?? 'none'
  return {
    ca: ca.handle,
    class: own.name,
    parent: own.parent,
    stage,
    startedAt: roll?.startedAt ?? null,
    stagedAt: roll?.stagedAt ?? null,
    publishedAt: roll?.publishedAt ?? null,
    allowedAt: stage === 'staging' ? activationAllowedAt(own) : null,
    activatesAt: activationDueAt(own),
    compromised: roll?.compromised ?? false,
    lacking: isEmpty(lacking) ? null : formatResources(lacking),
    oneTimeKeys: stage === 'staging' || stage === 'pending' ? oneTimeKeys(own) : 0,
    keys: own.keys.map(({ state, ski, point, certificate, ...key }) => ({
      state,
      ski,
      manifestNumber: point.number,
      nextUpdate: point.nextUpdate,
      notAfter: certificate?.notAfter ?? null,
      repository: repositoryOf(ca, key)?.base ?? null,
    })),
  }
}

/** One for each signed object that the new key takes over, and one for the manifest of each of the two keys. */
function oneTimeKeys(own: ResourceClass): number {
  const objects = Object.keys(currentKey(own)?.point.objects ?? {})
  return objects.filter((name) => kindOf(name) !== 'cer').length + 2
}

/** Returns the retired keys of a CA, the oldest first. */
export function retiredRows({ handle, retired = {} }: CaState): readonly RetiredKeyRow[] {
  const rows = Object.entries(retired).map(([ski, retiredAt]) => {
    return { ca: handle, ski: ski as KeyId, retiredAt, destroysAt: addSeconds(retiredAt, KEPT_SECONDS) }
  })
  return rows.sort((a, b) => (a.retiredAt < b.retiredAt ? -1 : a.retiredAt > b.retiredAt ? 1 : 0))
}
