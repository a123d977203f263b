/** Errors: one fault speaks for itself, several are all there. */
import { describe, expect, it } from 'vitest'
import { AppError, rejection } from '../../../src/core/base/errors.js'

describe('errors', () => {
  it('say by default that nothing changed and that a retry will not help', () => {
    const error = new AppError('usage', 'x-y', 'message')
    expect(error).toMatchObject({ kind: 'usage', code: 'x-y', changed: 'no', retry: false, details: {} })
    expect(error.hint).toBeUndefined()
    expect('cause' in error).toBe(false)
    expect(new AppError('io', 'x-y', 'm', { cause: 'why' }).cause).toBe('why')
  })

  it('one fault keeps its code and message', () => {
    expect(rejection([{ code: 'a-b', message: 'one' }], 'do this')).toMatchObject({
      kind: 'rejected',
      code: 'a-b',
      message: 'one',
      hint: 'do this',
    })
  })

  it('several faults are all in the message and in the details', () => {
    const same = rejection([
      { code: 'a-b', message: 'one' },
      { code: 'a-b', message: 'two', details: { n: 2 } },
    ])
    expect(same.code).toBe('a-b')
    expect(same.message).toBe('2 faults:\n  one\n  two')
    expect(same.details).toEqual({
      faults: [
        { code: 'a-b', message: 'one', details: {} },
        { code: 'a-b', message: 'two', details: { n: 2 } },
      ],
    })
    expect(
      rejection([
        { code: 'a-b', message: 'one' },
        { code: 'c-d', message: 'two' },
      ]).code,
    ).toBe('several-faults')
  })

  it('no fault is no rejection', () => {
    expect(() => rejection([])).toThrow(TypeError)
  })
})
