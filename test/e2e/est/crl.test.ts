/** `est crl` for a file that a web server publishes, and what asks before it revokes. */
import { chmodSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { EnrolSite, group } from '../../support/sites/enrol-site.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const site = new EnrolSite()
beforeAll(async () => {
  await site.init()
  site.configure(`${site.fileCa('one')}${group('device', ['one'])}`)
})
afterAll(() => site.remove())

it('--replace writes a published CRL in place of the old one, which keeps its mode', async () => {
  const path = site.box.path('one.crl')
  const crl = (...more: readonly string[]) => site.brine('est', 'crl', 'one', '--out', path, ...more)
  expect((await crl('--replace')).code).toBe(0)
  expect(statSync(path).mode & 0o777).toBe(0o644)
  const first = readFileSync(path, 'utf8')
  expect((await crl()).stderr).toContain('already exists and is not overwritten')
  chmodSync(path, 0o640)
  symlinkSync(path, site.box.path('link.crl'))
  const linked = await site.brine('est', 'crl', 'one', '--out', site.box.path('link.crl'), '--replace', '--json')
  expect([linked.code, linked.json<{ number: number }>().number]).toEqual([0, 2])
  expect(readFileSync(path, 'utf8')).not.toBe(first)
  expect(statSync(path).mode & 0o777).toBe(0o640)
  const folder = await site.brine('est', 'crl', 'one', '--out', site.box.path('.'), '--replace')
  expect([folder.code, folder.stderr]).toEqual([2, expect.stringContaining('is a folder')])
  const alone = await site.brine('est', 'crl', 'one', '--replace')
  expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining('--replace needs --out')])
  // no number was used by a run that failed
  expect((await site.brine('est', 'crl', 'one', '--json')).json<{ number: number }>().number).toBe(3)
})

it('revoke looks for the certificate before it asks', async () => {
  const unknown = await site.brine('est', 'cert', 'revoke', 'nope')
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('unknown certificate "nope"')])
  const { id } = await site.enrol('device')
  const known = await site.brine('est', 'cert', 'revoke', id)
  expect([known.code, known.stderr]).toEqual([2, expect.stringMatching(/of one \(.*CN=device-1.*\) will be revoked/)])
  expect((await site.brine('est', 'cert', 'revoke', id, '--yes')).code).toBe(0)
  expect((await site.brine('est', 'cert', 'revoke', id)).stdout).toContain('already revoked')
})
