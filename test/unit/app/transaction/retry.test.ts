/** Attempts after a lost conflict and after a second that another manifest has taken. */
import { describe, expect, test } from 'vitest'
import { NOT_WAITED, nextAttempt } from '../../../../src/core/app/transaction/retry.js'
import { AppError } from '../../../../src/core/base/errors.js'

const conflict = new AppError('locked', 'commit-lost', 'another command committed first')
const second = new AppError('rejected', 'wait-a-second', 'a manifest exists', { retry: true, retryAfter: 1 })

/** Returns the number of attempts and the milliseconds between them while each fails with the next of `errors`, in turn. */
function attempts(errors: readonly AppError[], lockTimeout: number): readonly [number, number] {
  let [waited, count, ms] = [NOT_WAITED, 1, 0]
  for (;;) {
    const next = nextAttempt(errors[(count - 1) % errors.length], waited, lockTimeout)
    if (next === undefined) return [count, ms]
    waited = next.waited
    count += 1
    ms += next.pause
  }
}

describe('attempts', () => {
  test.each([
    ['other writers', [conflict], 30, 8, 140],
    ['no other error', [new AppError('io', 'disk-full', 'no space')], 30, 1, 0],
    ['a second that is taken, as long as for the lock', [second], 30, 31, 30_000],
    ['and seven seconds at least', [second], 0, 8, 7000],
    ['both at once: the conflicts do not use up the seconds', [second, conflict], 3, 15, 7140],
  ])('%s', (_, errors, lockTimeout, count, ms) => {
    expect(attempts(errors, lockTimeout)).toEqual([count, ms])
  })
})
