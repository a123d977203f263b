/**
 * A real Krill as a child of a CA of ours, over HTTP: brine cgi answers its messages. Its own publication server holds its objects, which are
 * not looked at here: what counts is that Krill accepts our answers and certificates, and that we accept its messages.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Krill, needKrill } from '../support/peers/krill.js'
import { brineOk, newTestbed, scratchFolder } from '../support/sites/testbed.js'

const scratch = scratchFolder('krill-child')
let krill: Krill | undefined
let server: Server | undefined
afterAll(async () => {
  await krill?.stop()
  server?.close()
  scratch.remove()
})

/** Serves `brine cgi` over HTTP on loopback, as a web server in front of it does. Returns its URI. */
function serveCgi(dataDir: string): Promise<string> {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = Buffer.concat(parts)
    const env = {
      ...{ PATH: process.env['PATH'] ?? '', BRINE_DATA_DIR: dataDir, REQUEST_METHOD: request.method ?? '' },
      ...{ SCRIPT_NAME: '', PATH_INFO: request.url ?? '', CONTENT_TYPE: request.headers['content-type'] ?? '' },
      CONTENT_LENGTH: String(body.length),
    }
    const run = spawnSync(process.execPath, [join(import.meta.dirname, '../../bin/run.js'), 'cgi'], {
      env,
      input: body,
    })
    const split = run.stdout.indexOf('\r\n\r\n')
    const head = run.stdout.subarray(0, split).toString().split('\r\n')
    const fields = head.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const)
    const status = Number(fields.find(([name]) => name === 'Status')?.[1]?.slice(0, 3) ?? 500)
    response.writeHead(status, Object.fromEntries(fields.filter(([name]) => name !== 'Status')))
    response.end(run.stdout.subarray(split + 4))
  }
  return new Promise((resolve) => {
    server = createServer((request, response) => void answer(request, response))
    server.listen(0, '127.0.0.1', () => {
      const address = server?.address()
      resolve(`http://localhost:${typeof address === 'object' ? address?.port : 0}/`)
    })
  })
}

const childOf = (dir: string) =>
  brineOk<{ resources: Record<string, string>; certificates: readonly { resources: Record<string, string> }[] }>(dir, [
    ...['child', 'show', 'testbed', 'kid', '--json'],
  ])

test('Krill gets a certificate, follows its resources, rolls its key and is heard', async (context) => {
  const programs = needKrill(context)
  const dir = join(scratch.dir, 'brine')
  await newTestbed(dir)
  const uri = await serveCgi(dir)
  krill = await Krill.start(join(scratch.dir, 'krill'), programs, { testbed: true })
  await krill.run('add', '--ca', 'kid')
  await krill.configureRepo('kid', await krill.addPublisher('kid', await krill.publisherRequest('kid')))

  const [request, response] = [join(scratch.dir, 'request.xml'), join(scratch.dir, 'response.xml')]
  writeFileSync(request, await krill.childRequest('kid'))
  await brineOk(dir, [
    ...['child', 'add', 'testbed', 'kid', '--request', request, '--service-uri', uri],
    ...['--resources', '10.0.0.0/8, AS64496, 2001:db8::/32', '--out', response],
  ])
  await krill.addParent('kid', 'brine', readFileSync(response, 'utf8'))
  const held = async (): Promise<string> => (await krill?.resources('kid'))?.ipv4 ?? ''
  expect(await krill.wait(async () => (await held()) === '10.0.0.0/8')).toBe(true)
  expect((await childOf(dir)).certificates.map((c) => c.resources)).toEqual([
    { asn: 'AS64496', ipv4: '10.0.0.0/8', ipv6: '2001:db8::/32' },
  ])

  await brineOk(dir, ['child', 'update', 'testbed', 'kid', '--add', '11.0.0.0/8'])
  await krill.run('bulk', 'refresh')
  expect(await krill.wait(async () => (await held()) === '10.0.0.0/7')).toBe(true)
  await brineOk(dir, ['child', 'update', 'testbed', 'kid', '--remove', '10.0.0.0/8', '--yes'])
  await krill.run('bulk', 'refresh')
  expect(await krill.wait(async () => (await held()) === '11.0.0.0/8')).toBe(true)

  const before = (await childOf(dir)).certificates.length
  await krill.run('keyroll', 'init', '--ca', 'kid')
  expect(await krill.wait(async () => (await childOf(dir)).certificates.length === before + 1)).toBe(true)
  await krill.run('keyroll', 'activate', '--ca', 'kid')
  expect(await krill.wait(async () => (await childOf(dir)).certificates.length === before)).toBe(true)
  await brineOk(dir, ['audit', 'verify', '--full'])
}, 300_000)
