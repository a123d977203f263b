/** Work on several lanes at once, bounded: as many keys in flight as there are cores, and no promise left running behind an error. */

/**
 * Runs `step` on `width` lanes until it returns undefined. The first failure stops every lane and is thrown once all that was in
 * flight has ended, so the caller never meets late effects of work it believes failed.
 */
export async function inLanes(width: number, step: () => Promise<void> | undefined): Promise<void> {
  const failures: unknown[] = []
  async function lane(): Promise<void> {
    while (failures.length === 0) {
      try {
        const work = step()
        if (work === undefined) return
        await work
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, width) }, lane))
  if (failures.length > 0) throw failures[0]
}
