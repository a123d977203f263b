/**
 * RSA-2048 keys in any number, for directories with very many CAs: each is the product of two primes of a small set, so that a key costs
 * milliseconds instead of 180. All of them are insecure, and valid for every other purpose: exponent 65537, distinct moduli.
 */
import crypto, { createPrivateKey, createPublicKey, generatePrimeSync } from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'

const EXPONENT = 65537n
const TOP = 1n << 1023n
/** Set above the top bit too, so that the product of any two has 2048 bits. */
const SECOND = 1n << 1022n

interface Prime {
  readonly value: bigint
  /** Inverse of the exponent modulo `value - 1`. */
  readonly exponent: bigint
}

/** Returns the inverse of `a` modulo `m`; undefined if there is none. */
function inverse(a: bigint, m: bigint): bigint | undefined {
  let [r0, r1, s0, s1] = [m, a % m, 0n, 1n]
  while (r1 !== 0n) {
    const q = r0 / r1
    ;[r0, r1, s0, s1] = [r1, r0 - q * r1, s1, s0 - q * s1]
  }
  if (r0 !== 1n) return undefined
  return s0 < 0n ? s0 + m : s0
}

function newPrime(): Prime {
  for (;;) {
    const value = generatePrimeSync(1024, { bigint: true })
    const exponent = inverse(EXPONENT, value - 1n)
    if (exponent !== undefined && (value & TOP) !== 0n && (value & SECOND) !== 0n) return { value, exponent }
  }
}

/** A source of distinct keys: `count` primes give `count * (count - 1) / 2` keys. */
export class MadeKeys {
  readonly #primes: Prime[] = []
  #low = 0
  #high = 1

  /** Returns the next key pair. A prime is made when it is first needed. */
  next(): { readonly privateKey: crypto.KeyObject; readonly publicKey: crypto.KeyObject } {
    while (this.#primes.length <= this.#high) this.#primes.push(newPrime())
    const [p, q] = [this.#primes[this.#high], this.#primes[this.#low]]
    if (p === undefined || q === undefined) throw new RangeError('no primes')
    this.#low += 1
    if (this.#low === this.#high) [this.#low, this.#high] = [0, this.#high + 1]
    const privateKey = keyOf(p, q)
    return { privateKey, publicKey: createPublicKey(privateKey) }
  }
}

function keyOf(a: Prime, b: Prime): crypto.KeyObject {
  const [p, q] = a.value > b.value ? [a, b] : [b, a]
  const phi = (p.value - 1n) * (q.value - 1n)
  const [d, qi] = [inverse(EXPONENT, phi), inverse(q.value, p.value)]
  if (d === undefined || qi === undefined) throw new RangeError('not coprime')
  const numbers = { n: p.value * q.value, e: EXPONENT, d, p: p.value, q: q.value, dp: p.exponent, dq: q.exponent, qi }
  const parts = Object.entries(numbers).map(([name, value]) => [name, base64(value)])
  return createPrivateKey({ key: { kty: 'RSA', ...Object.fromEntries(parts) }, format: 'jwk' })
}

function base64(value: bigint): string {
  const hex = value.toString(16)
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url')
}

/** Replaces the generation of RSA-2048 keys in this process by `keys`, at once. */
export function generateFrom(keys: MadeKeys): void {
  const { generateKeyPair } = crypto
  const fake = (type: string, options: { modulusLength?: number }, done: (...results: readonly unknown[]) => void) => {
    if (type !== 'rsa' || options.modulusLength !== 2048)
      return generateKeyPair(type as 'rsa', options as never, done as never)
    const { publicKey, privateKey } = keys.next()
    setImmediate(done, null, publicKey, privateKey)
  }
  Object.assign(crypto, { generateKeyPair: fake })
  syncBuiltinESMExports()
}
