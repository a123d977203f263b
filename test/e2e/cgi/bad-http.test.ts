/**
 * HTTP requests to `/rfc6492/` and `/rfc8181/` that contain no message, through a process for each request and through the worker: each has
 * its status, is one line for the operator, and changes nothing.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { exchange, pairs, record, requestRecords } from '../../support/peers/fastcgi-client.js'
import { type MessageSite, messageSite, wallClock } from '../../support/peers/message-site.js'
import { projectDir } from '../../support/processes/brine-shim.js'
import { scratchFolder } from '../../support/sites/testbed.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 })

const scratch = scratchFolder('bad-http')
const socket = join(scratch.dir, 'est.sock')
const program = [join(projectDir, 'bin/run.js'), 'cgi']
let site: MessageSite
let worker: ReturnType<typeof spawn> | undefined
let list: Uint8Array = new Uint8Array()
let query: Uint8Array = new Uint8Array()
let workerLog = ''

beforeAll(async () => {
  site = await messageSite(scratch.dir)
  ;[list, query] = [await site.ask({ type: 'list' }), await site.pub.message(wallClock())]
  worker = spawn(process.execPath, [...program, '--fastcgi', socket, '--idle', '300s'], {
    env: { PATH: process.env['PATH'] ?? '', BRINE_DATA_DIR: site.dir },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  worker.stderr?.on('data', (part: Buffer) => (workerLog += part.toString()))
  while (!existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 20))
})
afterAll(() => {
  worker?.kill('SIGTERM')
  scratch.remove()
})

type Environment = Readonly<Record<string, string>>

interface Answered {
  readonly status: string
  /** Lines of the error log. */
  readonly log: readonly string[]
}

const answered = (output: string, log: string): Answered => ({
  status: /^Status: (\d+)/.exec(output)?.[1] ?? 'none',
  log: log.split('\n').filter(Boolean),
})

/** Runs a process for the request; with `isOpen` its standard input does not end. */
function byProcess(variables: Environment, body: Uint8Array, isOpen = false): Promise<Answered> {
  const env = { PATH: process.env['PATH'] ?? '', BRINE_DATA_DIR: site.dir, ...variables }
  return new Promise((resolve) => {
    const child = spawn(process.execPath, program, { env })
    let [output, log] = ['', '']
    child.stdout.on('data', (part: Buffer) => (output += part.toString('latin1')))
    child.stderr.on('data', (part: Buffer) => (log += part.toString()))
    child.stdin.on('error', () => undefined)
    if (isOpen) child.stdin.write(body)
    else child.stdin.end(body)
    child.on('close', () => resolve(answered(output, log)))
  })
}

async function byWorker(variables: Environment, body: Uint8Array): Promise<Answered> {
  const { output, errors } = await exchange(socket, requestRecords(variables, body))
  return answered(output, errors)
}

const post = (path: string, body: Uint8Array, more: Environment = {}): readonly [Environment, Uint8Array] => [
  {
    ...{ REQUEST_METHOD: 'POST', SCRIPT_NAME: '', PATH_INFO: path, CONTENT_LENGTH: String(body.length) },
    CONTENT_TYPE: path.startsWith('/rfc8181') ? 'application/rpki-publication' : 'application/rpki-updown',
    ...more,
  },
  body,
]
const toCa = (more: Environment = {}, body = list) => post('/rfc6492/testbed', body, more)
const toPublisher = (more: Environment = {}, body = query) => post('/rfc8181/pub', body, more)
const none = new Uint8Array()
const MEBIBYTE = 1024 * 1024

describe.each([
  ['a process for each request', byProcess],
  ['the worker', byWorker],
] as const)('%s', (_, send) => {
  test.each<[number, string, () => readonly [Environment, Uint8Array]]>([
    [415, 'another content type', () => toCa({ CONTENT_TYPE: 'text/xml' })],
    [415, 'the content type of the other protocol', () => toPublisher({ CONTENT_TYPE: 'application/rpki-updown' })],
    [411, 'no length', () => toCa({ CONTENT_LENGTH: '' })],
    [400, 'a length that is no number', () => toCa({ CONTENT_LENGTH: '1e3' })],
    [400, 'a negative length', () => toPublisher({ CONTENT_LENGTH: '-1' })],
    [400, 'a length beyond the body', () => toCa({ CONTENT_LENGTH: String(list.length + 1) })],
    [400, 'a length before the end of the body', () => toCa({ CONTENT_LENGTH: String(list.length - 1) })],
    [413, 'a body over the limit of RFC 6492', () => toCa({}, new Uint8Array(MEBIBYTE + 1))],
    [
      413,
      'a length over the limit of RFC 8181',
      () => toPublisher({ CONTENT_LENGTH: String(32 * MEBIBYTE + 1) }, none),
    ],
    [413, 'a length of 15 digits', () => toPublisher({ CONTENT_LENGTH: '9'.repeat(15) }, none)],
    [400, 'an empty body', () => toCa({}, none)],
    [400, 'a body of zeros', () => toPublisher({}, new Uint8Array(4096))],
    [400, 'the message of another peer', () => toPublisher({}, list)],
    [405, 'GET', () => toCa({ REQUEST_METHOD: 'GET', CONTENT_LENGTH: '' }, none)],
    [405, 'PUT', () => toPublisher({ REQUEST_METHOD: 'PUT' })],
    [405, 'OPTIONS', () => toPublisher({ REQUEST_METHOD: 'OPTIONS', CONTENT_LENGTH: '' }, none)],
    [404, 'an unknown CA', () => post('/rfc6492/none', list)],
    [404, 'an unknown publisher', () => post('/rfc8181/none', query)],
    [404, 'a CA of this directory as publisher', () => post('/rfc8181/testbed', query)],
    [404, 'no handle', () => post('/rfc6492/', list)],
    [404, '..', () => post('/rfc6492/../rfc6492/testbed', list)],
    [404, '.. to another file', () => post('/rfc6492/../../data/cas/testbed', list)],
    [404, '%2e', () => post('/rfc6492/%2e%2e/testbed', list)],
    [404, '%252e', () => post('/rfc6492/%252e/testbed', list)],
    [404, '//', () => post('/rfc8181//pub', query)],
    [404, 'two slashes at the end', () => post('/rfc8181/pub//', query)],
    [404, 'another path below', () => post('/rfc8181/pub/x', query)],
    [404, 'a NUL', () => post('/rfc8181/pub%00', query)],
    [404, 'a handle of 256 characters', () => post(`/rfc8181/${'p'.repeat(256)}`, query)],
    [404, 'a line break', () => post('/rfc8181/pub%0d%0aX: y', query)],
    [404, 'a service in upper case', () => post('/RFC6492/testbed', list)],
    [404, 'a service of another name', () => post('/rfc6493/testbed', list)],
  ])('%i: %s', async (status, __, request) => {
    const before = site.everything()
    const { log, ...answer } = await send(...request())
    expect([answer.status, log.length]).toEqual([String(status), 1])
    expect(log[0]).toMatch(/^brine cgi: \S[\x20-\x7e]{9,400}$/)
    expect(site.everything()).toEqual(before)
  })

  test.each([
    ['one slash at the end', () => post('/rfc6492/testbed/', list)],
    ['octets as the content type', () => toCa({ CONTENT_TYPE: 'application/octet-stream' })],
    ['no content type', () => toPublisher({ CONTENT_TYPE: '' })],
    ['a parameter of the content type', () => toPublisher({ CONTENT_TYPE: 'Application/RPKI-publication; a=b' })],
  ] as const)('200: %s', async (__, request) => {
    expect(await send(...request())).toEqual({ status: '200', log: [] })
  })
})

test('a body that stops coming ends the request, and the worker serves the next', async () => {
  const before = site.everything()
  const [variables, body] = toCa()
  const stalled = new Promise<string>((resolve) => {
    const connection = createConnection(socket)
    const begin = record(1, Buffer.from([0, 1, 0, 0, 0, 0, 0, 0]))
    connection.write(
      Buffer.concat([begin, record(4, pairs(variables)), record(4, none), record(5, body.subarray(0, 99))]),
    )
    connection.on('close', () => resolve(workerLog))
    connection.on('error', () => undefined)
  })
  const [late, log] = await Promise.all([byProcess(variables, body.subarray(0, 99), true), stalled])
  expect(late).toEqual({ status: '408', log: [expect.stringMatching(/"\/rfc6492\/testbed": 408: The body/)] })
  expect(log).toMatch(/^brine cgi: a connection was closed: the rest of a request did not come for half a minute\n$/)
  expect(site.everything()).toEqual(before)
  expect(await byWorker(variables, body)).toEqual({ status: '200', log: [] })
})
