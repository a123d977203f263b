/** `brine ta`: the trust anchor is made, shown, and its TAL printed. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

const URIS = ['--tal-https', 'https://rpki.example/ta/ta.cer', '--tal-rsync', 'rsync://rpki.example/ta/ta.cer']

it('init makes a trust anchor with its URIs, once', async () => {
  const dataDir = join(box.path, 'new')
  const server = ['--rsync', 'rsync://rpki.example/repo/', '--rrdp', 'https://rpki.example/rrdp/']
  await runAt(dataDir, ['init', '--test'])
  await runAt(dataDir, ['pubserver', 'init', ...server])
  const made = await runAt(dataDir, ['ta', 'init', ...URIS, '--json'])
  expect([made.code, made.json()]).toEqual([0, expect.objectContaining({ changed: 'yes', published: true })])
  expect((await runAt(dataDir, ['ta', 'show', '--json'])).json()).toMatchObject({
    uris: [URIS[1], URIS[3]],
    children: [],
  })
  expect(await refusalOf(dataDir, ['ta', 'init', ...URIS])).toEqual([1, 'ta-duplicate'])
})

it('show names the key, the URIs and the children', async () => {
  const shown = (await runAt(box.dataDir, ['ta', 'show', '--json'])).json<{ ski: string; children: string[] }>()
  expect(shown.children).toEqual(['testbed'])
  const text = await runAt(box.dataDir, ['ta', 'show'])
  expect([text.code, text.stdout]).toEqual([0, expect.stringContaining(shown.ski)])
})

it('tal prints the TAL that is served, or writes it to a new file', async () => {
  const served = readFileSync(join(box.dataDir, 'repo', 'ta', 'ta.tal'), 'utf8')
  expect((await runAt(box.dataDir, ['ta', 'tal'])).stdout).toBe(served)
  expect((await runAt(box.dataDir, ['ta', 'tal', '--json'])).json()).toMatchObject({
    handle: 'ta',
    tal: served,
    out: null,
  })
  const out = join(box.path, 'ta.tal')
  expect((await runAt(box.dataDir, ['ta', 'tal', '--out', out])).code).toBe(0)
  expect([readFileSync(out, 'utf8'), statSync(out).mode & 0o777]).toEqual([served, 0o644])
  expect(await refusalOf(box.dataDir, ['ta', 'tal', '--out', out])).toEqual([2, 'file-exists'])
})

it('exit 2 where the URIs are missing', async () => {
  expect(await refusalOf(box.dataDir, ['ta', 'init'])).toEqual([2, 'flag-invalid'])
})
