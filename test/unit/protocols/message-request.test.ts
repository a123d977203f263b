/** HTTP requests with messages of RFC 6492 and 8181: paths, methods, types and lengths. */
import { describe, expect, it } from 'vitest'
import type { Handle } from '../../../src/core/base/handle.js'
import { readCgi } from '../../../src/core/protocols/cgi.js'
import {
  formatProtocolPath,
  MESSAGE_LIMITS,
  protocolPath,
  refuseMessageRequest,
} from '../../../src/core/protocols/message-request.js'

describe('a path', () => {
  it.each([
    ['/rfc6492/acme', 'rfc6492', 'acme'],
    ['/rfc6492/acme/', 'rfc6492', 'acme'],
    ['/rfc8181/acme/', 'rfc8181', 'acme'],
    ['/rfc6492/a/b', 'rfc6492', 'a/b'],
    ['/rfc6492/a/b/', 'rfc6492', 'a/b'],
    ['/rfc6492/a%2Fb', 'rfc6492', 'a/b'],
    ['/rfc6492/a%2fb/', 'rfc6492', 'a/b'],
    ['/rfc6492/%61cme', 'rfc6492', 'acme'],
    ['/rfc6492/rfc8181/x', 'rfc6492', 'rfc8181/x'],
    ['/rfc8181/A_-z', 'rfc8181', 'A_-z'],
    [`/rfc8181/${'a'.repeat(255)}`, 'rfc8181', 'a'.repeat(255)],
  ])('%s names the service and the handle', (path, service, handle) => {
    expect(protocolPath(path)).toEqual({ service, handle })
  })

  it.each([
    '',
    '/',
    '/rfc6492',
    '/rfc6492/',
    '/rfc6492//',
    '/rfc6492//acme',
    '/rfc6492/acme//',
    '/rfc6492/a//b',
    '/rfc6492/a%2F%2Fb',
    '/rfc6492/a%2F',
    '/rfc6492/%2Fa',
    '/rfc6492/a%252Fb',
    '/rfc6492/%zz',
    '/rfc6492/%',
    '/rfc6492/../acme',
    '/rfc6492/a.b',
    '/rfc6492/a b',
    '/rfc6492/a+b',
    '/rfc6492/acme\n',
    '/rfc6492/acme\0',
    '/rfc6492/%00',
    '/rfc6492/é',
    '/RFC6492/acme',
    '/x/rfc6492/acme',
    'rfc6492/acme',
    '/rfc64920/acme',
    '/rfc8183/acme',
    `/rfc8181/${'a'.repeat(256)}`,
  ])('%j is none', (path) => {
    expect(protocolPath(path)).toBeUndefined()
  })

  it('that is written is read again', () => {
    for (const handle of ['acme', 'a/b', 'a_b', 'A-1'] as Handle[])
      for (const service of ['rfc6492', 'rfc8181'] as const)
        expect(protocolPath(formatProtocolPath({ service, handle }))).toEqual({ service, handle })
  })
})

describe('a request', () => {
  const refusal = (env: Readonly<Record<string, string>>, service: 'rfc6492' | 'rfc8181' = 'rfc6492') => {
    const request = readCgi({
      REQUEST_METHOD: 'POST',
      CONTENT_TYPE: 'application/rpki-updown',
      CONTENT_LENGTH: '1000',
      ...env,
    })
    return request === undefined ? undefined : refuseMessageRequest(request, service)
  }

  it.each([
    'application/rpki-updown',
    'Application/RPKI-Updown; charset=utf-8',
    'application/x-rpki',
    'application/octet-stream;x=y',
    '',
  ])('of the type %j is read', (type) => {
    expect(refusal({ CONTENT_TYPE: type })).toBeUndefined()
  })

  it('of RFC 8181 has its own type', () => {
    expect(refusal({ CONTENT_TYPE: 'application/rpki-publication' }, 'rfc8181')).toBeUndefined()
    expect(refusal({}, 'rfc8181')?.status).toBe(415)
    expect(refusal({ CONTENT_TYPE: 'application/rpki-publication' })?.status).toBe(415)
  })

  it.each([
    ['text/xml', 415],
    ['application/x-www-form-urlencoded', 415],
    ['application/rpki-updown2', 415],
  ])('of the type %j is refused', (type, status) => {
    expect(refusal({ CONTENT_TYPE: type })?.status).toBe(status)
  })

  it.each(['GET', 'PUT', 'DELETE', 'OPTIONS'])('by %s is refused, and the method that works is named', (method) => {
    expect(refusal({ REQUEST_METHOD: method })).toMatchObject({ status: 405, headers: { Allow: 'POST' } })
  })

  it.each([
    ['', 411],
    ['0', 400],
    ['-1', 400],
    ['1e3', 400],
    ['1048577', 413],
    ['999999999999999', 413],
  ])('with the length %j is refused', (length, status) => {
    expect(refusal({ CONTENT_LENGTH: length })?.status).toBe(status)
  })

  it('may be as long as the limit, which is higher for publication', () => {
    expect(refusal({ CONTENT_LENGTH: '1048576' })).toBeUndefined()
    const publication = { CONTENT_TYPE: 'application/rpki-publication' }
    expect(MESSAGE_LIMITS.rfc8181).toBe(33_554_432)
    expect(refusal({ ...publication, CONTENT_LENGTH: '33554432' }, 'rfc8181')).toBeUndefined()
    expect(refusal({ ...publication, CONTENT_LENGTH: '33554433' }, 'rfc8181')?.status).toBe(413)
  })
})
