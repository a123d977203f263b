/** `brine cgi --fastcgi`: the worker of brine-est.service, without a web server. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { exchange, requestRecords } from '../../support/peers/fastcgi-client.js'
import { OpensslBox } from '../../support/peers/requests.js'
import { runProgram, shimmedEnv, writeShim } from '../../support/processes/brine-shim.js'
import { brine, runBrine } from '../../support/processes/cli.js'
import { needProgram } from '../../support/processes/missing.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const folder = mkdtempSync(join(tmpdir(), 'brine-worker-'))
const [dataDir, socket] = [join(folder, 'data'), join(folder, 'est.sock')]
const box = new OpensslBox()

beforeAll(async () => {
  await brine(['init'], { dataDir })
  const { cert, key } = box.ca('one')
  box.run('pkcs8', '-topk8', '-nocrypt', '-in', key, '-out', 'one.key')
  await runProgram('chmod', ['0600', box.path('one.key')])
  const ca = `[[ca]]\nid = "one"\nbackend = "file"\n[ca.file]\nca_cert = "${cert}"\nca_key = "${box.path('one.key')}"\n`
  writeFileSync(join(dataDir, 'brine.toml'), `${ca}[[est.label]]\nname = "device"\nca_id = "one"\nauth = "password"\n`)
})
afterAll(() => {
  box.remove()
  rmSync(folder, { recursive: true, force: true })
})

const PATH = '/.well-known/est/device'
const get = (more: Readonly<Record<string, string>> = {}): Buffer =>
  requestRecords({ REQUEST_METHOD: 'GET', HTTPS: 'on', PATH_INFO: `${PATH}/cacerts`, ...more }, Buffer.alloc(0))

async function enrol(password: string, subject: string): Promise<string> {
  const body = Buffer.from(Buffer.from(box.request({ subject })).toString('base64'))
  const env = {
    ...{ REQUEST_METHOD: 'POST', HTTPS: 'on', PATH_INFO: `${PATH}/simpleenroll`, CONTENT_TYPE: 'application/pkcs10' },
    ...{ CONTENT_LENGTH: String(body.length), HTTP_AUTHORIZATION: `Basic ${Buffer.from(password).toString('base64')}` },
  }
  return (await exchange(socket, requestRecords(env, body))).output.split('\r\n', 1)[0] ?? ''
}

it('answers requests at the same time, sees changes of others, and ends when there are no more', async () => {
  const worker = runBrine(['cgi', '--fastcgi', socket, '--idle', '3s', '--at-once', '4', '--data-dir', dataDir])
  while (!existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 20))
  const first = await exchange(socket, get())
  expect(first).toMatchObject({ status: 0, errors: '', output: expect.stringMatching(/^Status: 200 OK\r\n/) })

  const password = (await brine(['est', 'otp', 'create', 'device', '--uses', '3'], { dataDir })).stdout.trim()
  const answers = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => enrol(password, `/CN=${name}`)))
  expect(answers.filter((one) => one === 'Status: 200 OK')).toHaveLength(3)
  expect(answers.filter((one) => /^Status: 40[13] /.test(one))).toHaveLength(3)
  const listed = await brine(['est', 'cert', 'list', '--json'], { dataDir })
  expect(listed.json<{ certificates: unknown[] }>().certificates).toHaveLength(3)

  // what is no request, a client that goes away, and a failure leave the others served
  expect((await exchange(socket, Buffer.from('GET / HTTP/1.0\r\n\r\n'))).output).toBe('')
  createConnection(socket).end(get().subarray(0, 40))
  const refused = await exchange(socket, get({ HTTPS: '' }))
  expect([refused.output, refused.errors]).toEqual([
    expect.stringMatching(/^Status: 403 /),
    expect.stringMatching(/^brine cgi: refused: .*\n$/),
  ])
  const configuration = readFileSync(join(dataDir, 'brine.toml'))
  writeFileSync(join(dataDir, 'brine.toml'), 'nonsense = 1\n')
  expect((await exchange(socket, get())).output).toMatch(/^Status: 500 /)
  writeFileSync(join(dataDir, 'brine.toml'), configuration)
  const ended = await worker
  expect([ended.code, ended.stdout, existsSync(socket)]).toEqual([0, '', false])
  expect(ended.stderr).toContain('a connection was closed: version 71 of FastCGI')
  expect((await brine(['audit', 'verify'], { dataDir })).code).toBe(0)
})

it('takes the socket of systemd, and says what is missing without one', async (context) => {
  const none = await runBrine(['cgi', '--fastcgi', 'systemd', '--data-dir', dataDir])
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('systemd passes no socket')])
  const taken = await runBrine(['cgi', '--fastcgi', join(folder, 'nowhere/est.sock'), '--data-dir', dataDir])
  expect([taken.code, taken.stderr]).toEqual([14, expect.stringContaining('nowhere/est.sock')])
  const activate = needProgram(context, 'systemd-socket-activate')
  const [path, shim] = [join(folder, 'passed.sock'), writeShim(folder)]
  const args = ['-l', path, shim, 'cgi', '--fastcgi', 'systemd', '--idle', '1s', '--data-dir', dataDir]
  const child = spawn(activate, args, { env: shimmedEnv(folder), stdio: 'ignore' })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 20))
  // the first connection starts it
  expect((await exchange(path, get())).output).toMatch(/^Status: \d{3} /)
  expect(await ended).toBe(0)
})
