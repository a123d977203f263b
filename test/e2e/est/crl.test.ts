/** `est crl` for a file that a web server publishes, and what asks before it revokes. */
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { CrlStatus } from '../../../src/core/app/enrolment/crl-files.js'
import type { ConfigCheckReport } from '../../../src/core/app/operations/config.js'
import type { TickReport } from '../../../src/core/app/operations/tick.js'
import type { StatusReport } from '../../../src/core/app/status/report.js'
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
  // clients fetch DER from crl_url (RFC 2585)
  expect((await crl('--replace', '--der')).code).toBe(0)
  expect(
    execFileSync('openssl', ['crl', '-inform', 'DER', '-in', path, '-noout', '-crlnumber'], { encoding: 'utf8' }),
  ).toMatch(/=(?:0x)?0?3\n$/)
  expect(statSync(path).mode & 0o777).toBe(0o640)
  const alone = await site.brine('est', 'crl', 'one', '--replace')
  expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining('--replace needs --out')])
  // no number was used by a run that failed
  expect((await site.brine('est', 'crl', 'one', '--json')).json<{ number: number }>().number).toBe(4)
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

const HOUR = 3600
const path = site.box.path('served.crl')
const crls = async (): Promise<readonly CrlStatus[]> =>
  (await site.brine('ha', 'status', '--json')).json<{ crls: readonly CrlStatus[] }>().crls
const concerns = async (): Promise<readonly string[]> =>
  (await site.brine('status', '--json'))
    .json<StatusReport>()
    .concerns.filter(({ code }) => code.startsWith('crl'))
    .map(({ level, code, hint }) => `${level} ${code} (${hint})`)
/** What tick did about CRLs, and what of it failed. */
async function tick(): Promise<readonly [number | null, ...string[]]> {
  const run = await site.brine('tick', '--json')
  const { done, failed } = run.json<TickReport>()
  const lines = [...done.flatMap(({ what, on }) => (what === 'crl' ? [on] : [])), ...failed.map((f) => f.message)]
  return [run.code, ...lines]
}
const openssl = (...args: readonly string[]): string =>
  execFileSync('openssl', ['crl', '-inform', 'DER', '-in', path, '-noout', ...args], { encoding: 'utf8' })
const numberServed = (): number => Number(openssl('-crlnumber').replace(/.*=/, '').trim())

it('a CRL that runs out is a warning, then critical, where no crl_path renews it', async () => {
  expect((await site.brine('est', 'crl', 'one', '--next', '100h', '--json')).code).toBe(0)
  expect(await concerns()).toEqual([])
  const hint = 'brine est crl one --der --out FILE --replace, or set crl_path'
  site.now += 74 * HOUR
  expect(await concerns()).toEqual([])
  site.now += 2 * HOUR
  expect(await concerns()).toEqual([`warning crl-expiring (${hint})`])
  expect((await site.brine('ha', 'status')).stdout).toContain('CRL of one ends at')
  site.now += 15 * HOUR
  expect(await concerns()).toEqual([`critical crl-expiring (${hint})`])
  site.now += 10 * HOUR
  expect(await crls()).toMatchObject([{ ca: 'one', path: null, level: 'critical', message: /^CRL of one ended at / }])
  // a key that cannot sign takes a number, and the finding stays
  const key = /ca_key = "(.*)"/.exec(readFileSync(`${site.data}/brine.toml`, 'utf8'))?.[1] ?? ''
  const pem = readFileSync(key)
  rmSync(key)
  expect((await site.brine('est', 'crl', 'one')).code).toBe(19)
  expect(await concerns()).toEqual([`critical crl-expiring (${hint})`])
  writeFileSync(key, pem, { mode: 0o600 })
  expect((await site.brine('est', 'crl', 'one')).code).toBe(0)
  expect(await concerns()).toEqual([])
})

it('tick writes the CRL of crl_path, renews it in the last third of its life, and lists what was revoked', async () => {
  const before = readFileSync(`${site.data}/brine.toml`, 'utf8')
  site.configure(before.replace('[ca.file]\n', `[ca.file]\ncrl_path = "${path}"\n`))
  expect(await concerns()).toEqual(['warning crl-missing (brine tick)'])
  const [code, first] = await tick()
  expect([code, first]).toEqual([0, expect.stringMatching(new RegExp(`^one: number \\d+ in ${path}$`))])
  expect(statSync(path).mode & 0o777).toBe(0o644)
  expect(await concerns()).toEqual([])
  const number = numberServed()
  chmodSync(path, 0o600)
  // a week long: nothing is due for two thirds of it
  site.now += 111 * HOUR
  expect(await tick()).toEqual([0])
  site.now += 2 * HOUR
  expect(await tick()).toEqual([0, `one: number ${number + 1} in ${path}`])
  expect([numberServed(), statSync(path).mode & 0o777]).toEqual([number + 1, 0o644])
  const { id, pem } = await site.enrol('device')
  expect((await site.brine('est', 'cert', 'revoke', id, '--yes')).code).toBe(0)
  expect(await tick()).toEqual([0, `one: number ${number + 2} in ${path}`])
  writeFileSync(site.box.path('revoked.pem'), pem)
  const serial = execFileSync('openssl', ['x509', '-in', site.box.path('revoked.pem'), '-noout', '-serial'])
  expect(openssl('-text')).toContain(`Serial Number: ${serial.toString().replace(/.*=/, '').trim()}`)
  expect(await tick()).toEqual([0])
  const prom = site.box.path('ha.prom')
  await site.brine('ha', 'status', '--prom', prom)
  const [served] = await crls()
  const end = Date.parse(String(served?.nextUpdate)) / 1000
  expect(readFileSync(prom, 'utf8')).toContain(`brine_ha_crl_next_update_timestamp_seconds{ca="one"} ${end}`)
})

it('a CRL that cannot be renewed is a failure of tick, and status warns before it ends', async () => {
  const config = readFileSync(`${site.data}/brine.toml`, 'utf8')
  site.configure(config.replace(/ca_key = ".*"/, 'ca_key = "/nonexistent/one.key"'))
  site.now += 125 * HOUR
  const [code, message] = await tick()
  expect([code, message]).toEqual([3, expect.stringContaining('CRL: no CRL of one')])
  expect(await concerns()).toEqual([])
  site.now += 4 * HOUR
  expect(await concerns()).toEqual(['warning crl-expiring (brine tick)'])
  site.configure(config)
  expect((await tick())[0]).toBe(0)
  expect(await concerns()).toEqual([])
})

it('tick replaces no file that is not a CRL, and two CAs have no file in common', async () => {
  writeFileSync(path, 'precious\n')
  expect(await tick()).toEqual([3, `CRL: ${path} is not a CRL, so it is not replaced`])
  expect(readFileSync(path, 'utf8')).toBe('precious\n')
  expect(await concerns()).toEqual(['critical crl-missing (brine tick)'])
  rmSync(path)
  expect((await tick())[0]).toBe(0)
  const config = readFileSync(`${site.data}/brine.toml`, 'utf8')
  site.configure(`${config}${site.fileCa('two').replace('[ca.file]\n', `[ca.file]\ncrl_path = "${path}"\n`)}`)
  const check = (await site.brine('config', 'check', '--json')).json<ConfigCheckReport>()
  expect(JSON.stringify(check)).toContain('crl_path of two is the one of one')
  site.configure(config)
})

it('a CRL in PEM, where the name says so', async () => {
  const config = readFileSync(`${site.data}/brine.toml`, 'utf8')
  site.configure(config.replaceAll(path, `${path}.pem`))
  expect((await tick())[0]).toBe(0)
  expect(readFileSync(`${path}.pem`, 'utf8')).toMatch(/^-----BEGIN X509 CRL-----\n/)
  expect(await tick()).toEqual([0])
})
