/** A fault in an enrolment section stops that section: `tick` publishes and says so (3), `status` warns, everything else runs. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { EnrolledDocument } from '../../../src/core/app/enrolment/documents.js'
import type { HaStatusReport } from '../../../src/core/app/failover/status.js'
import type { TickReport } from '../../../src/core/app/operations/tick.js'
import type { StatusReport } from '../../../src/core/app/status/report.js'
import { OpensslBox } from '../../support/peers/requests.js'
import { refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

/** When the manifests of the sandbox are due. */
const NEXT_DAY = '2026-11-22T08:00:00Z'
/** A time at which the certificates of the CAs are valid. */
const NOW = new Date(Date.now() + 60_000).toISOString().replace(/\.\d+/, '')
const openssl = new OpensslBox()
let box: Sandbox
let dir: string

beforeAll(async () => {
  box = await sandbox()
  dir = box.copy()
  const { key, cert } = openssl.ca('two')
  chmodSync(key, 0o600)
  writeFileSync(
    join(dir, 'brine.toml'),
    `[[ca]]
id = "one"
backend = "vault"
[[ca]]
id = "two"
backend = "file"
[ca.file]
ca_cert = "${cert}"
ca_key = "${key}"
[[ha.group]]
name = "production"
ca_ids = ["one", "two"]
[[est.label]]
name = "device"
ca_id = "one"
auth = "password"
[[est.label]]
name = "alone"
ca_id = "two"
auth = basic
`,
  )
  writeFileSync(join(box.path, 'a.csr'), openssl.request({ subject: '/CN=a' }))
})
afterAll(() => {
  box.remove()
  openssl.remove()
})

it('tick issues what is due, names each fault, and exits 3', async () => {
  const ran = await runAt(dir, ['tick', '--json'], { now: NEXT_DAY })
  const { done, failed, disabled } = ran.json<TickReport>()
  const republished = done.filter(({ what }) => what === 'republish').map(({ on }) => on)
  expect([ran.code, republished.sort(), failed]).toEqual([3, ['acme', 'ta', 'testbed'], []])
  expect(disabled).toEqual([
    expect.stringContaining('brine.toml:3: backend of [[ca]] must be one of'),
    expect.stringContaining('brine.toml:20: not TOML'),
  ])
  const quiet = await runAt(dir, ['tick', '--quiet'], { now: NEXT_DAY })
  expect([quiet.code, quiet.stdout, quiet.stderr]).toEqual([3, '', expect.stringContaining('brine.toml:3: ')])
})

it('status is a warning, in every form', async () => {
  const prom = join(box.path, 'brine.prom')
  const ran = await runAt(dir, ['status', '--json', '--prom', prom], { now: NEXT_DAY })
  const { verdict, concerns } = ran.json<StatusReport>()
  expect([ran.code, verdict]).toEqual([0, 'warning'])
  expect(concerns.filter(({ code }) => code === 'config-fault').map(({ message }) => message)).toHaveLength(2)
  expect(readFileSync(prom, 'utf8')).toContain('brine_config_faults 2\n')
  expect((await runAt(dir, ['status', '--nagios'], { now: NEXT_DAY })).code).toBe(1)
})

it('commands of other parts run, and config check names all faults', async () => {
  for (const args of [
    ['roa', 'list', 'acme'],
    ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'],
    ['audit', 'verify'],
  ])
    expect((await runAt(dir, args, { now: NEXT_DAY })).code, args.join(' ')).toBe(0)
  const check = await runAt(dir, ['config', 'check', '--json'])
  expect([check.code, check.json<{ problems: { line: number }[] }>().problems.map(({ line }) => line)]).toEqual([
    2,
    [3, 20],
  ])
})

it('the group serves with its other CA; the faulty CA and label are refused with the reason', async () => {
  const csr = join(box.path, 'a.csr')
  const ran = await runAt(dir, ['est', 'enroll', 'device', '--csr', csr, '--json'], { now: NOW })
  expect([ran.code, ran.json<EnrolledDocument>().ca]).toEqual([0, 'two'])
  const { groups } = (await runAt(dir, ['ha', 'status', '--json'], { now: NOW })).json<HaStatusReport>()
  expect(groups.map(({ name, verdict, next }) => [name, verdict, next])).toEqual([['production', 'degraded', 'two']])
  expect(groups[0]?.members.find(({ ca }) => ca === 'one')?.why).toContain('configuration, line 3: backend of [[ca]]')
  for (const args of [
    ['est', 'enroll', 'alone', '--csr', csr],
    ['ha', 'drain', 'one', '--reason', 'x'],
    ['est', 'crl', 'one'],
  ])
    expect(await refusalOf(dir, args), args.join(' ')).toEqual([2, 'config-section-invalid'])
  const env = { REQUEST_METHOD: 'GET', PATH_INFO: '/.well-known/est/alone/cacerts', HTTPS: 'on' }
  const answered = await runAt(dir, ['cgi'], { env })
  expect(answered.stdout).toMatch(/^Status: 503 [\s\S]*^Retry-After: /m)
  expect(answered.stderr).toContain('brine.toml, line 20: not TOML')
})

it('a fault in [ha] stops the commands of the CAs; tick and status go on', async () => {
  const toml = join(box.path, 'ha.toml')
  writeFileSync(
    toml,
    `[ha]\ncheck_interval = 10\n${readFileSync(join(dir, 'brine.toml'), 'utf8').replace('"vault"', '"file"')}`,
  )
  for (const args of [
    ['ha', 'status'],
    ['ha', 'probe'],
    ['est', 'enroll', 'device', '--csr', join(box.path, 'a.csr')],
  ])
    expect(await refusalOf(dir, ['--config', toml, ...args]), args.join(' ')).toEqual([2, 'config-section-invalid'])
  expect((await runAt(dir, ['--config', toml, 'tick'], { now: NEXT_DAY })).code).toBe(3)
  expect((await runAt(dir, ['--config', toml, 'status', '--nagios'], { now: NEXT_DAY })).code).toBe(1)
})

it('a fault outside of the sections stops everything, with nothing published', async () => {
  const toml = join(box.path, 'base.toml')
  writeFileSync(toml, '[ha]\nrepo_dir = "/srv/repo"\n')
  for (const args of [['tick'], ['status'], ['roa', 'list', 'acme']])
    expect(await refusalOf(dir, ['--config', toml, ...args]), args.join(' ')).toEqual([2, 'config-invalid'])
})
