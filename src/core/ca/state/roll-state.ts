/** Open key rolls of a CA, read from its state: the stage that a class has reached, and when its new key takes over (RFC 6489 section 2). */
import { entry } from '../../base/record.js'
import { addSeconds, type Instant } from '../../base/time.js'
import { difference, fromResourceText, isEmpty, NO_RESOURCES } from '../../resources/resource-set.js'
import type { ResourceSet } from '../../resources/types.js'
import { type CaState, type ClassKey, currentKey, type KeyRoll, type ResourceClass } from './state.js'

/** Seconds for which a new key is staged, so that relying parties have its certificate before anything is signed with it. */
export const STAGING_SECONDS = 24 * 3600

/** Seconds for which a retired private key is kept: until then a copy of the data directory that is being taken may still need it. */
export const KEPT_SECONDS = 24 * 3600

/** `pending`: waits for the certificate of the new key; `staging`: for activation; `old`: for the revocation of the old key. */
export type RollStage = 'pending' | 'staging' | 'old'

/** Returns the key that takes over in an open roll, until it is activated. */
export function nextKey({ keys, roll }: ResourceClass): ClassKey | undefined {
  // without a roll a pending key is the first one of its class
  return roll === undefined ? undefined : keys.find(({ state }) => state === 'pending' || state === 'new')
}

/** Returns the stage of a class; undefined where no roll is open. */
export function rollStage(resourceClass: ResourceClass): RollStage | undefined {
  const next = nextKey(resourceClass)
  if (next !== undefined) return next.state === 'new' ? 'staging' : 'pending'
  return resourceClass.keys.some(({ state }) => state === 'old') ? 'old' : undefined
}

/**
 * Returns the time from which the operator may activate the new key without an override; null before it is staged, and before the
 * repositories elsewhere have confirmed it and its certificate.
 */
export function activationAllowedAt({ roll }: ResourceClass): Instant | null {
  const since = stagedSince(roll)
  if (roll === undefined || since === null) return null
  return roll.compromised ? since : addSeconds(since, Math.min(STAGING_SECONDS, roll.activateAfter ?? STAGING_SECONDS))
}

/**
 * Returns the time from which relying parties can have the certificate of the new key and its products (RFC 6489 section 2, step 3): a compromised
 * one is replaced before that.
 */
function stagedSince(roll: KeyRoll | undefined): Instant | null {
  if (roll === undefined || roll.stagedAt === null || roll.compromised) return roll?.stagedAt ?? null
  const { stagedAt, publishedAt = stagedAt, parentPublishedAt = stagedAt } = roll
  if (publishedAt === null || parentPublishedAt === null) return null
  return publishedAt < parentPublishedAt ? parentPublishedAt : publishedAt
}

/**
 * Facts that a roll waits for: `certificate` and `revocation` from the parent, `repository` that has to confirm the last step, `parent-repository` that has to
 * confirm the certificate of the new key, `resources` that this certificate lacks, and `activation` when nothing else is open.
 */
export type RollWait = 'certificate' | 'repository' | 'parent-repository' | 'resources' | 'activation' | 'revocation'

/** Returns what the roll of a class waits for; null where none is open. `awaitsParent`: the parent publishes elsewhere, unconfirmed. */
export function rollWait(own: ResourceClass, awaitsParent: boolean): RollWait | null {
  const { roll } = own
  const stage = rollStage(own)
  if (stage === undefined) return null
  if (stage === 'pending') return 'certificate'
  const isUnconfirmed = roll?.publishedAt === null && !roll.compromised
  if (stage === 'old') return isUnconfirmed ? 'repository' : 'revocation'
  if (roll?.compromised === true) return 'activation'
  if (!isEmpty(resourcesLacking(own))) return 'resources'
  if (isUnconfirmed) return 'repository'
  return awaitsParent || roll?.parentPublishedAt === null ? 'parent-repository' : 'activation'
}

/** Returns the resources of the current certificate that the one of the new key lacks: what would be withdrawn by an activation. */
export function resourcesLacking(resourceClass: ResourceClass): ResourceSet {
  const next = nextKey(resourceClass)?.certificate ?? null
  const current = currentKey(resourceClass)
  if (next === null || current === undefined) return NO_RESOURCES
  return difference(fromResourceText(current.certificate.resources), fromResourceText(next.resources))
}

/**
 * Returns the time at which `tick` activates the new key; null while it is not staged and published, where the operator activates it, and while its
 * certificate lacks resources of the current one, unless that key is compromised.
 */
export function activationDueAt(resourceClass: ResourceClass): Instant | null {
  const { roll } = resourceClass
  const since = stagedSince(roll)
  if (roll === undefined || since === null || rollStage(resourceClass) !== 'staging') return null
  if (roll.compromised) return since
  if (roll.activateAfter === null || !isEmpty(resourcesLacking(resourceClass))) return null
  return addSeconds(since, roll.activateAfter)
}

/** Returns the member of an event of a CA that publishes elsewhere: the step counts once the repository has confirmed it. */
export function repositoryWait({ repository }: CaState): { readonly awaitsRepository?: true } {
  return repository?.transport === 'rfc8181' ? { awaitsRepository: true } : {}
}

/** Returns true if a key of a class was staged or took over between two states: what follows from it at parents and repositories must not come first. */
export function isKeyMoved(before: Pick<CaState, 'classes'>, after: Pick<CaState, 'classes'>): boolean {
  if (before.classes === after.classes) return false
  return Object.values(after.classes).some(({ name, keys }) => {
    const was = entry(before.classes, name)?.keys
    if (was === undefined || was === keys) return false
    const isNow = (state: ClassKey['state']): boolean => {
      const ski = keys.find((key) => key.state === state)?.ski
      return ski !== undefined && was.find((key) => key.state === state)?.ski !== ski
    }
    // the first key of a class takes over from none
    return isNow('new') || (was.some(({ state }) => state === 'current') && isNow('current'))
  })
}
