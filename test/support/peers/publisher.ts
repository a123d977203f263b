/** A publisher elsewhere with a fixed ID key: it is added to the publication server of a session, and sends it queries. */
import { answerPublication } from '../../../src/core/app/exchange/server/answer-publication.js'
import { addPublisher } from '../../../src/core/app/exchange/server/publisher-contact.js'
import type { Session } from '../../../src/core/app/session/session.js'
import { type Handle, parseHandle } from '../../../src/core/base/handle.js'
import type { Instant } from '../../../src/core/base/time.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { encodePublicationQuery } from '../../../src/core/protocols/publication/encode.js'
import type { Pdu, PublicationReply } from '../../../src/core/protocols/publication/types.js'
import { encodeSetup } from '../../../src/core/protocols/setup/encode.js'
import { type Party, partyOf } from './parties.js'

export interface ForeignPublisher {
  readonly handle: Handle
  readonly base: string
  readonly party: Party
  /** Returns the PDU that publishes a text; `before` is the text that it replaces. */
  put(name: string, text: string, before?: string): Pdu
  drop(name: string, before: string): Pdu
  /** Returns the signed query: a list without PDUs. */
  message(at: Instant, pdus?: readonly Pdu[]): Promise<Uint8Array>
  /** Sends a query, signed at the time of the session. Throws the fault of a server that fails. */
  ask(session: Session, pdus?: readonly Pdu[]): Promise<PublicationReply>
}

export const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text))
export const hashOf = (text: string): string => sha256Hex(bytesOf(text))

/** Adds a publisher whose ID key is fixed key `index`. */
export async function foreignPublisher(session: Session, name: string, index: number): Promise<ForeignPublisher> {
  const party = await partyOf(index)
  const handle = parseHandle(name)
  const request = bytesOf(
    encodeSetup({ kind: 'publisher_request', publisherHandle: handle, referrals: [], id: party.certificate.der }),
  )
  const { base } = await addPublisher(session, { publisher: handle, request, serviceBase: 'https://rpki.example.net/' })
  return publisherAt(party, handle, base)
}

/** Returns the publisher that was added with this base. */
export function publisherAt(party: Party, handle: Handle, base: string): ForeignPublisher {
  const message = (at: Instant, pdus?: readonly Pdu[]): Promise<Uint8Array> =>
    party.say(encodePublicationQuery(pdus === undefined ? { type: 'list' } : { type: 'delta', pdus }), at)
  return {
    ...{ handle, base, party, message },
    put: (file, text, before) => ({
      ...{ kind: 'publish', tag: `t-${file}`, uri: base + file, bytes: bytesOf(text) },
      ...(before === undefined ? {} : { hash: hashOf(before) }),
    }),
    drop: (file, before) => ({ kind: 'withdraw', tag: `t-${file}`, uri: base + file, hash: hashOf(before) }),
    ask: async (session, pdus) => {
      const { reply, fault } = await answerPublication(session, handle, await message(session.now(), pdus))
      // the server tells the sender that it failed, and the operator why
      if (fault !== undefined) throw fault
      return reply
    },
  }
}
