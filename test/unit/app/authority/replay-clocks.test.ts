/** Times before which no message of a peer is taken: of its certificate and of the generation of the directory. */
import { describe, expect, it, test } from 'vitest'
import { generationBegan, refuseFormer } from '../../../../src/core/app/authority/replay-clocks.js'
import { AppError } from '../../../../src/core/base/errors.js'
import type { Instant } from '../../../../src/core/base/time.js'

const at = (minute: number) => `2026-11-21T12:0${minute}:00Z` as Instant

describe('a message of 12:04', () => {
  const refuse = (times: { since?: number; began?: number }, now = 5) =>
    refuseFormer({}, { peer: '', ...(times.since === undefined ? {} : { since: at(times.since) }) }, at(4), {
      began: times.began === undefined ? undefined : at(times.began),
      now: at(now),
    })

  it.each([{}, { since: 4 }, { since: 3, began: 4 }])('is taken: %j', async (times) => {
    await expect(refuse(times)).resolves.toBeUndefined()
  })

  it.each([{ since: 5 }, { began: 5 }, { since: 3, began: 5 }])('is a replay: %j', async (times) => {
    await expect(refuse(times)).rejects.toMatchObject({ kind: 'rejected', code: 'message-refused' })
  })

  it('is taken where the clock was ahead when that was recorded', async () => {
    await expect(refuse({ since: 9, began: 8 })).resolves.toBeUndefined()
  })
})

describe('the first commit of a generation', () => {
  /** Null: a damaged commit. */
  const reader = (generations: readonly (number | null)[], generation = generations.at(-1) ?? 1) =>
    ({
      ...{ generation, head: generations.length },
      commitAt: (n: number) => {
        const one = generations[n - 1]
        if (one === null || one === undefined) throw new AppError('corrupt', 'file-damaged', 'damaged')
        return { record: { generation: one, at: at(n) } }
      },
    }) as never

  test.each([
    [[1, 1, 2], 3],
    [[1, 2, 2, 2, 2], 2],
    [[2, 2, 2], 1],
    [[1, 1, 2, 3, 3, 3], 4],
    [[1, null, 2, 2], 3],
  ] as const)('of %j is number %i', (generations, number) => {
    expect(generationBegan(reader(generations))).toBe(at(number))
  })

  test('is that of init in generation 1, and nothing began', () => {
    expect(generationBegan(reader([1, 1]))).toBeUndefined()
    expect(generationBegan(reader([], 2))).toBeUndefined()
  })
})
