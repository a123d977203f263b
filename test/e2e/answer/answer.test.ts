/** `brine answer`: one message of a child or a publisher by hand, as `brine cgi` answers it. */
import { spawnSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MessageSite, messageSite, wallClock } from '../../support/peers/message-site.js'
import { partyOf } from '../../support/peers/parties.js'
import { projectDir } from '../../support/processes/brine-shim.js'
import { brineOk, scratchFolder } from '../../support/sites/testbed.js'

const scratch = scratchFolder('answer-by-hand')
const at = (name: string): string => join(scratch.dir, name)
let site: MessageSite
beforeAll(async () => {
  site = await messageSite(scratch.dir)
}, 120_000)
afterAll(() => scratch.remove())

interface Ran {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

function answer(args: readonly string[], input: Uint8Array | string = ''): Ran {
  const env = { PATH: process.env['PATH'] ?? '', BRINE_DATA_DIR: site.dir }
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(projectDir, 'bin/run.js'), 'answer', ...args], {
    env,
    input,
  })
  return { code: status, stdout, stderr: stderr.toString() }
}

test('a list of a child: from standard input to standard output, the report on standard error', async () => {
  const { code, stdout, stderr } = answer(['rfc6492', 'testbed', '--request', '-'], await site.ask({ type: 'list' }))
  expect([code, stderr]).toEqual([0, 'list_response to kid, a child of testbed\n'])
  expect(site.provisioned(stdout)).toMatchObject({ type: 'list_response', classes: [{ className: '0' }] })
})

test('an error of the protocol is written as well, and is exit code 1', async () => {
  const before = site.everything()
  writeFileSync(at('revoke.cms'), await site.ask({ type: 'revoke', className: 'none', ski: site.kid.id.ski }))
  const args = ['rfc6492', 'testbed', '--request', at('revoke.cms'), '--out', at('answer.cms')]
  const { code, stdout, stderr } = answer(args)
  expect([code, stderr]).toEqual([1, ''])
  expect(stdout.toString()).toMatch(/answer\.cms: error_response to kid, a child of testbed\n1301: ./)
  expect(statSync(at('answer.cms')).mode & 0o777).toBe(0o644)
  expect(site.provisioned(readFileSync(at('answer.cms')))).toMatchObject({ type: 'error_response', status: 1301 })
  expect(site.everything()).toEqual(before)
  const again = answer(args)
  expect([again.code, again.stderr]).toEqual([2, expect.stringMatching(/already exists/)])
})

test('a delta of a publisher, in PEM: history and the published tree have it', async () => {
  const cms = Buffer.from(await site.pub.message(wallClock(), [site.pub.put('x.cer', 'ex')]))
  const pem = `-----BEGIN CMS-----\n${cms.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CMS-----\n`
  const ran = answer(['rfc8181', 'pub', '--request', '-', '--json'], pem)
  const { cms: base64, ...report } = JSON.parse(ran.stdout.toString())
  expect([ran.code, report]).toEqual([
    0,
    { service: 'rfc8181', handle: 'pub', peer: 'pub', answer: 'success', errors: [], changed: 'yes', out: null },
  ])
  expect(site.published(Buffer.from(base64, 'base64'))).toEqual({ type: 'success' })
  const { commands } = await brineOk<{ commands: readonly { type: string }[] }>(site.dir, [
    ...['history', 'list', 'pubserver/0', '--json'],
  ])
  expect(commands[0]?.type).toBe('publish')
  await brineOk(site.dir, ['audit', 'verify'])
})

test('the same message again gets the same answer', async () => {
  const message = await site.ask({ type: 'list' })
  const [first, second] = [1, 2].map(() => answer(['rfc6492', 'testbed', '--request', '-', '--quiet'], message))
  expect([first?.code, first?.stderr]).toEqual([0, ''])
  expect(second?.stdout.equals(first?.stdout as Buffer)).toBe(true)
})

test('what is not answered leaves no output and changes nothing', async () => {
  const stranger = await partyOf(37)
  const list = await site.ask({ type: 'list' })
  const xml =
    '<message xmlns="http://www.apnic.net/specs/rescerts/up-down/" version="1" sender="kid" recipient="testbed" type="list"/>'
  const before = site.everything()
  for (const [code, text, args, input] of [
    [1, 'message-refused', ['rfc6492', 'testbed'], await stranger.say(xml, wallClock())],
    [1, 'ca-unknown', ['rfc6492', 'none'], list],
    [1, 'publisher-unknown', ['rfc8181', 'none'], list],
    [2, 'message-unreadable', ['rfc6492', 'testbed'], xml],
    [2, 'message-unreadable', ['rfc6492', 'testbed'], ''],
    [2, 'message-too-long', ['rfc6492', 'testbed'], Buffer.alloc(1024 * 1024 + 1, 0x30)],
  ] as const) {
    const ran = answer([...args, '--request', '-', '--json'], input)
    expect([ran.code, JSON.parse(ran.stdout.toString()).error.code]).toEqual([code, text])
  }
  const plain = answer(['rfc6492', 'none', '--request', '-'], list)
  expect([plain.code, plain.stdout.length, plain.stderr]).toEqual([
    1,
    0,
    expect.stringMatching(/^Error: there is no CA/),
  ])
  expect(site.everything()).toEqual(before)
}, 60_000)
