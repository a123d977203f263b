/** Desired state: what the operator configures of CAs, as a value. Invariant: the same configuration has the same value, whichever file or directory it is of. */
import type { Handle } from '../base/handle.js'
import { compareRoaPayload, fromRoaKey } from '../resources/roa-payload.js'

/** Version of the file. A reader refuses a newer one. */
export const FORMAT = 1

/** The configuration of one CA. A list that is absent is not part of the desired state: it is left alone. */
export interface DesiredCa {
  readonly handle: Handle
  /** Parents in the same data directory, with the resources that each gives to this CA, as canonical text. */
  readonly parents?: ReadonlyMap<string, string>
  /** Children that are no CAs with this parent in the same data directory, with the resources that they are entitled to, as canonical text. */
  readonly children?: ReadonlyMap<string, string>
  /** Comments of ROAs by their text `P-L => ASN`; null: it has none. */
  readonly roas?: ReadonlyMap<string, string | null>
  /** Providers and comment of ASPAs, `AS64497, AS64498 # comment`, by their customer AS (aspas.ts). */
  readonly aspas?: ReadonlyMap<string, string>
  /** BGP Identifier, request and comment of router keys, by their name (routers.ts). */
  readonly routers?: ReadonlyMap<string, string>
}

export interface DesiredState {
  /** By handle. */
  readonly cas: ReadonlyMap<Handle, DesiredCa>
}

/** Returns the CAs in the order of a file. */
export function sortedCas({ cas }: DesiredState): readonly DesiredCa[] {
  return [...cas.values()].sort((a, b) => (a.handle < b.handle ? -1 : 1))
}

/** Returns the entries of a list in the order of their keys. */
export function sortedShares(list: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  return [...list].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Returns ROAs in the order of `roa list`: IPv4 before IPv6, then by address, length, maxLength, ASN. */
export function sortedRoas(texts: Iterable<string>): readonly string[] {
  return [...texts]
    .map((text) => ({ text, payload: fromRoaKey(text) }))
    .sort((a, b) => compareRoaPayload(a.payload, b.payload))
    .map(({ text }) => text)
}
