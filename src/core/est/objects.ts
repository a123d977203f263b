/** Objects that the state of enrolment references: certificates, and requests that are open. */
import type { Sha256 } from '../crypto/ports.js'
import type { EstState } from './state.js'

/** Returns the hash and the name of each; the name is for messages. */
export function estObjects({ requests, certificates }: EstState): readonly (readonly [Sha256, string])[] {
  return [
    ...Object.entries(certificates).map(([id, { sha256 }]) => [sha256, `certificate ${id}`] as const),
    ...Object.entries(requests).map(([id, { csr }]) => [csr, `request ${id}`] as const),
  ]
}
