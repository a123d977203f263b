/** Messages in CMS between an ID key of ours and a peer: the one place where app code signs and verifies them. */
import type { Random } from '../../base/ports.js'
import type { Instant } from '../../base/time.js'
import type { Signer } from '../../crypto/ports.js'
import { type PeerContact, peerDer } from '../../identity/contact.js'
import type { IdKey } from '../../identity/id-keys.js'
import { spkiOf } from '../../issuing/stored.js'
import type { VerifiedMessage } from '../../protocols/cms/verify.js'

export interface MessagePorts {
  readonly signer: Pick<Signer, 'sign' | 'signOneOff'>
  readonly random: Random
}

/** Signs a message with an ID key of ours. `at` is its signing time. Returns DER. */
export async function sealMessage(ports: MessagePorts, id: IdKey, xml: string, at: Instant): Promise<Uint8Array> {
  const { signMessage } = await import('../../protocols/cms/sign.js')
  const { signer, random } = ports
  return signMessage({
    content: new TextEncoder().encode(xml),
    id: { ski: id.ski, spki: spkiOf(id.spki), sign: (tbs) => signer.sign(id.ski, tbs) },
    ...{ at, signer, random },
  })
}

/**
 * Verifies a message by the ID certificate of the peer at the time of receipt. Returns its content and signing time. Throws a ProtocolFault
 * that names the rule it breaks.
 */
export async function openMessage(
  cms: Uint8Array,
  peer: Pick<PeerContact, 'peer' | 'acceptStaleCrl'>,
  at: Instant,
): Promise<VerifiedMessage> {
  const [{ verifyMessage }, { readIdCertificate }] = await Promise.all([
    import('../../protocols/cms/verify.js'),
    import('../../protocols/cms/id-certificate.js'),
  ])
  const id = readIdCertificate(peerDer(peer.peer))
  return verifyMessage({ cms, id, at, ...(peer.acceptStaleCrl === true ? { acceptStaleCrl: true } : {}) })
}
