/** Messages of a child and a publisher through nginx and Apache with the files of contrib/: the worker, and a process for each request. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, type TestContext, test, vi } from 'vitest'
import { type MessageSite, messageSite, wallClock } from '../../support/peers/message-site.js'
import { needProgram } from '../../support/processes/missing.js'
import { scratchFolder } from '../../support/sites/testbed.js'
import { EstServer, type HttpAnswer } from './est-server.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const scratch = scratchFolder('messages-server')
let site: MessageSite
beforeAll(async () => {
  chmodSync(scratch.dir, 0o711)
  site = await messageSite(scratch.dir)
})
afterAll(() => scratch.remove())

let count = 0
function post(server: EstServer, path: string, type: string, body: Uint8Array, ...more: string[]): Promise<HttpAnswer> {
  const file = join(scratch.dir, `body-${count++}`)
  writeFileSync(file, body)
  return server.ask(path, ['--data-binary', `@${file}`, '-H', `Content-Type: ${type}`, ...more])
}

async function exchange(context: TestContext, front: string, fcgiwrap?: string): Promise<void> {
  const [program, curl] = [front, 'curl'].map((name) => needProgram(context, name)) as [string, string]
  const wrapper = fcgiwrap === undefined ? {} : { fcgiwrap: needProgram(context, fcgiwrap) }
  const server = await EstServer.start({ front: program, curl, serves: 'messages', ...wrapper }, scratch.dir)
  try {
    const listed = await post(server, '/rfc6492/testbed', 'application/rpki-updown', await site.ask({ type: 'list' }))
    expect([listed.status, listed.headers['content-type']]).toEqual([200, 'application/rpki-updown'])
    expect(site.provisioned(listed.body)).toMatchObject({ type: 'list_response', classes: [{ className: '0' }] })

    const query = await site.pub.message(wallClock())
    // without a length, in chunks
    const chunked = ['-H', 'Transfer-Encoding: chunked']
    const held = await post(server, '/rfc8181/pub/', 'application/rpki-publication', query, ...chunked)
    expect([held.status, held.headers['content-type']]).toEqual([200, 'application/rpki-publication'])
    expect(site.published(held.body)).toEqual({ type: 'list', objects: [] })

    const before = site.everything()
    const longest = Buffer.alloc(1024 * 1024)
    expect((await post(server, '/rfc6492/testbed', 'application/rpki-updown', longest)).status).toBe(400)
    const tooLong = Buffer.alloc(1024 * 1024 + 1)
    expect((await post(server, '/rfc6492/testbed', 'application/rpki-updown', tooLong)).status).toBe(413)
    expect((await post(server, '/rfc8181/pub', 'application/rpki-publication', tooLong)).status).toBe(400)
    const long = Buffer.alloc(32 * 1024 * 1024 + 1)
    expect((await post(server, '/rfc8181/pub', 'application/rpki-publication', long)).status).toBe(413)
    expect((await server.ask('/rfc6492/testbed')).status).toBe(405)
    expect((await post(server, '/rfc6492/none', 'application/rpki-updown', query)).status).toBe(404)
    expect((await server.ask('/rrdp/notification.xml')).status).toBe(200)
    expect((await server.ask('/brine.json')).status).toBeGreaterThanOrEqual(403)
    expect(site.everything()).toEqual(before)
  } finally {
    await server.stop()
  }
}

test('nginx and the worker', (context) => exchange(context, 'nginx'))
test('nginx and fcgiwrap', (context) => exchange(context, 'nginx', 'fcgiwrap'))
test('Apache and the worker', (context) => exchange(context, 'apache2'))
