/** Errors: one fault speaks for itself, several are all there. */
import { describe, expect, it } from 'vitest'
import { AppError, faultsOf, hintThen, type RewrapChanges, rejection, rewrap } from '../../../src/core/base/errors.js'

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
    expect(same.message).toBe('2 violations:\n  one\n  two')
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

  const full = new AppError('io', 'io-no-space', 'disk full', {
    hint: 'free some space',
    details: { path: '/data', bytesNeeded: 4096 },
    changed: 'unknown',
    retry: true,
    retryAfter: 7,
    cause: 'ENOSPC',
  })
  const membersOf = (error: AppError): Record<string, unknown> =>
    Object.fromEntries(Object.keys(error).map((name) => [name, error[name as keyof AppError]]))

  it('a rewrapped error keeps every member, and its cause is the error itself', () => {
    const again = rewrap(full, {})
    expect(Object.values(membersOf(full))).not.toContain(undefined)
    expect({ ...membersOf(again), message: again.message }).toEqual({ ...membersOf(full), message: 'disk full' })
    expect(again.cause).toBe(full)
  })

  it('a rewrapped error takes what is replaced, and keeps the rest', () => {
    const changes: Required<RewrapChanges> = {
      kind: 'pending',
      code: 'publish-pending',
      message: 'not published',
      hint: 'brine tick',
      details: { serial: 3 },
      changed: 'yes',
      retry: true,
      retryAfter: 9,
      cause: 'another',
    }
    for (const [name, value] of Object.entries(changes)) {
      const again = rewrap(full, { [name]: value })
      const one = name === 'message' || name === 'cause' ? {} : { [name]: value }
      expect({ ...membersOf(again) }, name).toEqual({ ...membersOf(full), ...one })
      expect([again.message, again.cause], name).toEqual([
        name === 'message' ? value : 'disk full',
        name === 'cause' ? value : full,
      ])
    }
    expect(rewrap(full, changes)).toMatchObject(changes)
  })

  it('a rewrapped error that no retry helps has no time to wait', () => {
    expect(rewrap(full, { retry: false })).toMatchObject({ retry: false, retryAfter: undefined, hint: full.hint })
  })

  it('an error without a hint is rewrapped without one', () => {
    const plain = new AppError('usage', 'x-y', 'm')
    expect(rewrap(plain, {})).toMatchObject({ hint: undefined, retryAfter: undefined, changed: 'no' })
    expect([hintThen(plain, 'brine tick'), hintThen(full, 'then: brine tick')]).toEqual([
      'brine tick',
      'free some space; then: brine tick',
    ])
  })

  it('no fault is no rejection', () => {
    expect(() => rejection([])).toThrow(TypeError)
  })
})

describe('faultsOf', () => {
  it('lists the violations of a rejection, and none where details are of another shape', () => {
    const fault = { code: 'a-b', message: 'one', details: {} }
    expect(faultsOf(rejection([fault]))).toEqual([fault])
    for (const details of [{ faults: 1 }, { faults: 'none' }, {}, null, []])
      expect(faultsOf(new AppError('corrupt', 'a-b', 'x', { details }))).toEqual([])
  })
})
