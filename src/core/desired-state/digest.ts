/** Digest of a plan: over its changes and over the state of the CAs that it was made from. */
import { jsonDigest } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import type { CaPlan } from './difference.js'
import { type DesiredCa, type DesiredState, sortedCas } from './state.js'

/** Returns the same digest for the same file against the same state, in a data directory or exported from it. */
export function planDigest(
  current: DesiredState,
  wanted: DesiredState,
  cas: readonly CaPlan[],
  prune: boolean,
): Sha256 {
  const base = sortedCas(wanted).map(({ handle }) => listed(current.cas.get(handle)))
  return jsonDigest({ prune, base, cas })
}

function listed(ca: DesiredCa | undefined) {
  if (ca === undefined) return null
  const {
    handle,
    parents = new Map(),
    children = new Map(),
    roas = new Map(),
    aspas = new Map(),
    routers = new Map(),
  } = ca
  return {
    ...{ handle, parents: sorted(parents), children: sorted(children), roas: sorted(roas) },
    aspas: sorted(aspas),
    ...(routers.size === 0 ? {} : { routers: sorted(routers) }),
  }
}

function sorted(list: ReadonlyMap<string, string | null>): readonly (readonly [string, string | null])[] {
  return [...list].sort(([a], [b]) => (a < b ? -1 : 1))
}
