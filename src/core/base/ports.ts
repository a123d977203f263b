/** Time and randomness as ports: rules never read a clock or a random source directly, so that tests can control both. */
import type { Instant } from './time.js'

export interface Clock {
  /** Returns the current time, whole seconds UTC. */
  now(): Instant
}

export interface Random {
  /** Returns `length` bytes from a cryptographic source. */
  bytes(length: number): Uint8Array
}

/** Returns a uniform integer in [0, bound) by rejection sampling over 32 bits; 0 for a `bound` below 2. Throws a RangeError unless `bound` is an integer up to 2^32. */
export function randomBelow(random: Random, bound: number): number {
  if (!Number.isInteger(bound) || bound > 2 ** 32) throw new RangeError(`no bound for 32 bits: ${bound}`)
  if (bound <= 1) return 0
  const limit = Math.floor(2 ** 32 / bound) * bound
  for (;;) {
    const b = random.bytes(4)
    const n = ((b[0] ?? 0) * 2 ** 24 + ((b[1] ?? 0) << 16) + ((b[2] ?? 0) << 8) + (b[3] ?? 0)) >>> 0
    if (n < limit) return n % bound
  }
}
