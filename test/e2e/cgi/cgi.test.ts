/** `brine cgi` as a web server runs it: an answer to every request, and one exit code. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

const cgi = (env: Readonly<Record<string, string>>, ...args: readonly string[]) =>
  runAt(box.dataDir, ['cgi', ...args], { env })

it.each([
  ['403', { REQUEST_METHOD: 'GET', PATH_INFO: '/.well-known/est/device/cacerts' }],
  ['404', { REQUEST_METHOD: 'GET', PATH_INFO: '/.well-known/est/device/cacerts', HTTPS: 'on' }],
])('answers %s and exits with 0', async (status, env) => {
  const { code, stdout } = await cgi(env)
  expect([code, stdout.split('\r\n', 1)]).toEqual([0, [expect.stringContaining(`Status: ${status} `)]])
  expect(stdout).toMatch(/^Content-Type: text\/plain/m)
})

it('an argument is refused', async () => {
  const { code, stderr } = await cgi({}, 'surplus')
  expect([code, stderr]).toEqual([2, expect.stringContaining('surplus')])
})
