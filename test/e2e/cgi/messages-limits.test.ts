/** Limits of contrib/ on messages, as nginx and Apache keep them before Brine sees a request: length, time, and source. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, type TestContext, test, vi } from 'vitest'
import { type MessageSite, messageSite } from '../../support/peers/message-site.js'
import { needProgram } from '../../support/processes/missing.js'
import { scratchFolder } from '../../support/sites/testbed.js'
import { EstServer, type HttpAnswer } from './est-server.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const scratch = scratchFolder('messages-limits')
const PATHS = [
  ['/rfc6492/testbed', 'application/rpki-updown', 1024 * 1024 + 1],
  ['/rfc8181/pub', 'application/rpki-publication', 32 * 1024 * 1024 + 1],
] as const
let site: MessageSite
beforeAll(async () => {
  chmodSync(scratch.dir, 0o711)
  site = await messageSite(scratch.dir)
})
afterAll(() => scratch.remove())

type Edits = readonly (readonly [string, string])[]

async function served(
  context: TestContext,
  front: string,
  edits: Edits,
  use: (server: EstServer) => Promise<void>,
): Promise<void> {
  const [program, curl] = [front, 'curl'].map((name) => needProgram(context, name)) as [string, string]
  const server = await EstServer.start({ front: program, curl, serves: 'messages', edits }, scratch.dir)
  try {
    const before = site.everything()
    await use(server)
    expect(site.everything()).toEqual(before)
  } finally {
    await server.stop()
  }
}

function post(server: EstServer, path: string, type: string, bytes: number, ...more: string[]): Promise<HttpAnswer> {
  const file = join(scratch.dir, 'body')
  writeFileSync(file, Buffer.alloc(bytes))
  return server.ask(path, ['--data-binary', `@${file}`, '-H', `Content-Type: ${type}`, ...more])
}

const head = (path: string, type: string, length: number): string =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`

const FRONTS = [
  {
    front: 'nginx',
    slow: [['client_body_timeout     30s;', 'client_body_timeout 1s;']],
    short: [
      ['client_max_body_size    1m;', 'client_max_body_size 1k;'],
      ['client_max_body_size    32m;', 'client_max_body_size 1k;'],
    ],
    only: (network: string): Edits => [
      ['# allow 192.0.2.0/24;', `allow ${network};`],
      ['# deny  all;', 'deny all;'],
    ],
  },
  {
    front: 'apache2',
    slow: [['body=30,MinRate=1000', 'body=1,MinRate=1000']],
    short: [
      ['-gt 1048576', '-gt 1000'],
      ['-gt 33554432', '-gt 1000'],
    ],
    only: (network: string): Edits => [['    Require all granted', `    Require ip ${network}`]],
  },
] as const

describe.each(FRONTS)('$front', ({ front, slow, short, only }) => {
  test('refuses a body above the limits of the file by itself', (context) =>
    served(context, front, short, async (server) => {
      // Apache has no limit for a body without a length that it passes on
      for (const [path, type] of PATHS)
        for (const more of front === 'nginx' ? [[], ['-H', 'Transfer-Encoding: chunked']] : [[]]) {
          // Brine itself would say 400
          const { status, body } = await post(server, path, type, 5000, ...more)
          expect([path, more, status]).toEqual([path, more, 413])
          expect(body.toString()).toMatch(/<html>/i)
        }
    }))

  test('refuses a body of 100 MB, and one that is an octet too long', (context) =>
    served(context, front, [], async (server) => {
      for (const [path, type, tooLong] of PATHS)
        for (const bytes of [tooLong, 100_000_000])
          for (const more of [[], ['-H', 'Transfer-Encoding: chunked']])
            expect([path, bytes, more, (await post(server, path, type, bytes, ...more)).status]).toEqual([
              path,
              bytes,
              more,
              413,
            ])
    }))

  test('ends a body that does not come, while others are answered, and passes on none that is shorter than its length', (context) =>
    served(context, front, slow, async (server) => {
      for (const [path, type] of PATHS) {
        const stalled = server.begin(`${head(path, type, 1000)}few`)
        expect((await server.ask(path)).status).toBe(405)
        // nginx closes the connection without an answer in some versions
        expect(await stalled).toMatch(/^(HTTP\/1\.1 (408|400) .*)?$/)
        expect(await server.begin(`${head(path, type, 3)}more than three`)).toMatch(/^HTTP\/1\.1 400 /)
      }
    }))

  test('lets in only the sources that the operator names', async (context) => {
    await served(context, front, only('192.0.2.0/24'), async (server) => {
      for (const [path] of PATHS) expect((await server.ask(path)).status).toBe(403)
      expect((await server.ask('/rrdp/notification.xml')).status).toBe(200)
    })
    await served(context, front, only('127.0.0.0/8'), async (server) => {
      for (const [path] of PATHS) expect((await server.ask(path)).status).toBe(405)
    })
  })
})
