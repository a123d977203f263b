/** CGI/1.1 as values: what is read of the environment, and what can stand in an answer. */
import { describe, expect, it } from 'vitest'
import { fromUtf8 } from '../../../src/core/base/bytes.js'
import {
  type Environment,
  formatCgi,
  plainResponse,
  readBasic,
  readCgi,
  retryAfter,
} from '../../../src/core/protocols/cgi.js'
import { readRoute } from '../../../src/core/protocols/est.js'

const PEM = '-----BEGIN CERTIFICATE-----\nAB+/CD==\n-----END CERTIFICATE-----\n'
const BASE: Environment = { REQUEST_METHOD: 'POST', SCRIPT_NAME: '', PATH_INFO: '/a/b', HTTPS: 'on' }

describe('the environment', () => {
  it('is read as RFC 3875 has it', () => {
    const env = { ...BASE, SCRIPT_NAME: '/x', CONTENT_TYPE: 'Application/PKCS10; charset=x', CONTENT_LENGTH: '17' }
    expect(readCgi({ ...env, HTTP_AUTHORIZATION: 'Basic eA==' })).toEqual({
      method: 'POST',
      path: '/x/a/b',
      isSecure: true,
      contentType: 'application/pkcs10',
      contentLength: 17,
      authorization: 'Basic eA==',
      clientCertificate: undefined,
    })
  })

  it.each([undefined, '', 'get', 'GET /', 'A'.repeat(21)])('without a method is none: %s', (method) => {
    expect(readCgi({ ...BASE, REQUEST_METHOD: method })).toBeUndefined()
  })

  it.each([
    ['', undefined],
    ['0', 0],
    ['131072', 131_072],
    ['-1', Number.NaN],
    ['1e3', Number.NaN],
    ['9'.repeat(16), Number.NaN],
    ['12 ', Number.NaN],
  ])('has the length %j', (text, length) => {
    expect(readCgi({ ...BASE, CONTENT_LENGTH: text })?.contentLength).toEqual(length)
  })

  it.each([
    ['as Apache gives it', PEM],
    ['as nginx escapes it', encodeURIComponent(PEM)],
  ])('has the client certificate %s, also one that the server did not verify', (_, text) => {
    for (const verdict of ['SUCCESS', 'GENEROUS', 'FAILED', 'FAILED:certificate has expired'])
      expect(readCgi({ ...BASE, SSL_CLIENT_VERIFY: verdict, SSL_CLIENT_CERT: text })?.clientCertificate).toBe(PEM)
  })

  it.each([undefined, '', 'NONE', 'success', 'SUCCESS ', 'FAILEDx', '0'])(
    'has no client certificate where the server does not say that the handshake had one: %s',
    (verdict) => {
      expect(readCgi({ ...BASE, SSL_CLIENT_VERIFY: verdict, SSL_CLIENT_CERT: PEM })?.clientCertificate).toBeUndefined()
    },
  )

  it('takes nothing from a header that a client can write', () => {
    const forged: Environment = {
      HTTP_SSL_CLIENT_VERIFY: 'SUCCESS',
      HTTP_SSL_CLIENT_CERT: PEM,
      HTTP_X_SSL_CLIENT_CERT: PEM,
      HTTP_HTTPS: 'on',
      HTTP_REMOTE_USER: 'root',
      HTTP_PATH_INFO: '/c',
      HTTP_CONTENT_LENGTH: '1',
      REMOTE_USER: 'root',
      AUTH_TYPE: 'Basic',
    }
    const bare = { REQUEST_METHOD: 'POST', PATH_INFO: '/a/b' }
    expect(readCgi({ ...bare, ...forged })).toEqual(readCgi(bare))
    expect(readCgi({ ...bare, ...forged })?.isSecure).toBe(false)
  })

  it.each(['%', '%zz', 'A'.repeat(70_000)])('survives a certificate that is none', (text) => {
    const env = { ...BASE, SSL_CLIENT_VERIFY: 'SUCCESS', SSL_CLIENT_CERT: text }
    expect(readCgi(env)?.clientCertificate).toBeUndefined()
  })
})

describe('Basic authentication', () => {
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`
  it.each([
    [basic('id:secret'), { user: 'id', password: 'secret' }],
    [basic('id:a:b'), { user: 'id', password: 'a:b' }],
    [basic(':'), { user: '', password: '' }],
    [basic('nocolon'), undefined],
    ['Bearer abc', undefined],
    ['Basic', undefined],
    ['Basic !!!', undefined],
    [undefined, undefined],
  ])('of %s', (header, wanted) => expect(readBasic(header)).toEqual(wanted))
})

describe('an answer', () => {
  it('says status, type and length, and ends its headers', () => {
    expect(fromUtf8(formatCgi(plainResponse(503, 'Later.', retryAfter(59.2))))).toBe(
      'Status: 503 Service Unavailable\r\nContent-Type: text/plain; charset=us-ascii\r\nRetry-After: 60\r\nContent-Length: 7\r\nCache-Control: no-store\r\n\r\nLater.\n',
    )
  })

  it('to HEAD has the length and not the body', () => {
    const text = fromUtf8(formatCgi(plainResponse(200, 'Here.'), true))
    expect(text).toContain('Content-Length: 6\r\n')
    expect(text.endsWith('\r\n\r\n')).toBe(true)
  })

  it('cannot be split by a text that came from elsewhere', () => {
    expect(() => formatCgi({ status: 200, headers: { 'Retry-After': '1\r\nSet-Cookie: a=b' }, body: '' })).toThrow(
      TypeError,
    )
    expect(plainResponse(400, 'a\r\n\r\nb\u0000\u202ec').body).toBe('a b??c\n')
  })
})

describe('a path of EST', () => {
  it.each([
    ['/.well-known/est/device/cacerts', { label: 'device', operation: 'cacerts' }],
    ['/.well-known/est/Dev_1-x/simplereenroll', { label: 'Dev_1-x', operation: 'simplereenroll' }],
    ['/.well-known/est/cacerts', { label: undefined, operation: 'cacerts' }],
    ['/.well-known/est/simpleenroll', { label: undefined, operation: 'simpleenroll' }],
    ['/.well-known/est/cacerts/cacerts', { label: 'cacerts', operation: 'cacerts' }],
    ['/.well-known/est/device', undefined],
    ['/.well-known/est/serverkeygen', undefined],
    ['/.well-known/est/', undefined],
    ['/.well-known/est/device/serverkeygen', undefined],
    ['/.well-known/est/device/cacerts/', undefined],
    ['/.well-known/est/../cacerts', undefined],
    ['/.well-known/est//cacerts', undefined],
    ['/x/.well-known/est/device/cacerts', undefined],
    [`/.well-known/est/${'a'.repeat(65)}/cacerts`, undefined],
  ])('%s', (path, route) => expect(readRoute(path)).toEqual(route))
})
