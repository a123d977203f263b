/**
 * Messages of RFC 6492 and RFC 8181 to `brine cgi --fastcgi` and to `brine cgi`: both are served, and a request for one CA does not wait for
 * that of another whose body arrives slowly.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { parseHandle } from '../../../src/core/base/handle.js'
import type { Instant } from '../../../src/core/base/time.js'
import { readMessage } from '../../../src/core/protocols/cms/read-message.js'
import { encodeProvisioning } from '../../../src/core/protocols/provisioning/encode.js'
import { encodeSetup } from '../../../src/core/protocols/setup/encode.js'
import { exchange, readAnswer, requestRecords } from '../../support/peers/fastcgi-client.js'
import { type Party, partyOf } from '../../support/peers/parties.js'
import { publisherAt } from '../../support/peers/publisher.js'
import { type ServedWorker, startWorker } from '../../support/peers/served-worker.js'
import { projectDir } from '../../support/processes/brine-shim.js'
import { brineOk, newTestbed, scratchFolder } from '../../support/sites/testbed.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const scratch = scratchFolder('messages')
const [dir, socket] = [join(scratch.dir, 'data'), join(scratch.dir, 'cgi.sock')]
const SERVICE = ['--service-uri', 'https://rpki.example.net/']
let party: Party
let worker: ServedWorker | undefined

beforeAll(async () => {
  await newTestbed(dir)
  party = await partyOf(39)
  const { der: id } = party.certificate
  const [child, publisher] = [join(scratch.dir, 'child.xml'), join(scratch.dir, 'publisher.xml')]
  writeFileSync(child, encodeSetup({ kind: 'child_request', childHandle: parseHandle('kid'), id }))
  writeFileSync(
    publisher,
    encodeSetup({ kind: 'publisher_request', publisherHandle: parseHandle('pub'), referrals: [], id }),
  )
  await brineOk(dir, ['ca', 'add', 'acme', '--under', 'testbed', '--resources', '10.0.0.0/8'])
  for (const ca of ['testbed', 'acme'])
    await brineOk(dir, ['child', 'add', ca, 'kid', '--request', child, ...SERVICE, '--resources', '10.0.0.0/16'])
  await brineOk(dir, ['pubserver', 'publisher', 'add', 'pub', '--request', publisher, ...SERVICE])
  worker = await startWorker(dir, socket, ['--at-once', '1'])
})
afterAll(async () => {
  await worker?.stop()
  scratch.remove()
})

const now = (): Instant => new Date().toISOString().replace(/\.\d+/, '') as Instant
const list = (ca: string): Promise<Uint8Array> =>
  party.say(encodeProvisioning({ sender: 'kid', recipient: ca, body: { type: 'list' } }), now())

interface Request {
  readonly path: string
  readonly body: Uint8Array
}
const listRequest = async (ca: string): Promise<Request> => ({ path: `/rfc6492/${ca}`, body: await list(ca) })

const variables = ({ path, body }: Request) => ({
  ...{ PATH: process.env['PATH'] ?? '', BRINE_DATA_DIR: dir, REQUEST_METHOD: 'POST', PATH_INFO: path },
  CONTENT_TYPE: path.startsWith('/rfc6492/') ? 'application/rpki-updown' : 'application/rpki-publication',
  CONTENT_LENGTH: String(body.length),
})

/** Returns the XML in the answer, or the answer where it is another one. */
function xmlOf(output: string): string {
  if (!output.startsWith('Status: 200 ')) return output
  const body = Buffer.from(output.slice(output.indexOf('\r\n\r\n') + 4), 'latin1')
  return Buffer.from(readMessage(new Uint8Array(body)).content ?? []).toString()
}

const byWorker = async (request: Request): Promise<string> =>
  xmlOf((await exchange(socket, requestRecords(variables(request), request.body))).output)

interface SlowRequest {
  readonly isAnswered: () => boolean
  /** Sends the rest and returns the answer. */
  readonly finish: () => Promise<string>
}

/** Sends a request to the worker but for its last octets. */
function slowlyToWorker(request: Request): SlowRequest {
  const bytes = requestRecords(variables(request), request.body)
  const connection = createConnection(socket)
  const chunks: Buffer[] = []
  connection.on('data', (chunk: Buffer) => chunks.push(chunk))
  const closed = new Promise((resolve) => connection.once('close', resolve))
  connection.write(bytes.subarray(0, -100))
  return {
    isAnswered: () => chunks.length > 0,
    finish: async () => {
      connection.write(bytes.subarray(-100))
      await closed
      return xmlOf(readAnswer(Buffer.concat(chunks)).output)
    },
  }
}

/** Starts a process and sends it the request but for its last octets. */
function slowlyToProcess(request: Request): SlowRequest {
  const child: ChildProcess = spawn(process.execPath, [join(projectDir, 'bin/run.js'), 'cgi'], {
    ...{ env: variables(request), stdio: ['pipe', 'pipe', 'inherit'] },
  })
  const chunks: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk))
  const closed = new Promise((resolve) => child.once('close', resolve))
  child.stdin?.write(request.body.subarray(0, -100))
  return {
    isAnswered: () => chunks.length > 0,
    finish: async () => {
      child.stdin?.end(request.body.subarray(-100))
      await closed
      return xmlOf(Buffer.concat(chunks).toString('latin1'))
    },
  }
}

test.each([
  ['worker, which answers one at a time', slowlyToWorker],
  ['process', slowlyToProcess],
])('a request whose body arrives slowly at a %s keeps no other one waiting', async (_, slowly) => {
  const first = slowly(await listRequest('testbed'))
  expect(await byWorker(await listRequest('acme'))).toContain('type="list_response"')
  expect(await slowly(await listRequest('acme')).finish()).toContain('sender="acme"')
  expect(first.isAnswered()).toBe(false)
  expect(await first.finish()).toContain('sender="testbed"')
})

test('the worker publishes more than a request of EST may have, and lists it', async () => {
  const pub = publisherAt(party, parseHandle('pub'), 'rsync://rpki.example/repo/pub/')
  const large = Array.from({ length: 300 }, (_, n) => pub.put(`${n}.roa`, 'x'.repeat(1500)))
  const body = await pub.message(now(), large)
  expect(body.length).toBeGreaterThan(500_000)
  const path = '/rfc8181/pub'
  expect(await byWorker({ path, body })).toContain('<success/>')
  expect((await byWorker({ path, body: await pub.message(now()) })).match(/<list /g)).toHaveLength(300)
})
