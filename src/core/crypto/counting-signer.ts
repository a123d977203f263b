/**
 * A signer for dry runs, without the lock, that counts the keys a command will use.
 * Invariant: it generates no key, reads no private key and stores nothing; objects that it "signs" must never be committed.
 */
import { concat, fromHex } from '../base/bytes.js'
import { keyIdOf, sha256 } from './digest.js'
import type { KeyDemand, KeyId, PublicKey, Signer } from './ports.js'

/** SubjectPublicKeyInfo up to the modulus: SEQUENCE { { rsaEncryption, NULL }, BIT STRING { SEQUENCE { INTEGER 00… */
const BEFORE_MODULUS = hex('30820122300d06092a864886f70d01010105000382010f003082010a0282010100')
/** INTEGER 65537. */
const EXPONENT = hex('0203010001')
const SIGNATURE_BYTES = 256

export interface CountingSigner extends Signer {
  /** The keys requested so far. */
  demand(): KeyDemand
}

/**
 * Creates a counting signer. `stored` returns the public half of a key in the real store (`readPublicKey`); keys of the dry run itself are
 * kept here. `onDemand` is called for each requested key with the number so far.
 */
export function createCountingSigner(
  stored: (id: KeyId) => PublicKey,
  onDemand?: (demand: KeyDemand) => void,
): CountingSigner {
  const made = new Map<KeyId, PublicKey>()
  let oneTime = 0
  const demand = (): KeyDemand => ({ lasting: made.size, oneTime })
  const dummy = async (): Promise<Uint8Array> => new Uint8Array(SIGNATURE_BYTES)
  return {
    async createKey() {
      const key = publicKeyOf(`lasting ${made.size}`)
      made.set(key.id, key)
      onDemand?.(demand())
      return key
    },
    publicKey: async (id) => made.get(id) ?? stored(id),
    sign: dummy,
    signOneOff(build) {
      const key = publicKeyOf(`one-time ${oneTime}`)
      oneTime += 1
      onDemand?.(demand())
      return build({ ...key, sign: dummy })
    },
    destroyKey: async () => undefined,
    demand,
  }
}

/** Returns a well-formed RSA-2048 public key without a private half, one per seed. */
function publicKeyOf(seed: string): PublicKey {
  const block = sha256(new TextEncoder().encode(seed))
  const modulus = concat(Array.from({ length: 8 }, () => block))
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
