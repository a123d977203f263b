/**
 * Each line of the files for messages, as the program behind the web server sees it: the variables, when a body arrives, and how long it may
 * take to answer. The server around the files is configured against them, so that a line that is removed is missed.
 */
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, type TestContext, test, vi } from 'vitest'
import { type FastCgiRequest, fastCgiReader, fastCgiResponse } from '../../../src/core/protocols/fastcgi.js'
import { messageSite } from '../../support/peers/message-site.js'
import type { Server } from '../../support/peers/servers.js'
import { needProgram } from '../../support/processes/missing.js'
import { scratchFolder } from '../../support/sites/testbed.js'
import { EstServer } from '../cgi/est-server.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const scratch = scratchFolder('messages-lines')
const SERVICES = [
  ['/rfc6492/testbed', 'application/rpki-updown', 1024 * 1024],
  ['/rfc8181/pub', 'application/rpki-publication', 32 * 1024 * 1024],
] as const
const requests: FastCgiRequest[] = []
let connections = 0
/** Milliseconds before the answer. */
let delay = 0

beforeAll(async () => {
  chmodSync(scratch.dir, 0o711)
  await messageSite(scratch.dir)
})
beforeEach(() => {
  requests.length = 0
  ;[connections, delay] = [0, 0]
})
afterAll(() => scratch.remove())

const ANSWER = Buffer.from('Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nheard\n')

function answer(connection: Socket): void {
  connections += 1
  const read = fastCgiReader(() => 64 * 1024 * 1024)
  connection.on('error', () => connection.destroy())
  connection.on('data', (chunk: Buffer) => {
    for (const event of read(chunk)) {
      if (event.type !== 'request') throw new Error(`a record of the type ${event.type}`)
      requests.push(event.request)
      setTimeout(() => connection.end(fastCgiResponse(event.request.id, ANSWER, Buffer.alloc(0))), delay)
    }
  })
}

/** Stands in for Brine: keeps what it is sent, and answers after `delay`. */
async function backend(socket: string): Promise<Server> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  chmodSync(socket, 0o666)
  return { pid: process.pid, stop: () => new Promise((resolve) => void server.close(() => resolve())) }
}

interface Front {
  readonly front: string
  /** What the server around the files says, against each of their lines. */
  readonly around: string
  readonly timeout: readonly [string, string]
}

const FRONTS: readonly Front[] = [
  {
    front: 'nginx',
    around: 'client_max_body_size 1k; fastcgi_request_buffering off; fastcgi_read_timeout 1s; client_body_timeout 1s;',
    timeout: ['fastcgi_read_timeout    180s', 'fastcgi_read_timeout 1s'],
  },
  { front: 'apache2', around: 'Timeout 1', timeout: ['ProxyTimeout 180', 'ProxyTimeout 1'] },
]

describe.each(FRONTS)('$front', ({ front, around, timeout }) => {
  async function served(
    context: TestContext,
    use: (server: EstServer) => Promise<void>,
    more: { readonly around?: string; readonly edits?: readonly (readonly [string, string])[] } = { around },
  ): Promise<void> {
    const [program, curl] = [front, 'curl'].map((name) => needProgram(context, name)) as [string, string]
    const server = await EstServer.start({ front: program, curl, serves: 'messages', backend, ...more }, scratch.dir)
    // that the server was reached is no request
    connections = 0
    try {
      await use(server)
    } finally {
      await server.stop()
    }
  }

  const post = (server: EstServer, path: string, type: string, body: Uint8Array) => {
    const file = join(scratch.dir, 'body')
    writeFileSync(file, body)
    return server.ask(path, ['--data-binary', `@${file}`, '-H', `Content-Type: ${type}`, '-H', 'X-Forwarded-For: a'])
  }

  test('passes on the variables of CGI and the body', (context) =>
    served(context, async (server) => {
      for (const [path, type] of SERVICES) {
        const body = Buffer.from(`to ${path}`)
        expect((await post(server, path, type, body)).status).toBe(200)
        const { env, body: got } = requests.at(-1) ?? {}
        expect(Buffer.from(got ?? []).toString()).toBe(body.toString())
        expect(env).toMatchObject({
          ...{ GATEWAY_INTERFACE: 'CGI/1.1', SERVER_PROTOCOL: expect.stringMatching(/^HTTP\//), HTTPS: 'on' },
          ...{ SCRIPT_FILENAME: join(scratch.dir, 'brine.cgi'), SCRIPT_NAME: '', PATH_INFO: path },
          ...{ REQUEST_METHOD: 'POST', CONTENT_TYPE: type, CONTENT_LENGTH: String(body.length) },
          ...{ REMOTE_ADDR: '127.0.0.1' },
        })
        await server.ask(`${path}?x=1`)
        expect(requests.at(-1)?.env).toMatchObject({ REQUEST_METHOD: 'GET', PATH_INFO: path })
      }
    }))

  test('passes on a body of the largest length, and begins nothing for one that is longer', (context) =>
    served(context, async (server) => {
      for (const [path, type, largest] of SERVICES) {
        expect((await post(server, path, type, Buffer.alloc(largest))).status).toBe(200)
        expect(requests.at(-1)?.body.length).toBe(largest)
        const before = connections
        expect((await post(server, path, type, Buffer.alloc(largest + 1))).status).toBe(413)
        expect(connections).toBe(before)
      }
    }))

  test('waits longer for an answer than the server around it', (context) =>
    served(context, async (server) => {
      delay = 2500
      for (const [path, type] of SERVICES)
        expect((await post(server, path, type, Buffer.from('slow'))).status).toBe(200)
    }))

  test('does not wait for ever', (context) =>
    served(
      context,
      async (server) => {
        delay = 4000
        for (const [path, type] of SERVICES)
          expect([503, 504]).toContain((await post(server, path, type, Buffer.from('slow'))).status)
      },
      { edits: [timeout] },
    ))

  if (front === 'nginx')
    test('begins a request once it has the whole body', (context) =>
      served(context, async (server) => {
        for (const [path, type] of SERVICES) {
          let finish: (rest: string) => void = () => undefined
          const rest = new Promise<string>((resolve) => (finish = resolve))
          const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: ${type}\r\n`
          const before = connections
          const answered = server.begin(`${head}Content-Length: 8\r\n\r\nhalf`, rest)
          // longer than the server around it waits for a body
          await new Promise((resolve) => setTimeout(resolve, 2500))
          expect(connections).toBe(before)
          finish('rest')
          expect(await answered).toMatch(/^HTTP\/1\.1 200 /)
          expect(Buffer.from(requests.at(-1)?.body ?? []).toString()).toBe('halfrest')
        }
      }))
})
