/** Requests over CGI that are refused before the data directory is opened. */
import { describe, expect, it } from 'vitest'
import { answerCgi } from '../../../../src/core/app/cgi/cgi.js'
import { fromUtf8 } from '../../../../src/core/base/bytes.js'
import type { Environment } from '../../../../src/core/protocols/cgi.js'

describe('before anything is opened', () => {
  const ends = async (env: Environment, body: Uint8Array = Buffer.alloc(0)): Promise<Uint8Array> =>
    answerCgi({
      env: {
        REQUEST_METHOD: 'POST',
        PATH_INFO: '/.well-known/est/cert/simpleenroll',
        HTTPS: 'on',
        CONTENT_TYPE: 'application/pkcs10',
        ...env,
      },
      body: async (length) => {
        expect(length).toBeLessThanOrEqual(131_072)
        return body.subarray(0, length)
      },
      open: () => Promise.reject(new Error('opened')),
      log: () => undefined,
    })

  it.each<[string, Environment, number]>([
    ['another path', { PATH_INFO: '/other' }, 404],
    ['a path of EST that is none', { PATH_INFO: '/.well-known/est/x' }, 404],
    ['a request without TLS', { HTTPS: '' }, 403],
    [
      'a request without TLS whose header says otherwise',
      { HTTPS: undefined, HTTP_HTTPS: 'on', HTTP_X_FORWARDED_PROTO: 'https' },
      403,
    ],
    ['a body that is too long', { CONTENT_LENGTH: '131073' }, 413],
    ['a length that is no number', { CONTENT_LENGTH: '-5' }, 400],
    ['a body that ends before its length', { CONTENT_LENGTH: '100' }, 400],
  ])('%s is refused', async (_, env, status) => {
    expect(fromUtf8(await ends(env))).toContain(`Status: ${status} `)
  })
})
