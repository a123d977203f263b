/** Ends of the ID certificates between us and a peer: after either of them the messages between both are refused. Pure. */
import type { Instant } from '../base/time.js'
import type { KeyId } from '../crypto/ports.js'
import { readIdCertificate } from '../protocols/cms/id-certificate.js'
import { ProtocolFault } from '../protocols/fault.js'
import { peerDer } from './contact.js'
import { heldUntil, idKey, type WithIds } from './id-keys.js'

export interface IdEnds {
  /** End of the certificate of our ID key that the peer has, which may be older than the newest one of that key; null if the key is not known. */
  readonly own: Instant | null
  /** End of the ID certificate of the peer; null if it cannot be read. */
  readonly peer: Instant | null
}

/** ID certificates as they are stored with a peer: of a parent or repository, a child, or a publisher. */
export interface IdLink {
  readonly id?: KeyId
  readonly idUntil?: Instant
  readonly peer?: string
}

/** Returns the ends of the ID certificates of both sides; null for a peer in this data directory, which is sent no messages. */
export function idEnds(state: WithIds, { id, idUntil, peer }: IdLink): IdEnds | null {
  if (peer === undefined) return null
  const own = id === undefined ? undefined : idKey(state, id)
  return { own: own === undefined ? null : heldUntil(own, idUntil), peer: peerEnd(peer) }
}

function peerEnd(base64: string): Instant | null {
  try {
    return readIdCertificate(peerDer(base64)).notAfter
  } catch (error) {
    // each message to or from this peer reports it
    if (error instanceof ProtocolFault) return null
    throw error
  }
}
