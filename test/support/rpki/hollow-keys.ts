/** Keys of the right form with composite "primes": distinct, made in a millisecond, read like any key, useless for signing. */
import { createPrivateKey } from 'node:crypto'
import { sha256 } from '../../../src/core/crypto/digest.js'
import { exportPkcs8, type FreshKey, importPkcs8 } from '../../../src/core/crypto/key-maker.js'

const E = 65537n

/** Returns hollow key number `seed`, the same on each call. For tests that track keys and never verify signatures. */
export function hollowKey(seed: number): FreshKey {
  for (let attempt = 0; ; attempt++) {
    const p = oddNumber(`p ${seed} ${attempt}`)
    const q = oddNumber(`q ${seed} ${attempt}`)
    const d = inverse(E, (p - 1n) * (q - 1n))
    const qi = inverse(q, p)
    if (d !== undefined && qi !== undefined)
      return keyOf({ n: p * q, e: E, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi })
  }
}

function keyOf(numbers: Readonly<Record<string, bigint>>): FreshKey {
  const members = Object.entries(numbers).map(([name, value]) => [name, base64url(value)])
  const key = createPrivateKey({ key: { kty: 'RSA', ...Object.fromEntries(members) }, format: 'jwk' })
  return importPkcs8(exportPkcs8(key))
}

/** Returns a number of 1024 bits, the two highest set, so that the product of two has 2048. */
function oddNumber(seed: string): bigint {
  const hex = [0, 1, 2, 3].map((i) => Buffer.from(sha256(Buffer.from(`${seed} ${i}`))).toString('hex')).join('')
  return BigInt(`0x${hex}`) | (3n << 1022n) | 1n
}

/** Returns the modular inverse by the extended Euclidean algorithm; undefined where the two share a factor. */
function inverse(value: bigint, modulus: bigint): bigint | undefined {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n]
  while (a > 1n) {
    ;[a, b, x, y] = [b % a, a, y - (b / a) * x, x]
  }
  return a !== 1n ? undefined : ((x % modulus) + modulus) % modulus
}

function base64url(value: bigint): string {
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url')
}
