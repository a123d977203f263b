/**
 * Requests of a CA to a parent that are open, from its state alone (RFC 6492 sections 3.4 and 3.5). A parent in this data directory carries it out in the
 * same commit, one elsewhere is sent it. What is not answered stays open: it is asked again, with the same key.
 */
import type { Handle } from '../../base/handle.js'
import type { Instant } from '../../base/time.js'
import type { KeyId } from '../../crypto/ports.js'
import type { CaState, ClassKey, ResourceClass } from './state.js'

export interface OpenRequest {
  readonly kind: 'issue' | 'revoke'
  /** The CA's own name of the class. */
  readonly class: string
  readonly ski: KeyId
}

function mayRevoke({ roll }: ResourceClass): boolean {
  return roll === undefined || roll.compromised || roll.publishedAt !== null
}

/** Returns true if the certificate of a key differs from what the parent lists for the class, so that another must be requested. */
export type IsOutdated = (resourceClass: ResourceClass, key: ClassKey) => boolean

/**
 * Returns the open requests to a parent: `issue` for each key without a certificate and each whose certificate `isOutdated`, `revoke` for each
 * key that was given up, whether or not its certificate ever arrived. What is issued comes first.
 * An old key is not revoked before a repository elsewhere has what replaces it (RFC 6489 section 2, step 6), unless it is compromised.
 */
export function openRequests(
  state: CaState,
  parent: Handle,
  isOutdated: IsOutdated = () => false,
): readonly OpenRequest[] {
  if (state.status !== 'active' || state.repository === null) return []
  const issue: OpenRequest[] = []
  const revoke: OpenRequest[] = []
  for (const own of Object.values(state.classes)) {
    if (own.parent !== parent) continue
    for (const key of own.keys) {
      const request = { class: own.name, ski: key.ski }
      if (key.state === 'old') {
        if (mayRevoke(own)) revoke.push({ kind: 'revoke', ...request })
      } else if (key.certificate === null || isOutdated(own, key)) issue.push({ kind: 'issue', ...request })
    }
  }
  return [...issue, ...revoke]
}

/**
 * Returns the revocations of keys that a parent lists and the CA does not know, whose time has come (RFC 6492 section 3.5). None in a class with
 * another request open: a key that issues comes before one that does not.
 */
export function unexpectedRequests(
  { status, classes }: CaState,
  parent: Handle,
  now: Instant,
  open: readonly OpenRequest[],
): readonly OpenRequest[] {
  if (status !== 'active') return []
  return Object.values(classes).flatMap(({ name, parent: of, listed, doubt }): readonly OpenRequest[] => {
    if (of !== parent || doubt !== undefined || open.some((request) => request.class === name)) return []
    const due = Object.entries(listed?.unexpected ?? {}).filter(([, at]) => at <= now)
    return due.map(([ski]) => ({ kind: 'revoke', class: name, ski: ski as KeyId }))
  })
}
