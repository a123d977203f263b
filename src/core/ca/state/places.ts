/**
 * Repositories of a CA: the one that it publishes in, and during a migration the one that it leaves (RFC 6489 with another repository).
 * Invariant: what the old repository has is withdrawn only once the new one has confirmed what replaces it. Pure.
 */
import { jsonDigest } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { RemoteRepository, Repository } from './contacts.js'
import { filesOfKeys, type PublishedFile } from './files.js'
import { nextKey } from './roll-state.js'
import type { CaState, ClassKey, ResourceClass, Synced } from './state.js'

/** `leaving`: the repository before the migration that is open. */
export type Place = 'current' | 'leaving'

export const PLACES: readonly Place[] = ['current', 'leaving']

/** Returns true if a key publishes at this place. */
export function isAt(place: Place, key: Pick<ClassKey, 'repository'>): boolean {
  return (key.repository === 'leaving') === (place === 'leaving')
}

/** Returns the repository at this place; null without one. */
export function repositoryAt({ repository, leaving }: CaState, place: Place): Repository | null {
  return place === 'current' ? repository : (leaving?.repository ?? null)
}

/** Returns the repository elsewhere at this place, unless it is abandoned. */
export function remoteAt(state: CaState, place: Place): RemoteRepository | undefined {
  const repository = repositoryAt(state, place)
  if (repository?.transport !== 'rfc8181') return undefined
  return place === 'leaving' && state.leaving?.abandonedAt !== undefined ? undefined : repository
}

/** Returns the place that is the publication server of this data directory; undefined if neither is. */
export function localPlace(state: CaState): Place | undefined {
  return PLACES.find((place) => repositoryAt(state, place)?.transport === 'local')
}

/** Returns the files that the CA wants published at this place. */
export function filesAt(state: CaState, place: Place): readonly PublishedFile[] {
  return filesOfKeys(state, (key) => isAt(place, key))
}

/** Returns the digest of what a CA wants published at a place: names and hashes, sorted. */
export function contentOf(state: CaState, place: Place = 'current'): Sha256 {
  const files = filesAt(state, place).map(({ name, sha256 }) => [name, sha256] as const)
  return jsonDigest(files.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Returns what the repository at this place confirmed last. */
export function syncedAt({ synced, leaving }: CaState, place: Place): Synced | undefined {
  return place === 'current' ? synced : leaving?.synced
}

/**
 * Returns true if the repository elsewhere at this place has not confirmed what the CA wants published there. One that is left has to
 * confirm that nothing is.
 */
export function isUnconfirmedAt(state: CaState, place: Place): boolean {
  if (remoteAt(state, place) === undefined) return false
  const synced = syncedAt(state, place)
  if (synced !== undefined) return synced.content !== contentOf(state, place)
  return place === 'leaving' || filesAt(state, place).length > 0
}

/** Returns true if a repository elsewhere of a CA has not confirmed what the CA wants published there. */
export function isUnconfirmed(state: CaState): boolean {
  return PLACES.some((place) => isUnconfirmedAt(state, place))
}

/** Returns true if a repository elsewhere in which a current key publishes has not confirmed everything: a product may not be there. */
export function isProductUnconfirmed(state: CaState): boolean {
  const keys = Object.values(state.classes).flatMap((own) => own.keys.filter((key) => key.state === 'current'))
  return PLACES.some((place) => isUnconfirmedAt(state, place) && keys.some((key) => isAt(place, key)))
}

/**
 * Returns true while the repository that is left must stay as it is: the products of an old key are published at the new one, which has not
 * confirmed them.
 */
export function isHeldBack(state: CaState): boolean {
  return usesLeaving(state, 'old') && isUnconfirmedAt(state, 'current')
}

/**
 * Stages of a migration: `keyroll` where a class has no new key, as its roll was cancelled; `activation` of the new keys, `revocation` of the old
 * ones, `withdrawal` of what is left of the CA.
 */
export type MigrationStage = 'keyroll' | 'activation' | 'revocation' | 'withdrawal'

/** Returns what a migration waits for; undefined where none is open. */
export function migrationStage(state: CaState): MigrationStage | undefined {
  if (state.leaving === undefined) return undefined
  if (usesLeaving(state, 'current')) return Object.values(state.classes).some(isWithoutRoll) ? 'keyroll' : 'activation'
  return usesLeaving(state, 'old') ? 'revocation' : 'withdrawal'
}

/** Returns true if nothing of the CA is left in the repository that it leaves, or nothing can be done about it. */
export function isLeft(state: CaState): boolean {
  return migrationStage(state) === 'withdrawal' && !isUnconfirmedAt(state, 'leaving')
}

const isWithoutRoll = (own: ResourceClass): boolean =>
  own.keys.some((key) => key.state === 'current' && isAt('leaving', key)) && nextKey(own) === undefined

function usesLeaving({ classes, leaving }: CaState, state: 'current' | 'old'): boolean {
  if (leaving === undefined) return false
  return Object.values(classes).some(({ keys }) => keys.some((key) => key.state === state && isAt('leaving', key)))
}
