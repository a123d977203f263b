/** Router keys in `export`, `plan` and `apply`: what a file says, and nothing where one of them is refused. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seq } from '../../../src/core/der/writer.js'
import { ecKey, routerRequest } from '../../support/rpki/router-requests.js'
import { ok, stateFile } from '../../support/sites/desired-state.js'
import { runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

const [first, second] = [ecKey(), ecKey()]
/** Requests by key. */
const requests = new Map(
  [first, second].map((key) => [key, Buffer.from(routerRequest(key)).toString('base64')] as const),
)
const row = (key = first, more = ''): string => `{ asn = 64496, request = "${requests.get(key)}"${more} }`
const file = (...routers: readonly string[]): string =>
  stateFile(box, '[[ca]]', 'handle = "acme"', `routers = [${routers.join(', ')}]`)
const listed = async (dir: string): Promise<readonly string[]> =>
  (await runAt(dir, ['router', 'list', 'acme', '--json']))
    .json<{ routers: readonly { routerId: string; state: string; comment?: string }[] }>()
    .routers.map(({ routerId, state, comment }) => `${routerId} ${state} ${comment ?? '-'}`)

it('export writes them, and plan finds no difference', async () => {
  const dir = box.copy()
  const csr = join(box.path, 'router.csr')
  writeFileSync(csr, routerRequest(first))
  await ok(dir, ['router', 'add', 'acme', '--asn', '64496', '--csr', csr, '--note', 'edge'])
  for (const format of ['toml', 'json']) {
    const { stdout } = await ok(dir, ['export', '--format', format])
    expect(stdout).toContain(format === 'toml' ? '  { asn = 64496, request = "MI' : '"routerId": "192.0.2.1"')
    expect((await ok(dir, ['plan', '-', '--prune'], { input: stdout })).stdout).toBe('no difference\n')
  }
})

it('apply makes them what the file says, once', async () => {
  const dir = box.copy()
  const added = file(row())
  expect((await runAt(dir, ['plan', added])).stdout).toMatch(
    / {2}\+ router key ROUTER-0000FBF0-[0-9A-F]{40} {2}192\.0\.2\.1\n/,
  )
  expect((await ok(dir, ['apply', added, '--yes'])).stdout).toMatch(/^acme seq \d+: 1 added; published/)
  expect((await ok(dir, ['apply', added])).stdout).toContain('nothing to do')
  const changed = file(row(first, ', routerId = "192.0.2.9", comment = "edge"'), row(second))
  expect((await ok(dir, ['apply', changed, '--yes'])).stdout).toMatch(/^acme seq \d+: 1 added, 1 changed; published/)
  expect([...(await listed(dir))].sort()).toEqual(['192.0.2.1 published -', '192.0.2.9 published edge'])
  expect((await ok(dir, ['apply', file(row(second))])).stdout).toContain('1 not in the file, kept')
  await ok(dir, ['apply', file(), '--prune', '--yes'])
  expect(await listed(dir)).toEqual([])
})

it('a new request for the same key is no difference', async () => {
  const dir = box.copy()
  await ok(dir, ['apply', file(row()), '--yes'])
  // ECDSA takes a new random number for each signature
  const again = Buffer.from(routerRequest(first)).toString('base64')
  expect(again).not.toBe(requests.get(first))
  const fresh = file(`{ asn = 64496, request = "${again}" }`)
  expect((await ok(dir, ['plan', fresh])).stdout).toBe('no difference\n')
})

it.each([
  ['router-not-held', row().replace('64496', '64511')],
  ['router-request-invalid', row().replace(/request = "MI/, 'request = "MJ')],
  ['state-type', '"ROUTER"'],
  ['state-type', row(first, ', routerId = "edge"')],
])('%s is refused, and nothing changes', async (code, bad) => {
  const dir = box.copy()
  const subject = code === 'router-not-held' ? bad.replace(/request = "[^"]*"/, `request = "${UNNAMED}"`) : bad
  const refused = await runAt(dir, ['apply', file(row(second), subject), '--yes', '--json'])
  expect(refused.code).not.toBe(0)
  expect(refused.stdout).toContain(code)
  expect(await listed(dir)).toEqual([])
})

const UNNAMED = Buffer.from(routerRequest(first, (p) => Object.assign(p, { subject: seq() }))).toString('base64')
