/** `brine pubserver`: set up, shown, counted, written anew, and its RRDP session reset. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

interface Shown {
  readonly sessionId: string
  readonly rrdpSerial: number
  readonly publishers: readonly { readonly handle: string; readonly objects: number }[]
}

const show = async (dataDir: string): Promise<Shown> =>
  (await runAt(dataDir, ['pubserver', 'show', '--json'])).json<Shown>()
const URIS = ['--rsync', 'rsync://rpki.example/repo/', '--rrdp', 'https://rpki.example/rrdp/']

it('init sets up a server with its URIs, once', async () => {
  const dataDir = join(box.path, 'new')
  await runAt(dataDir, ['init', '--test'])
  expect(await refusalOf(dataDir, ['pubserver', 'init', '--rsync', 'http://x/', '--rrdp', 'https://x/'])).toEqual([
    1,
    'uri-invalid',
  ])
  const made = await runAt(dataDir, ['pubserver', 'init', ...URIS, '--json'])
  expect([made.code, made.json()]).toEqual([0, expect.objectContaining({ changed: 'yes', dryRun: false })])
  expect(await show(dataDir)).toMatchObject({ rsyncBase: URIS[1], rrdpBase: URIS[3], publishers: [] })
  expect(
    await refusalOf(dataDir, ['pubserver', 'init', '--rsync', 'rsync://other/', '--rrdp', 'https://other/']),
  ).toEqual([1, 'pubserver-exists'])
})

it('show and stats count the objects of every publisher', async () => {
  const { publishers, rrdpSerial, sessionId } = await show(box.dataDir)
  expect(publishers.map((one) => one.handle)).toEqual(['acme', 'ta', 'testbed'])
  const text = await runAt(box.dataDir, ['pubserver', 'show'])
  expect([text.code, text.stdout]).toEqual([0, expect.stringContaining(sessionId)])
  const stats = (await runAt(box.dataDir, ['pubserver', 'stats', '--json'])).json()
  const objects = publishers.reduce((sum, one) => sum + one.objects, 0)
  expect(stats).toMatchObject({ publishers: 3, objects, rrdpSerial })
  expect((await runAt(box.dataDir, ['pubserver', 'stats'])).code).toBe(0)
})

it('write makes the published tree anew, or lays it out for a validator', async () => {
  const dataDir = box.copy()
  const notification = join(dataDir, 'repo', 'rrdp', 'notification.xml')
  rmSync(join(dataDir, 'repo'), { recursive: true })
  const written = (await runAt(dataDir, ['pubserver', 'write', '--json'])).json<{ serial: number }>()
  expect(readFileSync(notification, 'utf8')).toContain(`serial="${written.serial}"`)
  const flat = join(box.path, 'flat')
  const laid = await runAt(dataDir, ['pubserver', 'write', '--into', flat])
  expect([laid.code, laid.stdout]).toEqual([0, expect.stringContaining(flat)])
  expect(existsSync(join(flat, 'localhost', 'repo', 'acme'))).toBe(true)
})

it('session-reset starts a new session after a confirmation', async () => {
  const dataDir = box.copy()
  const before = await show(dataDir)
  expect(await refusalOf(dataDir, ['pubserver', 'session-reset'])).toEqual([2, 'confirmation-needed'])
  expect((await show(dataDir)).sessionId).toBe(before.sessionId)
  const reset = await runAt(dataDir, ['pubserver', 'session-reset', '--yes', '--json'])
  expect(reset.json()).toMatchObject({ changed: 'yes', published: true, serial: 1 })
  const after = await show(dataDir)
  expect([after.rrdpSerial, after.sessionId === before.sessionId]).toEqual([1, false])
})
