/**
 * A signer that counts: a command is rehearsed with it, without the lock, to learn how many keys it will use.
 * Invariant: it makes no key, reads no private key for signing, stores nothing; what it "signs" must never be committed.
 */
import { concat, fromHex } from '../base/bytes.js'
import { keyIdOf, sha256 } from './digest.js'
import type { KeyDemand, KeyId, PublicKey, Signer } from './ports.js'

/** SubjectPublicKeyInfo up to the modulus: SEQUENCE { { rsaEncryption, NULL }, BIT STRING { SEQUENCE { INTEGER 00… */
const BEFORE_MODULUS = hex('30820122300d06092a864886f70d01010105000382010f003082010a0282010100')
/** INTEGER 65537. */
const EXPONENT = hex('0203010001')
const SIGNATURE_BYTES = 256

export interface RehearsalSigner extends Signer {
  /** The keys asked for so far. */
  demand(): KeyDemand
}

/** `stored` gives the public half of a key of the real store (`readPublicKey`); a key made in the rehearsal is known here. */
export function createRehearsalSigner(stored: (id: KeyId) => PublicKey): RehearsalSigner {
  const made = new Map<KeyId, PublicKey>()
  let oneTime = 0
  const dummy = async (): Promise<Uint8Array> => new Uint8Array(SIGNATURE_BYTES)
  return {
    async createKey() {
      const key = publicKeyOf(`lasting ${made.size}`)
      made.set(key.id, key)
      return key
    },
    publicKey: async (id) => made.get(id) ?? stored(id),
    sign: dummy,
    signOneOff: (build) => build({ ...publicKeyOf(`one-time ${oneTime++}`), sign: dummy }),
    destroyKey: async () => undefined,
    demand: () => ({ lasting: made.size, oneTime }),
  }
}

/** A well-formed RSA-2048 public key that nobody has the private half of, the same for the same seed. */
function publicKeyOf(seed: string): PublicKey {
  const blocks = Array.from({ length: 8 }, (_, i) => sha256(new TextEncoder().encode(`${seed} ${i}`)))
  const modulus = concat(blocks)
  modulus[0] = (modulus[0] ?? 0) | 0x80
  modulus[255] = (modulus[255] ?? 0) | 0x01
  const spki = concat([BEFORE_MODULUS, modulus, EXPONENT])
  return { id: keyIdOf(spki), spki }
}

function hex(text: string): Uint8Array {
  const bytes = fromHex(text)
  if (bytes === undefined) throw new TypeError('not hex')
  return bytes
}
