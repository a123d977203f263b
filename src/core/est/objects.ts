/** Objects that the state of enrolment references: certificates, those of their CAs, and requests that are open. */
import type { Sha256 } from '../crypto/ports.js'
import type { EstState } from './state.js'

/** Returns the hash and the name of each; the name is for messages. */
export function estObjects({ requests, certificates, issuers = [] }: EstState): readonly (readonly [Sha256, string])[] {
  return [
    ...Object.entries(certificates).map(([id, { sha256 }]) => [sha256, `certificate ${id}`] as const),
    ...issuers.flatMap(({ ca, chain }) => chain.map((sha256) => [sha256, `certificate of CA ${ca}`] as const)),
    ...Object.entries(requests).map(([id, { csr }]) => [csr, `request ${id}`] as const),
  ]
}
