/** The client to remote CAs: every way in which an exchange fails has its class and its sentence. */

import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Ask, type HttpQuery, httpClient, retryAfter } from '../../../src/core/backends/http.js'
import { jsonOf, statusFault } from '../../../src/core/backends/http-faults.js'
import type { Instant } from '../../../src/core/base/time.js'
import type { Remote } from '../../../src/core/config/enrolment/schema.js'
import { CaPeer, freePort, type Knob, peerFiles, silentPort, tlsLeaf } from '../../support/peers/ca-peer.js'
import { OpensslBox } from '../../support/peers/requests.js'
import { faultOf, portsAt } from './contract.js'

const box = new OpensslBox()
const files = peerFiles(box, 'remote')
const peer = new CaPeer(files, () => ({ body: '{"answer":42}' }))
let remote: Remote
let ask: Ask
const ports = portsAt()

beforeAll(async () => {
  remote = {
    url: await peer.listen(),
    caCert: files.ca.cert,
    tlsCa: files.tlsCa,
    authCert: files.client.cert,
    authKey: files.client.key,
    profile: undefined,
  }
  ask = httpClient(remote, ports)
})
afterEach(() => {
  peer.knob = undefined
})
afterAll(async () => {
  await peer.close()
  box.remove()
})

const question = (issues: boolean, ms = 10_000): HttpQuery => ({
  method: 'POST',
  path: '/sign',
  body: 'a request',
  issues,
  signal: AbortSignal.timeout(ms),
})
/** As a backend does it: the status decides, then JSON is wanted. */
async function answerTo(asked: HttpQuery, client = ask): Promise<unknown> {
  const answer = await client(asked)
  if (answer.status !== 200) throw statusFault(answer)
  return jsonOf(answer)
}

describe('an exchange', () => {
  it('brings the answer, and shows who asks', async () => {
    expect(await answerTo(question(true))).toEqual({ answer: 42 })
    const { client, method, path, body, headers } = peer.asked.at(-1)!
    expect([client, method, path, body, headers.connection]).toEqual([
      'ra-agent',
      'POST',
      '/sign',
      'a request',
      'close',
    ])
  })

  // the same failure, of a question and of one that makes a certificate
  it.each<[Knob, string, string, string]>([
    ['reset', 'ca-fault', 'unknown', 'closed the connection before a response'],
    ['half-body', 'ca-fault', 'unknown', 'during its response (status 200)'],
    ['hang', 'ca-fault', 'unknown', 'did not respond to the request in time'],
    ['hang-in-body', 'ca-fault', 'unknown', 'did not complete its response (status 200) in time'],
    ['html-500', 'ca-fault', 'ca-fault', 'status 500: an HTML page'],
    ['html-200', 'ca-fault', 'unknown', 'an HTML page instead of JSON'],
    ['nothing', 'ca-fault', 'unknown', 'status 200 with an empty body'],
    ['redirect', 'ca-fault', 'ca-fault', 'redirected (status 302), which is not followed'],
    ['too-long', 'ca-fault', 'unknown', 'larger than 1048576 bytes'],
    [{ status: 503 }, 'ca-fault', 'ca-fault', 'status 503'],
    [{ status: 429 }, 'ca-fault', 'ca-fault', 'status 429'],
    [{ status: 504 }, 'ca-fault', 'unknown', 'status 504'],
    [{ status: 401 }, 'config-fault', 'config-fault', 'our credentials'],
    [{ status: 403 }, 'config-fault', 'config-fault', 'our credentials'],
    [{ status: 404 }, 'config-fault', 'config-fault', 'not found; check url'],
    [{ status: 400, body: 'no such\nprofile' }, 'request-fault', 'request-fault', 'status 400: "no such profile"'],
    [{ status: 413 }, 'request-fault', 'request-fault', 'status 413'],
    [{ status: 204 }, 'ca-fault', 'unknown', 'status 204'],
    [{ status: 200, body: '[1]' }, 'ca-fault', 'unknown', '"[1]" instead of JSON'],
  ])('that ends in %j is classed and told', async (knob, asking, issuing, told) => {
    peer.knob = knob
    const ms = typeof knob === 'string' && knob.startsWith('hang') ? 400 : 10_000
    for (const [issues, outcome] of [
      [false, asking],
      [true, issuing],
    ] as const) {
      const fault = await faultOf(answerTo(question(issues, ms)))
      expect([fault.outcome, fault.message]).toEqual([outcome, expect.stringContaining(told)])
      expect(fault.message).toContain(`${remote.url}/sign`)
      expect(fault.message).not.toMatch(/\n|elsewhere/)
    }
  })

  it('that is never begun is the CA’s fault, whatever was asked', async () => {
    const silent = await silentPort()
    const closed = `https://127.0.0.1:${await freePort()}`
    const before = peer.requests
    for (const [url, told] of [
      [closed, 'refused the connection'],
      ['https://ca.invalid', 'DNS'],
      [silent.url, 'could not be reached in time'],
    ] as const) {
      const fault = await faultOf(answerTo(question(true, 3000), httpClient({ ...remote, url }, ports)))
      expect([fault.outcome, fault.message]).toEqual(['ca-fault', expect.stringContaining(told)])
    }
    silent.close()
    expect(peer.requests).toBe(before)
  })

  it('ends within a second of its abort', async () => {
    peer.knob = 'hang'
    const stop = new AbortController()
    const begun = peer.requests
    const pending = faultOf(ask({ ...question(true), signal: stop.signal }))
    await expect.poll(() => peer.requests, { interval: 5 }).toBe(begun + 1)
    const at = performance.now()
    stop.abort()
    expect((await pending).outcome).toBe('unknown')
    expect(performance.now() - at).toBeLessThan(1000)
  })
})

describe('whom it trusts', () => {
  const failing = async (changed: Partial<Remote>): Promise<readonly [string, string, string]> => {
    const fault = await faultOf(answerTo(question(true), httpClient({ ...remote, ...changed }, ports)))
    return [fault.outcome, fault.code, fault.message]
  }

  it('is nobody with a TLS certificate of an unknown root, for another host, or out of date', async () => {
    const before = peer.requests
    const [outcome, code, message] = await failing({ tlsCa: undefined })
    expect([outcome, code]).toEqual(['ca-fault', 'ca-tls'])
    expect(message).toContain('unknown root')
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    expect((await failing({ tlsCa: undefined }))[1]).toBe('ca-tls')
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    expect((await failing({ url: remote.url.replace('127.0.0.1', '127.0.0.2') }))[0]).toBe('ca-fault')
    expect(peer.requests).toBe(before)
  })

  it('may be an issuing CA below another root', async () => {
    const root = box.ca('top')
    const key = box.path('key-below.pem')
    box.run('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', key)
    box.run('req', '-new', '-key', key, '-subj', '/CN=below', '-out', 'below.csr')
    writeFileSync(box.path('below.ext'), 'basicConstraints=critical,CA:TRUE\n')
    const signing = ['-CA', root.cert, '-CAkey', root.key, '-CAcreateserial', '-extfile', 'below.ext']
    box.run('x509', '-req', '-in', 'below.csr', ...signing, '-days', '10', '-out', 'below.pem')
    const below = { cert: box.path('below.pem'), key }
    const server = new CaPeer({ server: tlsLeaf(box, below, 'below-server'), tlsCa: files.tlsCa }, () => ({
      body: '{}',
    }))
    const url = await server.listen()
    const client = httpClient({ ...remote, url, caCert: below.cert, tlsCa: undefined }, ports)
    expect(await answerTo(question(true), client)).toEqual({})
    await server.close()
  })

  it('learns who we are: without our certificate, or with a stranger’s, it is our configuration', async () => {
    const stranger = tlsLeaf(box, box.ca('stranger'), 'ra-agent-2')
    const port = await freePort()
    const { cert, key } = files.server
    const strict = ['-Verify', '1', '-verify_return_error', '-CAfile', files.tlsCa]
    const server = spawn('openssl', [
      's_server',
      '-www',
      '-accept',
      `127.0.0.1:${port}`,
      '-cert',
      cert,
      '-key',
      key,
      ...strict,
    ])
    await new Promise<void>((resolve) => {
      server.stdout.on('data', (said) => String(said).includes('ACCEPT') && resolve())
    })
    try {
      for (const changed of [
        { authCert: undefined, authKey: undefined },
        { authCert: stranger.cert, authKey: stranger.key },
      ])
        expect((await failing({ ...changed, url: `https://127.0.0.1:${port}` })).slice(0, 2)).toEqual([
          'config-fault',
          'ca-client-refused',
        ])
    } finally {
      server.kill('SIGKILL')
    }
    peer.knob = { status: 400, body: '<html><center>No required SSL certificate was sent</center>nginx</html>' }
    expect((await failing({})).slice(0, 2)).toEqual(['config-fault', 'ca-client-refused'])
  })

  it('is not asked with client files that do not fit', async () => {
    const before = peer.requests
    const cases: readonly (readonly [Partial<Remote>, string])[] = [
      [{ authCert: box.path('nowhere.pem') }, 'ca-file-unreadable'],
      [{ authKey: box.path('nowhere.pem') }, 'ca-file-unreadable'],
      [{ authKey: files.server.key }, 'ca-key-mismatch'],
      [{ authKey: undefined }, 'ca-client-incomplete'],
      [{ tlsCa: box.path('nowhere.pem') }, 'ca-file-unreadable'],
      [{ authKey: 'pkcs11:token=ra;object=key' }, 'ca-module-missing'],
      [{ url: remote.url.replace('https', 'http') }, 'ca-url-invalid'],
      [{ url: remote.url.replace('//', '//user:swordfish@') }, 'ca-url-invalid'],
    ]
    for (const [changed, code] of cases) {
      const found = await failing(changed)
      expect(found.slice(0, 2)).toEqual(['config-fault', code])
      expect(found[2]).not.toContain('swordfish')
    }
    const later = { ...ports, clock: { now: () => '2099-01-01T00:00:00Z' as Instant } }
    expect((await faultOf(httpClient(remote, later)(question(true)))).code).toBe('ca-client-expired')
    expect(peer.requests).toBe(before)
  })
})

describe('when to ask again', () => {
  it.each([
    ['120', 120],
    ['0', 1],
    ['', 60],
    ['soon', 60],
    ['Wed, 01 Jan 2020 00:00:30 GMT', 30],
    ['Wed, 01 Jan 2010 00:00:00 GMT', 1],
  ])('%j is %i seconds', (text, seconds) => {
    const clock = { now: () => '2020-01-01T00:00:00Z' as Instant }
    const answer = { where: '', issues: true, status: 202, body: Buffer.alloc(0), headers: { 'retry-after': text } }
    expect(retryAfter(answer, { ...ports, clock })).toBe(seconds)
  })
})
