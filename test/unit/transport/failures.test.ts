/** Failed connections in words, and the facts that a message gives of a response. */
import { describe, expect, it } from 'vitest'
import {
  failureCode,
  isTlsFailure,
  jsonObject,
  retryAfterSeconds,
  socketReason,
  summaryOf,
  tlsReason,
} from '../../../src/core/transport/failures.js'

describe('a failed connection', () => {
  it('has a code, and one of TLS is known by it', () => {
    expect(failureCode(Object.assign(new Error('x'), { code: 'EPIPE' }))).toBe('EPIPE')
    for (const none of [new Error('x'), Object.assign(new Error('x'), { code: 7 }), 'EPIPE', undefined])
      expect(failureCode(none)).toBe('')
    for (const code of ['CERT_HAS_EXPIRED', 'ERR_SSL_WRONG_VERSION_NUMBER', 'EPROTO', 'INVALID_PURPOSE'])
      expect(isTlsFailure(code)).toBe(true)
    for (const code of ['', 'ECONNRESET', 'HPE_INVALID_CONSTANT', 'ENOTFOUND']) expect(isTlsFailure(code)).toBe(false)
  })

  it('has words, or shows its code', () => {
    expect([tlsReason('CERT_HAS_EXPIRED'), tlsReason('CERT_X')]).toEqual(['it has expired', 'CERT_X'])
    expect([socketReason('ECONNREFUSED'), socketReason('EX'), socketReason('')]).toEqual([
      'refused the connection',
      'failed: EX',
      'failed: connection lost',
    ])
  })
})

describe('a response', () => {
  const now = Date.parse('2026-12-02T00:00:00Z')
  it.each([
    ['120', 120],
    ['0', 1],
    ['Wed, 02 Dec 2026 00:01:30 GMT', 90],
    ['Tue, 01 Dec 2026 00:00:00 GMT', 1],
    ['soon', undefined],
    ['-5x', undefined],
    [undefined, undefined],
  ])('with Retry-After %s waits %s seconds', (text, seconds) => {
    expect(retryAfterSeconds(text, now)).toBe(seconds)
  })

  it('is summarized in one bounded line', () => {
    const summary = (body: string, type?: string): string =>
      summaryOf({ body: Buffer.from(body), headers: type === undefined ? {} : { 'content-type': type } })
    expect(summary(' \n')).toBe('')
    expect(summary('no\nsuch  CA')).toBe('"no such CA"')
    expect(summary('<!DOCTYPE html>')).toBe('an HTML page')
    expect(summary('sign in', 'text/html')).toBe('an HTML page')
    expect(summary('x'.repeat(1000)).length).toBeLessThan(170)
  })

  it('is a JSON object or not', () => {
    expect(jsonObject(Buffer.from('{"a":1}'))).toEqual({ a: 1 })
    for (const text of ['[1]', 'null', '1', '', '{']) expect(jsonObject(Buffer.from(text))).toBeUndefined()
  })
})
