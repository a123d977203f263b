/** Changes that are held or refused before anything is published, by the built program: limits of removals, and the guard of routes. */
import { appendFileSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type NameServer, nameServer } from '../../support/peers/name-server.js'
import type { RunResult } from '../../support/processes/cli.js'
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

const errorOf = (ran: RunResult) => ran.json<{ error: { code: string; message: string; changed: string } }>().error

function dump(name: string, content: string): string {
  const path = join(box.path, name)
  writeFileSync(path, content)
  utimesSync(path, Date.parse(NOW) / 1000, Date.parse(NOW) / 1000)
  return path
}

/** Returns a copy with eight ROAs, 192.0.2.0/27 to 192.0.2.224/27. */
async function withRoas(): Promise<{ readonly dir: string; readonly roas: readonly string[] }> {
  const dir = box.copy()
  const roas = Array.from({ length: 8 }, (_, n) => `192.0.2.${n * 32}/27 => 64496`)
  expect((await runAt(dir, ['roa', 'add', 'acme', ...roas])).code).toBe(0)
  return { dir, roas }
}

it('holds a change by which more than five and a tenth of the VRPs vanish, until it is allowed', async () => {
  const { dir, roas } = await withRoas()
  const six = ['roa', 'remove', 'acme', ...roas.slice(0, 6)]
  const held = await runAt(dir, [...six, '--json'])
  expect([held.code, errorOf(held)]).toMatchObject([
    1,
    { code: 'removals-held', message: '6 of 8 VRPs of acme would vanish, more than 10 %', changed: 'no' },
  ])
  expect((await runAt(dir, six)).stderr).toContain('--max-removals N')
  expect((await runAt(dir, ['roa', 'list', 'acme', '--json'])).json<{ roas: object[] }>().roas).toHaveLength(8)
  expect((await runAt(dir, [...six, '--dry-run'])).code).toBe(1)
  expect((await runAt(dir, [...six, '--yes'])).code).toBe(1)
  expect((await runAt(dir, [...six, '--max-removals', '5'])).code).toBe(1)
  const status = await runAt(dir, ['status', '--json'])
  expect(status.json<{ held: object[] }>().held).toMatchObject([{ handle: 'acme', code: 'removals-held' }])
  expect((await runAt(dir, ['status'])).stdout).toContain('a change of acme is held since')
  expect((await runAt(dir, ['status', '--nagios'])).stdout).toContain('held=1;0')
  expect((await runAt(dir, [...six, '--max-removals', '6'])).code).toBe(0)
  expect((await runAt(dir, ['status', '--json'])).json<{ held: object[] }>().held).toEqual([])
  const { commands } = (await runAt(dir, ['history', 'list', 'ca/acme', '--json'])).json<{
    commands: readonly { result: string; reason?: string; error?: { code: string } }[]
  }>()
  expect(commands.some(({ result }) => result === 'rejected')).toBe(true)
  expect(commands.some(({ reason }) => reason === '(--max-removals 6)')).toBe(true)
})

it('lets a reason with --yes pass the limits, and keeps it in history', async () => {
  const { dir, roas } = await withRoas()
  const all = ['roa', 'remove', 'acme', ...roas, '--yes', '--reason', 'renumbering']
  expect((await runAt(dir, all)).code).toBe(0)
  expect((await runAt(dir, ['history', 'list', 'ca/acme'])).stdout).toContain('renumbering')
})

it('holds what a suspension or less resources take away, and nothing that adds', async () => {
  const { dir } = await withRoas()
  const parent = (await runAt(dir, ['ca', 'show', 'acme', '--json'])).json<{ parents: readonly { name: string }[] }>()
  const name = parent.parents[0]?.name ?? 'ta'
  const less = await runAt(dir, ['child', 'update', name, 'acme', '--resources', 'none', '--yes', '--json'])
  // the CA would lose its class and with it every object
  expect([less.code, errorOf(less).code]).toEqual([1, 'several-faults'])
  expect(errorOf(less).message).toContain('8 of 8 VRPs of acme would vanish')
  expect(errorOf(less).message).toContain('the publisher acme would have no object left')
  const suspend = ['child', 'suspend', name, 'acme', '--yes', '--json']
  expect(errorOf(await runAt(dir, suspend)).code).toBe('removals-held')
  expect((await runAt(dir, [...suspend, '--reason', 'out of order'])).code).toBe(0)
  expect((await runAt(dir, ['child', 'unsuspend', name, 'acme'])).code).toBe(0)
})

it('refuses a ROA that makes a protected route invalid, and names it', async () => {
  const dir = box.copy()
  appendFileSync(join(dir, 'brine.toml'), '\n[routing]\nprotected_prefixes = ["192.0.2.0/24 => AS64511"]\n')
  const add = ['roa', 'add', 'acme', '192.0.2.0/24 => 64496']
  const refused = await runAt(dir, [...add, '--json'])
  expect([refused.code, errorOf(refused)]).toMatchObject([
    1,
    {
      code: 'repository-endangered',
      message:
        '"192.0.2.0/24-24 => 64496" makes the route 192.0.2.0/24 of AS64511 to 192.0.2.0/24 => AS64511 invalid (invalidOrigin)',
    },
  ])
  expect((await runAt(dir, [...add, '--allow-invalid-repository'])).code).toBe(2)
  expect((await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64511'])).code).toBe(0)
  expect((await runAt(dir, add)).code).toBe(0)
  // the last ROA that keeps it valid, while the other one covers it
  const last = ['roa', 'remove', 'acme', '192.0.2.0/24 => 64511']
  expect(errorOf(await runAt(dir, [...last, '--json'])).message).toContain('"192.0.2.0/24-24 => 64511" makes the route')
  const meant = await runAt(dir, [...last, '--allow-invalid-repository', '--reason', 'moved away'])
  expect(meant.code).toBe(0)
  expect((await runAt(dir, ['history', 'list', 'ca/acme'])).stdout).toContain('moved away (--allow-invalid-repository)')
})

it('protects the addresses that tick has looked up, and says if no route to them is known', async () => {
  const dir = box.copy()
  const bgp = dump('guard.tsv', '64511\t192.0.2.0/24\t2\n64500\t198.51.100.0/24\t90\n')
  dns.zone = { addresses: { 'rpki.example.net': ['192.0.2.7', '203.0.113.9'] } }
  appendFileSync(
    join(dir, 'brine.toml'),
    `\n[routing]\nbgp = ["${bgp}"]\nprotected_hosts = ["rpki.example.net"]\nname_servers = ["${dns.address}"]\n`,
  )
  expect((await runAt(dir, ['tick'])).code).toBe(0)
  const refused = await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496', '--json'])
  expect(errorOf(refused).message).toContain('of AS64511 to rpki.example.net (192.0.2.7) invalid')
  // an outage of DNS forgets nothing
  dns.zone = {}
  expect((await runAt(dir, ['tick'], { now: '2026-11-21T14:00:00Z' })).code).toBe(0)
  expect(errorOf(await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496', '--json'])).code).toBe(
    'repository-endangered',
  )
  utimesSync(bgp, 0, 0)
  const blind = await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'])
  expect(blind.stderr).toContain('the guard is blind: no route to rpki.example.net (192.0.2.7) is known')
  expect(readFileSync(join(dir, 'status', 'protected-hosts.json'), 'utf8')).toContain('192.0.2.7')
})
