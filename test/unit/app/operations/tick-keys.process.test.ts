/** Keys that `tick` makes while a roll waits, so that its activation makes none. */
import { afterEach, expect, test, vi } from 'vitest'
import type { RollRow } from '../../../../src/core/app/authority/roll-rows.js'
import { prepareActivations } from '../../../../src/core/app/operations/tick-keys.js'
import type { Session } from '../../../../src/core/app/session/session.js'
import * as pool from '../../../../src/core/crypto/pool.js'

vi.mock('../../../../src/core/crypto/pool.js', () => ({ fillPool: vi.fn() }))
afterEach(() => vi.restoreAllMocks())

/** A session with `size` keys in its pool; to make keys takes `seconds` for each step. */
function sessionWith(size: number, keyPoolSize: number, seconds = 0) {
  const state = { size, now: 0, steps: 0 }
  vi.spyOn(performance, 'now').mockImplementation(() => state.now)
  vi.mocked(pool.fillPool).mockImplementation(async (_, target) => {
    const made = target - state.size
    Object.assign(state, { size: target, now: state.now + seconds * 1000, steps: state.steps + 1 })
    return made
  })
  const keys = { poolSize: () => state.size }
  return { state, session: { store: { keys }, config: { keyPoolSize }, cores: 2, options: {} } as unknown as Session }
}
const rolls = (...counts: readonly number[]) => counts.map((oneTimeKeys) => ({ oneTimeKeys }) as RollRow)

test('a pool gets what the activations of all rolls need, beside what other commands need', async () => {
  const { session, state } = sessionWith(8, 10)
  expect(await prepareActivations(session, rolls(10_000, 1, 0))).toEqual([
    { what: 'key-pool', on: '10003 keys for key rolls, 10011 of 10011' },
  ])
  expect(state.size).toBe(10_011)
  expect(await prepareActivations(session, rolls(10_000, 1, 0))).toEqual([])
})

test('one run makes no more keys after a minute, and the next one goes on', async () => {
  const { session, state } = sessionWith(10, 10, 25)
  const [done] = await prepareActivations(session, rolls(10_000))
  expect(done?.on).toBe('48 keys for key rolls, 58 of 10010')
  expect(state.steps).toBe(3)
  expect((await prepareActivations(session, rolls(10_000)))[0]?.on).toBe('48 keys for key rolls, 106 of 10010')
})

test('none without a roll, and none where the pool is off', async () => {
  for (const [size, staged] of [
    [10, []],
    [0, rolls(100)],
  ] as const) {
    const { session } = sessionWith(0, size)
    expect(await prepareActivations(session, staged)).toEqual([])
  }
})
