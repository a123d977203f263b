/** Two parties of RFC 6492 or RFC 8181 with fixed ID keys and ID certificates: a parent or publication server, and a child or publisher. */
import { createHash, sign } from 'node:crypto'
import type { Random } from '../../../src/core/base/ports.js'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import type { FreshKey } from '../../../src/core/crypto/key-maker.js'
import type { Signer } from '../../../src/core/crypto/ports.js'
import { makeIdCertificate, readIdCertificate } from '../../../src/core/protocols/cms/id-certificate.js'
import { signMessage } from '../../../src/core/protocols/cms/sign.js'
import type { IdCertificate, IdSigner } from '../../../src/core/protocols/cms/types.js'
import { type VerifiedMessage, verifyMessage } from '../../../src/core/protocols/cms/verify.js'
import { FIXED_KEYS, fixedKey } from '../rpki/fixed-keys.js'

export interface Party {
  readonly id: IdSigner
  /** Valid from 2026-01-01 to 2041-01-01. */
  readonly certificate: IdCertificate
  /** Returns the text, or the bytes, as a message of this party. */
  say(content: string | Uint8Array, at: Instant): Promise<Uint8Array>
  /** Returns what another party said to this one. Throws a ProtocolFault. */
  hear(cms: Uint8Array, from: Party, at: Instant): VerifiedMessage
}

/** Returns the party whose ID key is fixed key `index`. Its one-time keys are other fixed keys, in rotation. */
export async function partyOf(index: number): Promise<Party> {
  const key = fixedKey(index)
  const id: IdSigner = { ski: key.id, spki: key.spki, sign: (tbs) => signWith(key, tbs) }
  const notBefore = '2026-01-01T00:00:00Z' as Instant
  const notAfter = addSeconds(notBefore, 15 * 365 * 86_400)
  const der = await makeIdCertificate({ ...id, notBefore, notAfter, serial: 1n })
  const random = countingRandom(index)
  const signer = oneTimeKeys(index)
  return {
    id,
    certificate: readIdCertificate(der),
    say: (content, at) =>
      signMessage({ content: typeof content === 'string' ? Buffer.from(content) : content, id, at, signer, random }),
    hear: (cms, from, at) => verifyMessage({ cms, id: from.certificate, at }),
  }
}

/** Returns two parties with different ID keys. */
export async function twoParties(): Promise<{ readonly parent: Party; readonly child: Party }> {
  const [parent, child] = await Promise.all([partyOf(0), partyOf(1)])
  return { parent, child }
}

/** Returns a source of different bytes that are the same in every run. */
export function countingRandom(seed: number): Random {
  let count = 0
  return {
    bytes: (length) => new Uint8Array(createHash('sha512').update(`${seed} ${count++}`).digest().subarray(0, length)),
  }
}

/** Returns the half of a signer that signs once, over fixed keys other than `index`. */
export function oneTimeKeys(index: number): Pick<Signer, 'signOneOff'> {
  let drawn = index
  return {
    signOneOff: (build) => {
      drawn = (drawn + 1) % FIXED_KEYS
      if (drawn === index) drawn = (drawn + 1) % FIXED_KEYS
      const key = fixedKey(drawn)
      return build({ id: key.id, spki: key.spki, sign: (tbs) => signWith(key, tbs) })
    },
  }
}

async function signWith({ privateKey }: FreshKey, tbs: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(sign('sha256', tbs, privateKey))
}
