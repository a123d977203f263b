/** HTTP to peers: every way in which an exchange ends has its code and its sentence. Against a server that answers with raw octets. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { AppError } from '../../../src/core/base/errors.js'
import {
  fetchBytes,
  fetchDigest,
  type PeerRequest,
  parseUri,
  post,
  redirectTarget,
} from '../../../src/core/peers/http.js'
import { freePort, silentPort } from '../../support/peers/ca-peer.js'
import { type Behave, RawPeer, respond, say, sayAndClose } from '../../support/peers/raw-peer.js'

const peer = new RawPeer()
let uri: string

beforeAll(async () => {
  uri = `${await peer.listen()}/rfc6492/parent`
})
afterEach(() => {
  peer.behave = respond('200 OK', 'answer')
})
afterAll(() => peer.close())

const message = (more: Partial<PeerRequest> = {}): PeerRequest => ({
  uri,
  contentType: 'application/rpki-updown',
  body: Buffer.from('a message'),
  userAgent: 'brine/1.2.3',
  allowPrivate: true,
  ...more,
})

async function refusal(asked: Promise<unknown>): Promise<AppError> {
  const error = await asked.then(
    () => new Error('was answered'),
    (thrown: unknown) => thrown,
  )
  if (error instanceof AppError) return error
  throw error
}

describe('a message', () => {
  it('is posted with its type, its length and the version of the program', async () => {
    peer.behave = respond('200 OK', 'reply', [
      'Content-Type: application/rpki-updown',
      'Server: krill',
      'Date: Wed, 02 Dec 2026 01:00:00 GMT',
    ])
    expect(await post(message())).toEqual({
      status: 200,
      body: Buffer.from('reply'),
      contentType: 'application/rpki-updown',
      agent: 'krill',
      peerTime: '2026-12-02T01:00:00Z',
    })
    const { line, headers, body } = peer.requests.at(-1)!
    expect([line, body.toString()]).toEqual(['POST /rfc6492/parent HTTP/1.1', 'a message'])
    expect(headers).toMatchObject({
      'content-type': 'application/rpki-updown',
      'content-length': '9',
      'user-agent': 'brine/1.2.3',
      connection: 'close',
    })
  })

  it('needs no Content-Type, Server and Date in the answer', async () => {
    const reply = await post(message())
    expect([reply.contentType, reply.agent, reply.peerTime]).toEqual([null, null, null])
  })

  it('is answered in chunks, and without a length until the connection closes', async () => {
    peer.behave = sayAndClose('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nrep\nl\r\n1\r\ny\r\n0\r\n\r\n')
    expect((await post(message())).body.toString()).toBe('rep\nly')
    peer.behave = sayAndClose('HTTP/1.0 200 OK\r\n\r\nreply')
    expect((await post(message())).body.toString()).toBe('reply')
  })

  it('ignores the proxies of the environment', async () => {
    for (const name of ['http_proxy', 'HTTP_PROXY', 'all_proxy']) process.env[name] = 'http://127.0.0.1:1'
    try {
      expect((await post(message())).body.toString()).toBe('answer')
    } finally {
      for (const name of ['http_proxy', 'HTTP_PROXY', 'all_proxy']) delete process.env[name]
    }
  })
})

const OK = 'HTTP/1.1 200 OK\r\n'

describe('an exchange', () => {
  it.each<[string, Behave, string, string]>([
    ['an empty answer', respond('200 OK'), 'peer-empty', 'answered with status 200 and nothing'],
    ['no content', respond('204 No Content'), 'peer-status', 'answered with status 204'],
    ['a plain refusal', respond('400 Bad Request', 'BAD_SENDER\n'), 'peer-status', 'status 400: "BAD_SENDER"'],
    ['a page', respond('502 Bad Gateway', '<html>nginx'), 'peer-status', 'status 502: an HTML page'],
    ['a close without an answer', (socket) => socket.destroy(), 'peer-closed', 'before it answered'],
    ['a lying length', sayAndClose(`${OK}Content-Length: 100\r\n\r\nhalf`), 'peer-closed', 'during its answer'],
    ['a cut chunk', sayAndClose(`${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nre`), 'peer-closed', 'during its answer'],
    ['another protocol', sayAndClose('SSH-2.0-OpenSSH_9.2\r\n'), 'peer-garbled', 'the response is not HTTP'],
    ['an encoding', respond('200 OK', 'x', ['Content-Encoding: gzip']), 'peer-garbled', 'encoded'],
    ['a redirect by 302', respond('302 Found', '', ['Location: /other']), 'peer-redirect', 'may lose the message'],
    ['a redirect elsewhere', respond('307 x', '', ['Location: http://a.example/']), 'peer-redirect', 'another server'],
    ['a redirect to nowhere', respond('308 x'), 'peer-redirect', 'without a target'],
    ['an endless redirect', respond('308 x', '', ['Location: /again']), 'peer-redirect', 'a second time'],
  ])('with %s fails and says so', async (_, behave, code, text) => {
    peer.behave = behave
    const error = await refusal(post(message()))
    expect([error.kind, error.code, error.changed]).toEqual(['remote', code, 'no'])
    expect(error.message).toContain(text)
    expect(error.message).toContain(uri.slice(0, uri.lastIndexOf('/rfc')))
  })

  it('reads the JSON error of Krill', async () => {
    const said = { label: 'ca-child-unknown', msg: 'CA "ta" does not\nhave a child', args: { ca: 'ta', child: 'a' } }
    peer.behave = respond('400 Bad Request', JSON.stringify(said), ['Date: Tue, 01 Dec 2026 00:00:00 GMT'])
    const error = await refusal(post(message()))
    expect(error.message).toBe(
      `${uri} answered with status 400: "CA \\"ta\\" does not\\nhave a child" ("ca-child-unknown")`,
    )
    expect(error.details).toEqual({ where: uri, status: 400, krill: said, peerTime: '2026-12-01T00:00:00Z' })
    expect(error.retry).toBe(false)
  })

  it('shortens what a peer sends as an error', async () => {
    const long = 'x'.repeat(200_000)
    peer.behave = respond(
      '500 x',
      JSON.stringify({ label: 'general-error', msg: 'y'.repeat(20_000), args: { a: long.slice(0, 30_000) } }),
    )
    const error = await refusal(post(message()))
    expect(JSON.stringify([error.message, error.details]).length).toBeLessThan(4000)
    peer.behave = respond('500 x', long)
    expect((await refusal(post(message()))).message.length).toBeLessThan(400)
    expect(error.retry).toBe(true)
  })

  it('takes over the time after which a busy peer wants to be asked again', async () => {
    peer.behave = respond('503 Busy', '', ['Retry-After: 77'])
    const { retry, retryAfter } = await refusal(post(message()))
    expect([retry, retryAfter]).toEqual([true, 77])
  })

  it('ends where the answer is too large, by its length or by its octets', async () => {
    let sent = 0
    peer.behave = (socket) => {
      const more = (): void => {
        while (!socket.destroyed && socket.write(Buffer.alloc(16_384, 120))) sent += 16_384
      }
      socket.on('drain', more).write(`${OK}\r\n`)
      more()
    }
    const endless = await refusal(post(message()))
    expect([endless.code, endless.message]).toEqual([
      'peer-too-big',
      expect.stringContaining('larger than 10485760 bytes'),
    ])
    expect(sent).toBeLessThan(60_000_000)
    peer.behave = say(`${OK}Content-Length: 11\r\n\r\n`)
    expect((await refusal(post(message({ maxBytes: 10 })))).code).toBe('peer-too-big')
    peer.behave = respond('200 OK', '0123456789')
    expect((await post(message({ maxBytes: 10 }))).body.length).toBe(10)
  })

  it.each<[string, Behave, object, string]>([
    ['before the headers', () => undefined, { headers: 0.05 }, 'did not begin its answer within 0.05 s'],
    ['in the headers', say(OK), { headers: 0.05 }, 'did not begin its answer within 0.05 s'],
    ['after the headers', say(`${OK}Content-Length: 9\r\n\r\n`), { whole: 0.1 }, 'complete its answer within 0.1 s'],
  ])('ends where a server hangs %s', async (_, behave, timeouts, text) => {
    peer.behave = behave
    const error = await refusal(post(message({ timeouts })))
    expect([error.code, error.retry]).toEqual(['peer-timeout', true])
    expect(error.message).toContain(text)
  })

  it('ends where an answer comes octet by octet', async () => {
    let timer: NodeJS.Timeout | undefined
    peer.behave = (socket) => {
      socket.write(`${OK}Content-Length: 1000\r\n\r\n`)
      timer = setInterval(() => socket.write('x'), 10)
      socket.on('close', () => clearInterval(timer))
    }
    const error = await refusal(post(message({ timeouts: { whole: 0.15 } })))
    expect(error.message).toContain('did not complete its answer within 0.15 s')
  })

  it('ends where nothing answers: refused, unknown name, no TLS', async () => {
    const closed = await refusal(post(message({ uri: `http://127.0.0.1:${await freePort()}/` })))
    expect([closed.code, closed.message]).toEqual([
      'peer-unreachable',
      expect.stringContaining('refused the connection'),
    ])
    const resolve = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }))
    const unknown = await refusal(post(message({ uri: 'http://peer.invalid/', resolve })))
    expect([unknown.code, unknown.message]).toEqual(['peer-unreachable', expect.stringContaining('DNS')])
    const silent = await silentPort()
    const slow = await refusal(post(message({ uri: silent.url, timeouts: { connect: 0.1 } })))
    silent.close()
    expect([slow.code, slow.message]).toEqual([
      'peer-unreachable',
      expect.stringContaining('could not be reached within 0.1 s'),
    ])
    const plain = createServer().listen(0, '127.0.0.1')
    await once(plain, 'listening')
    const { port } = plain.address() as AddressInfo
    const spoken = await refusal(post(message({ uri: `https://127.0.0.1:${port}/` })))
    plain.close()
    expect([spoken.code, spoken.message]).toEqual(['peer-tls', expect.stringContaining('TLS failed')])
  })
})

describe('a redirect by 307 or 308', () => {
  it('is followed once on the same server, with the message', async () => {
    peer.behave = (socket, request) =>
      request.line.includes('/other')
        ? respond('200 OK', `got ${request.body}`)(socket, request)
        : respond('307 x', '', ['Location: /other?x=1'])(socket, request)
    expect((await post(message())).body.toString()).toBe('got a message')
    expect(peer.requests.at(-1)!.line).toBe('POST /other?x=1 HTTP/1.1')
  })

  it('leaves the second request only the rest of the time', async () => {
    peer.behave = (socket, request) => {
      if (!request.line.includes('/other'))
        setTimeout(() => respond('307 x', '', ['Location: /other'])(socket, request), 300)
    }
    const begun = performance.now()
    const error = await refusal(post(message({ timeouts: { whole: 0.4 } })))
    expect(performance.now() - begun).toBeLessThan(650)
    expect(error.message).toContain('/other did not begin its answer within 0.4 s')
  })

  const target = (method: 'GET' | 'POST', from: string, status: number, location: string): string => {
    try {
      return redirectTarget(method, new URL(from), { status, headers: { location } }).href
    } catch (error) {
      return error instanceof AppError ? error.code : String(error)
    }
  }
  it.each([
    ['POST', 'http://a.example/x', 308, 'https://a.example/y', 'https://a.example/y'],
    ['POST', 'https://a.example/x', 308, 'http://a.example/x', 'peer-redirect'],
    ['POST', 'https://a.example/x', 308, 'https://a.example:8443/x', 'peer-redirect'],
    ['POST', 'https://a.example/x', 308, 'https://b.a.example/x', 'peer-redirect'],
    ['POST', 'https://a.example/x', 308, '//169.254.169.254/', 'peer-redirect'],
    ['POST', 'https://a.example/x', 308, 'https://u:p@a.example/x', 'peer-redirect'],
    ['POST', 'https://a.example/x', 301, '/y', 'peer-redirect'],
    ['POST', 'https://a.example/x', 303, '/y', 'peer-redirect'],
    ['GET', 'https://a.example/x', 301, '/y', 'https://a.example/y'],
    ['GET', 'https://a.example/x', 302, 'https://b.example/', 'peer-redirect'],
    ['GET', 'https://a.example/x', 303, '/y', 'peer-redirect'],
  ] as const)('%s %s %d to %s: %s', (method, from, status, location, expected) => {
    expect(target(method, from, status, location)).toBe(expected)
  })
})

describe('a private address', () => {
  it('is refused unless allowed, whether it is written or resolved, and nothing is sent to it', async () => {
    const before = peer.connections
    const port = new URL(uri).port
    for (const host of ['127.0.0.1', 'localhost', '0x7f.1', '2130706433', '[::ffff:127.0.0.1]', '[::1]']) {
      const error = await refusal(post(message({ uri: `http://${host}:${port}/`, allowPrivate: false })))
      expect([error.kind, error.code, error.hint]).toEqual([
        'remote',
        'peer-private-address',
        expect.stringContaining('--allow-private'),
      ])
    }
    expect(peer.connections).toBe(before)
  })

  it('is refused at the address that is connected to, whatever the name had before', async () => {
    const before = peer.connections
    const answers = ['193.0.6.139', '127.0.0.1']
    let asked = 0
    const resolve = async () => [{ address: answers[asked++ % 2]!, family: 4 }]
    const named = message({ uri: `http://peer.example:${new URL(uri).port}/`, allowPrivate: false, resolve })
    asked = 1
    expect((await refusal(post(named))).code).toBe('peer-private-address')
    // one look-up for each connection: there is no second one that could differ
    expect(asked).toBe(2)
    expect(peer.connections).toBe(before)
    expect(
      (await post({ ...named, allowPrivate: true, resolve: async () => [{ address: '127.0.0.1', family: 4 }] })).status,
    ).toBe(200)
  })
})

describe('a URI', () => {
  it.each([
    ['ftp://a.example/', 'is not an http or https URI'],
    ['rsync://a.example/', 'is not an http or https URI'],
    ['nonsense', 'is not an http or https URI'],
    ['https://joe:secret@a.example/', 'contains a user or a password'],
    ['https://a.example/#x', 'contains a fragment'],
  ])('%s is refused', (text, fault) => {
    try {
      parseUri(text)
      expect.fail('was accepted')
    } catch (error) {
      expect(error).toMatchObject({ kind: 'usage', code: 'peer-uri-invalid' })
      expect(String(error)).toContain(fault)
      expect(String(error)).not.toContain('secret')
    }
  })

  it('is shown without its query', async () => {
    peer.behave = respond('404 Not Found')
    const error = await refusal(post(message({ uri: `${uri}?token=secret` })))
    expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain('secret')
    expect(peer.requests.at(-1)!.line).toContain('?token=secret')
  })
})

describe('a file', () => {
  it('is fetched, or only hashed', async () => {
    const text = 'notification'.repeat(100_000)
    peer.behave = respond('200 OK', text)
    expect((await fetchBytes({ uri, userAgent: 'brine/1', allowPrivate: true })).body.toString()).toBe(text)
    expect(peer.requests.at(-1)!.line).toMatch(/^GET /)
    expect(await fetchDigest({ uri, userAgent: 'brine/1', allowPrivate: true })).toEqual({
      sha256: createHash('sha256').update(text).digest('hex'),
      length: text.length,
    })
    const capped = fetchDigest({ uri, userAgent: 'brine/1', allowPrivate: true, maxBytes: 1000 })
    expect((await refusal(capped)).code).toBe('peer-too-big')
  })

  it('of another status than 200 is refused', async () => {
    peer.behave = respond('404 Not Found')
    for (const get of [fetchBytes, fetchDigest])
      expect((await refusal(get({ uri, userAgent: 'brine/1', allowPrivate: true }))).code).toBe('peer-status')
  })
})
