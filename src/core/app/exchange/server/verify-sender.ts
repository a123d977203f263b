/**
 * The children that may have sent a message to a CA, by the key that signed it. Invariant: nothing of the XML is decoded before the message
 * is verified; what the text says about its sender is repeated to the operator and decides nothing.
 */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { quoted } from '../../../base/text.js'
import type { CaState } from '../../../ca/state/state.js'
import type { KeyId } from '../../../crypto/ports.js'
import { peerDer } from '../../../identity/contact.js'
import { type IdKey, idKey } from '../../../identity/id-keys.js'
import type { Child } from '../../../issuing/children.js'
import { isSignedBy } from '../../../protocols/cms/certificate.js'
import { readIdCertificate } from '../../../protocols/cms/id-certificate.js'
import { readMessage } from '../../../protocols/cms/read-message.js'
import type { BpkiCertificate } from '../../../protocols/cms/types.js'
import { examine, type VerifiedMessage } from '../../../protocols/cms/verify.js'
import { ProtocolFault } from '../../../protocols/fault.js'
import { openMessage } from '../messages.js'

/** Children whose keys are tried for a certificate that does not name its issuer. */
const MOST_TRIED = 1000

/** Keys by which a message is verified: it may contain CA certificates that name other keys. */
const MOST_KEYS = 5

/** Octets in which the text of a message is searched for its sender. */
const HEAD = 4096

export interface Sender {
  readonly handle: Handle
  readonly child: Child
  /** Our ID key toward this child. */
  readonly id: IdKey
}

interface Candidate extends Sender {
  readonly peer: string
  readonly ski: KeyId
}

export interface VerifiedSender extends VerifiedMessage {
  /** The children with the ID key that signed the message: one, unless several were added with the same key. */
  readonly senders: readonly [Sender, ...Sender[]]
}

/** Verifies a message by the ID certificate of the child whose key signed it. Throws a ProtocolFault, and `message-refused` for an unknown key. */
export async function verifySender(
  state: CaState,
  cms: Uint8Array,
  at: VerifiedMessage['signingTime'],
): Promise<VerifiedSender> {
  const { certificates, content } = readMessage(cms)
  const candidates = candidatesOf(state, certificates, claimedSender(content))
  let first: unknown
  for (const [ski, { peer }] of [...new Map(candidates.map((one) => [one.ski, one]))].slice(0, MOST_KEYS)) {
    try {
      const verified = await openMessage(cms, { peer }, at)
      const [sender, ...more] = candidates.filter((one) => one.ski === ski)
      if (sender !== undefined) return { ...verified, senders: [sender, ...more] }
    } catch (error) {
      if (!(error instanceof ProtocolFault)) throw error
      first ??= error
    }
  }
  throw first ?? unknownKey(state, cms, at)
}

/** Returns the children whose ID key has issued a certificate of the message, or is said to have; `claimed` first. */
function candidatesOf(
  state: CaState,
  certificates: readonly BpkiCertificate[],
  claimed: string | undefined,
): readonly Candidate[] {
  const named = certificates.flatMap(({ extensions: { aki } }) => (aki === undefined ? [] : [Buffer.from(aki, 'hex')]))
  const unnamed = certificates.filter(({ extensions }) => extensions.aki === undefined)
  let tried = 0
  const isClaimed = (handle: string): boolean => handle.toLowerCase() === claimed?.toLowerCase()
  const handles = Object.keys(state.children).sort((a, b) => Number(isClaimed(b)) - Number(isClaimed(a))) as Handle[]
  return handles.flatMap((handle) => {
    const child = state.children[handle]
    const id = child?.id === undefined ? undefined : idKey(state, child.id)
    if (child?.peer === undefined || id === undefined) return []
    const der = peerDer(child.peer)
    // an ID certificate contains its key identifier: the others need not be read
    const mayBeNamed = named.some((aki) => Buffer.from(der).includes(aki))
    const isTried = unnamed.length > 0 && tried++ < MOST_TRIED
    if (!mayBeNamed && !isTried) return []
    const { ski, spki } = readIdCertificate(der)
    const isIssuer =
      certificates.some(({ extensions }) => extensions.aki === ski) ||
      (isTried && unnamed.some((one) => isSignedBy(one, spki)))
    return isIssuer ? [{ handle, child, id, peer: child.peer, ski }] : []
  })
}

/** Returns the fault of a message that no child here has signed: its own, if it has one besides. */
function unknownKey({ handle }: CaState, cms: Uint8Array, at: VerifiedMessage['signingTime']): Error {
  const { message, findings } = examine({ cms, at })
  const [fault] = findings
  if (fault !== undefined) return new ProtocolFault(fault.rule, fault.message)
  const { aki } = message.ee?.extensions ?? {}
  const claimed = claimedSender(message.reading.content)
  const key =
    aki === undefined ? 'by whose ID key the message is signed' : `with the ID key ${aki} that signed the message`
  const says = claimed === undefined ? '' : `, which says that ${quoted(claimed)} sent it`
  return new AppError('rejected', 'message-refused', `${handle} has no child ${key}${says}`)
}

/** Returns what the text of a message, which may be any octets, has as its sender. */
function claimedSender(content: Uint8Array | undefined): string | undefined {
  const head = Buffer.from(content?.subarray(0, HEAD) ?? []).toString('latin1')
  return /\ssender\s*=\s*["']([^"'<]{1,255})["']/.exec(head)?.[1]
}
