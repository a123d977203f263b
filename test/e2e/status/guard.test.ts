/** What the guard of routes knows, in `brine status` and before a change, by the built program: a guard that is blind says so. */
import { appendFileSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { StatusReport } from '../../../src/core/app/status/report.js'
import { type NameServer, nameServer } from '../../support/peers/name-server.js'
import { ok } from '../../support/sites/desired-state.js'
import { NOW, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
let dns: NameServer
beforeAll(async () => {
  box = await sandbox()
  dns = await nameServer({})
})
afterAll(async () => {
  await dns.close()
  box.remove()
})

const shown = async (dir: string) => (await runAt(dir, ['status', '--json'])).json<StatusReport>().guard
const line = async (dir: string) =>
  (await runAt(dir, ['status'])).stdout.split('\n').find((one) => one.startsWith('guard '))
const add = async (dir: string, prefix: string) =>
  (await runAt(dir, ['roa', 'add', 'acme', `${prefix} => 64496`])).stderr
async function metrics(dir: string): Promise<string> {
  const file = join(box.path, 'guard.prom')
  await runAt(dir, ['status', '--prom', file])
  return readFileSync(file, 'utf8')
}

/** Returns a copy whose configuration has announcements, none of them of the protected hosts. */
function configured(): string {
  const dir = box.copy()
  const bgp = join(box.path, 'routes.tsv')
  writeFileSync(bgp, '64500\t198.51.100.0/24\t90\n')
  utimesSync(bgp, Date.parse(NOW) / 1000, Date.parse(NOW) / 1000)
  const hosts = 'protected_hosts = ["far.example.net"]'
  appendFileSync(
    join(dir, 'brine.toml'),
    `\n[routing]\nbgp = ["${bgp}"]\n${hosts}\nname_servers = ["${dns.address}"]\n`,
  )
  return dir
}

it('is off without announcements and prefixes, which is shown', async () => {
  const dir = box.copy()
  expect(await shown(dir)).toEqual({ state: 'off', prefixes: 0, addresses: 0, lookedUpAt: null, unknownHosts: [] })
  expect(await line(dir)).toBe('guard       off: [routing] has neither bgp nor protected_prefixes')
  expect(await metrics(dir)).toContain('\nbrine_guard_active 0\n')
  expect(await add(dir, '192.0.2.0/25')).not.toContain('guard')
})

it('is blind before the first look-up: the first change says so, wherever its prefix is', async () => {
  const dir = configured()
  expect(await shown(dir)).toMatchObject({ state: 'blind', lookedUpAt: null, unknownHosts: [] })
  expect(await line(dir)).toBe('guard       blind: no host was looked up yet, which tick does')
  expect(await add(dir, '192.0.2.0/25')).toContain('the guard is blind: no host was looked up yet, which tick does')
})

it('is blind to a host without an address, and sees once there is one', async () => {
  const dir = configured()
  dns.zone = { addresses: { localhost: ['192.0.2.7'] } }
  await ok(dir, ['tick'])
  expect(await shown(dir)).toEqual({
    ...{ state: 'blind', prefixes: 0, addresses: 1, lookedUpAt: NOW, unknownHosts: ['far.example.net'] },
  })
  const text = 'blind: no address is known of far.example.net'
  expect(await line(dir)).toContain(`guard       ${text}; 1 address, looked up ${NOW} (`)
  const gauges = await metrics(dir)
  expect(gauges).toContain('\nbrine_guard_active 0\n')
  expect(gauges).toContain('\nbrine_guard_unknown_hosts 1\n')
  expect(await add(dir, '192.0.2.128/25')).toContain(`the guard is ${text}`)
  dns.zone = { addresses: { localhost: ['192.0.2.7'], 'far.example.net': ['203.0.113.9'] } }
  await ok(dir, ['tick'], { now: '2026-11-21T13:30:00Z' })
  expect(await shown(dir)).toMatchObject({ state: 'sees', addresses: 2, unknownHosts: [] })
  expect(await metrics(dir)).toContain('\nbrine_guard_active 1\n')
  expect(await add(dir, '192.0.2.192/26')).not.toContain('guard')
})
