/** Time and chance as ports: no rule reads a clock or a random source of its own, so every rule can be replayed in a test. */
import type { Instant } from './time.js'

export interface Clock {
  /** The present, whole seconds UTC. */
  now(): Instant
}

export interface Random {
  /** `length` bytes from a cryptographic source. */
  bytes(length: number): Uint8Array
}

/** A uniform integer in [0, bound): rejection sampling over 32 bits. 0 where `bound` is below 2. Throws a RangeError unless it is an integer up to 2^32. */
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
