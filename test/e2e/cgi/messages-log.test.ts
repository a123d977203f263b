/** `exchange_log_dir` at the server: each message that a peer has signed and its answer, within the limit, no key, and never a reason to fail. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type MessageSite, messageSite, wallClock } from '../../support/peers/message-site.js'
import { partyOf } from '../../support/peers/parties.js'
import { projectDir } from '../../support/processes/brine-shim.js'
import { scratchFolder } from '../../support/sites/testbed.js'
import { secretsOf } from '../../support/store/secrets.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const scratch = scratchFolder('messages-log')
const log = join(scratch.dir, 'log')
let site: MessageSite
beforeAll(async () => {
  site = await messageSite(scratch.dir)
  writeFileSync(join(site.dir, 'brine.toml'), `exchange_log_dir = "${log}"\nexchange_log_max_mb = 1\n`)
})
beforeEach(() => rmSync(log, { recursive: true, force: true }))
afterAll(() => scratch.remove())

interface Answer {
  readonly status: string
  readonly body: Buffer
  readonly errors: readonly string[]
}

function post(path: string, body: Uint8Array): Answer {
  const type = path.startsWith('/rfc6492/') ? 'application/rpki-updown' : 'application/rpki-publication'
  const env = {
    ...{ PATH: process.env['PATH'] ?? '', BRINE_DATA_DIR: site.dir, REQUEST_METHOD: 'POST', PATH_INFO: path },
    ...{ CONTENT_TYPE: type, CONTENT_LENGTH: String(body.length) },
  }
  const { stdout, stderr } = spawnSync(process.execPath, [join(projectDir, 'bin/run.js'), 'cgi'], { env, input: body })
  const status = /^Status: (\d+)/.exec(stdout.toString('latin1'))?.[1] ?? 'none'
  const errors = stderr.toString().split('\n').filter(Boolean)
  return { status, body: stdout.subarray(stdout.indexOf('\r\n\r\n') + 4), errors }
}
/** The files of the log in their order, by peer and direction. */
const kept = (): readonly (readonly [string, Buffer])[] =>
  readdirSync(log)
    .sort()
    .map((name) => [name.replace(/^\w+-[0-9a-f]{16}-(.*)-\d+\./, '$1 '), readFileSync(join(log, name))])

test('messages of a child and a publisher, also those that get an error, and no key', async () => {
  const messages = [
    await site.ask({ type: 'list' }),
    await site.ask({ type: 'revoke', className: 'none', ski: site.kid.id.ski }),
  ]
  const delta = await site.pub.message(wallClock(), [site.pub.drop('none.cer', 'none')])
  const answers = [...messages.map((one) => post('/rfc6492/testbed', one)), post('/rfc8181/pub', delta)]
  expect(answers.map(({ status }) => status)).toEqual(['200', '200', '200'])
  const files = kept()
  expect(files.map(([name]) => name)).toEqual([
    ...['child-testbed-kid-received cms', 'child-testbed-kid-sent cms'],
    ...['child-testbed-kid-received cms', 'child-testbed-kid-sent cms'],
    ...['publisher-pubserver-pub-received cms', 'publisher-pubserver-pub-sent cms'],
  ])
  const exchanged = [...messages, delta].flatMap((message, n) => [Buffer.from(message), answers[n]?.body])
  expect(files.map(([, bytes]) => bytes.toString('base64'))).toEqual(exchanged.map((one) => one?.toString('base64')))
  expect([log, ...readdirSync(log).map((name) => join(log, name))].map((path) => statSync(path).mode & 0o077)).toEqual(
    Array(7).fill(0),
  )
  const secrets = secretsOf(site.dir)
  expect(secrets.length).toBeGreaterThan(0)
  expect(secrets.filter((secret) => files.some(([, bytes]) => bytes.includes(secret)))).toEqual([])
})

test('nothing that no peer has signed', async () => {
  const stranger = await partyOf(36)
  expect(post('/rfc6492/testbed', await stranger.say('<message/>', wallClock())).status).toBe('400')
  expect(post('/rfc8181/pub', Buffer.alloc(100, 0x30)).status).toBe('400')
  expect(() => readdirSync(log)).toThrow('ENOENT')
})

test('no more than the limit', async () => {
  for (let n = 0; n < 4; n++) {
    const large = site.pub.put(`${n}.roa`, 'x'.repeat(300_000))
    expect(post('/rfc8181/pub', await site.pub.message(wallClock(), [large])).status).toBe('200')
  }
  const files = kept()
  expect(files.length).toBeLessThan(8)
  expect(files.reduce((sum, [, bytes]) => sum + bytes.length, 0)).toBeLessThanOrEqual(1_000_000)
})

test('a folder that cannot be written is one line for the operator, and the message is answered', async () => {
  writeFileSync(log, '')
  const { status, body, errors } = post('/rfc6492/testbed', await site.ask({ type: 'list' }))
  expect([status, site.provisioned(body)]).toEqual(['200', expect.objectContaining({ type: 'list_response' })])
  expect([...new Set(errors)]).toEqual([expect.stringMatching(/^brine cgi: .*a message is not logged: /)])
})
