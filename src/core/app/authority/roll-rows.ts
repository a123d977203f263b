/** Open key rolls and retired keys of CAs, as reports list them. */
import type { Handle } from '../../base/handle.js'
import { addSeconds, type Instant } from '../../base/time.js'
import {
  activationAllowedAt,
  activationDueAt,
  KEPT_SECONDS,
  type RollStage,
  type RollWait,
  resourcesLacking,
  rollStage,
  rollWait,
} from '../../ca/state/roll-state.js'
import { type CaState, currentKey, type ResourceClass, repositoryOf } from '../../ca/state/state.js'
import type { KeyId } from '../../crypto/ports.js'
import { formatResources, isEmpty } from '../../resources/resource-set.js'
import { kindOf } from '../../rpki/object-kinds.js'
import type { TransactionContext } from '../session/context.js'
import { unconfirmedAbove } from './roll-waits.js'

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
  /** Time at which the repository of a parent in this data directory confirmed the certificate of the new key; null before, and where it publishes here. */
  readonly parentPublishedAt: Instant | null
  /** Step that comes next, or the confirmation that has to come first; null where no roll is open. */
  readonly waitsFor: RollWait | null
  /** Time from which `keyroll activate` needs no override; null while the roll waits for something else. */
  readonly allowedAt: Instant | null
  /** Time at which `tick` activates the new key; null: the operator does, or the roll waits for something else. */
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
export function rollRows(tx: Pick<TransactionContext, 'work'>, state: CaState): readonly RollRow[] {
  const awaited = unconfirmedAbove(tx, state)
  return Object.values(state.classes).map((own) => rollRow(state, own, awaited.includes(own.name)))
}

function rollRow(ca: CaState, own: ResourceClass, awaitsParent: boolean): RollRow {
  const { roll } = own
  const lacking = resourcesLacking(own)
  const stage = rollStage(own) ?? 'none'
  const waitsFor = rollWait(own, awaitsParent)
  const isNext = waitsFor === 'activation'
  return {
    ca: ca.handle,
    class: own.name,
    parent: own.parent,
    stage,
    startedAt: roll?.startedAt ?? null,
    stagedAt: roll?.stagedAt ?? null,
    publishedAt: roll?.publishedAt ?? null,
    parentPublishedAt: roll?.parentPublishedAt ?? null,
    waitsFor,
    allowedAt: isNext ? activationAllowedAt(own) : null,
    activatesAt: isNext ? activationDueAt(own) : null,
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
  return objects.filter((name) => kindOf(name) !== 'cer' && kindOf(name) !== 'router').length + 2
}

/** Returns the retired keys of a CA, the oldest first. */
export function retiredRows({ handle, retired = {} }: CaState): readonly RetiredKeyRow[] {
  const rows = Object.entries(retired).map(([ski, retiredAt]) => {
    return { ca: handle, ski: ski as KeyId, retiredAt, destroysAt: addSeconds(retiredAt, KEPT_SECONDS) }
  })
  return rows.sort((a, b) => (a.retiredAt < b.retiredAt ? -1 : a.retiredAt > b.retiredAt ? 1 : 0))
}
