/**
 * Which cases of a long sweep a run looks at: a sample that rotates with the commit, so that every case has its turn, or all of them with
 * SLOW=1. The seed is set in vitest.config.ts and printed at the end of the run; SAMPLE_SEED repeats its sample.
 */

export const isSlow = process.env['SLOW'] === '1'

/** The seed of this run: the number of commits, so that successive commits look at successive cases. */
export const sampleSeed = Number(process.env['SAMPLE_SEED'] ?? 0)

/**
 * About `count` cases at equal distances, the first one given by the seed, and always the last case. After as many successive seeds as
 * cases lie between two of a sample, every case was in one.
 */
export function sampled<T>(all: readonly T[], count: number, seed = sampleSeed): readonly T[] {
  const step = isSlow ? 1 : Math.max(1, Math.ceil(all.length / count))
  return all.filter((_, i) => i % step === seed % step || i === all.length - 1)
}

/** Returns a source of numbers of 0 to 1 that are the same for the same seed (mulberry32). */
export function seededNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
