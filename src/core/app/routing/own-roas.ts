/** The ROAs of the CAs of this directory, as origin validation sees them. */
import type { Handle } from '../../base/handle.js'
import { payloadOf } from '../../ca/products/roa-index.js'
import { heldSets } from '../../ca/roas.js'
import type { CaState } from '../../ca/state/state.js'
import type { Work } from '../../eventsourcing/work.js'
import { containsPrefix, NO_RESOURCES, union } from '../../resources/resource-set.js'
import { formatRoaPayload } from '../../resources/roa-payload.js'
import type { ResourceSet, RoaPayload } from '../../resources/types.js'
import type { OwnRoa } from '../../routing/analysis.js'
import { readCas } from '../session/context.js'

/** Comments of ROAs that are wider than what is announced on purpose, such as for blackholing, begin so. */
export const PERMISSIVE = /^permissive\b/i

export interface ConfiguredRoa extends OwnRoa {
  readonly text: string
  readonly comment: string | null
}

/** Returns the configured ROAs of a CA. */
export function ownRoas(state: CaState): readonly ConfiguredRoa[] {
  const held = heldSets(state)
  return Object.entries(state.roas).map(([text, config]) => {
    const payload = payloadOf(config)
    const { comment } = config
    const isHeld = held.some((set) => containsPrefix(set, payload.prefix))
    return { text, payload, comment, held: isHeld, permissive: PERMISSIVE.test(comment ?? '') }
  })
}

/** Returns the addresses that a CA holds. */
export function heldBy(state: CaState): ResourceSet {
  return heldSets(state).reduce(union, NO_RESOURCES)
}

/**
 * Returns the VRPs of all CAs but this one: those of the other CAs of this directory as they are configured, and those of the validator
 * that no CA of this directory has configured, since the validator shows ours as they were.
 */
export function otherVrps(work: Work, handle: Handle, vrps: readonly RoaPayload[]): readonly RoaPayload[] {
  const ours = new Set<string>()
  const others: RoaPayload[] = []
  for (const state of readCas(work).cas) {
    for (const { text, payload, held } of ownRoas(state)) {
      if (!held) continue
      ours.add(text)
      if (state.handle !== handle) others.push(payload)
    }
  }
  return [...others, ...vrps.filter((one) => !ours.has(formatRoaPayload(one)))]
}
