/** What a dry run of a change of ROAs says of announcements, by the built program. */
import { appendFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { NOW, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

const DUMP = '64496\t192.0.2.0/24\t100\n64511\t192.0.2.0/24\t50\n64496\t192.0.2.0/25\t100\n64496\t198.51.100.0/24\t90\n'

function dump(name: string, content = DUMP, changed = Date.parse(NOW)): string {
  const path = join(box.path, name)
  writeFileSync(path, content)
  utimesSync(path, changed / 1000, changed / 1000)
  return path
}

interface Effect {
  readonly becomeValid: number
  readonly becomeInvalid: number
  readonly becomeNotFound: number
  readonly announcements: readonly object[]
}

it('shows what becomes valid and invalid by a ROA, and not found without it', async () => {
  const dir = box.copy()
  const bgp = dump('a.tsv')
  const add = ['roa', 'add', 'acme', '192.0.2.0/24 => 64496', '--dry-run', '--bgp', bgp]
  const shown = await runAt(dir, add)
  expect([shown.code, shown.stderr]).toEqual([0, ''])
  expect(shown.stdout).toMatch(/192\.0\.2\.0\/24 +AS64496 +100 +notFound +valid/)
  expect(shown.stdout).toMatch(/192\.0\.2\.0\/24 +AS64511 +50 +notFound +invalidOrigin/)
  expect(shown.stdout).toMatch(/192\.0\.2\.0\/25 +AS64496 +100 +notFound +invalidLength/)
  expect(shown.stdout).toContain('announcements: 1 become valid, 2 invalid, 0 not found')
  const { routing } = (await runAt(dir, [...add, '--json'])).json<{ routing: Effect }>()
  expect(routing).toMatchObject({ becomeValid: 1, becomeInvalid: 2, becomeNotFound: 0 })
  expect(routing.announcements).toHaveLength(3)
  await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'])
  const removed = await runAt(dir, ['roa', 'remove', 'acme', '192.0.2.0/24 => 64496', '--dry-run', '--bgp', bgp])
  expect(removed.stdout).toContain('announcements: 0 become valid, 0 invalid, 3 not found')
})

it('takes the VRPs of others into account', async () => {
  const dir = box.copy()
  const bgp = dump('v.tsv')
  const vrps = join(box.path, 'vrps.json')
  writeFileSync(vrps, JSON.stringify({ roas: [{ asn: 64511, prefix: '192.0.2.0/24', maxLength: 24, ta: 'x' }] }))
  utimesSync(vrps, Date.parse(NOW) / 1000, Date.parse(NOW) / 1000)
  const set = join(box.path, 'set.txt')
  writeFileSync(set, 'A: 192.0.2.0/24 => 64496\n')
  const ran = await runAt(dir, ['roa', 'update', 'acme', '--file', set, '--dry-run', '--bgp', bgp, '--vrps', vrps])
  expect(ran.stdout).toMatch(/192\.0\.2\.0\/24 +AS64496 +100 +invalidOrigin +valid/)
  expect(ran.stdout).not.toContain('AS64511 ')
})

it('uses the files of the configuration; data that is too old is a notice there and an error on the command line', async () => {
  const dir = box.copy()
  const fresh = dump('c.tsv')
  appendFileSync(join(dir, 'brine.toml'), `\n[routing]\nbgp = ["${fresh}"]\n`)
  const add = ['roa', 'add', 'acme', '192.0.2.0/24 => 64496', '--dry-run']
  expect((await runAt(dir, add)).stdout).toContain('1 become valid, 2 invalid')
  const old = dump('c.tsv', DUMP, Date.parse(NOW) - 9 * 86_400_000)
  const stale = await runAt(dir, add)
  expect([stale.code, stale.stderr]).toEqual([0, expect.stringContaining('the effect on announcements is not shown')])
  expect(stale.stdout).not.toContain('become valid')
  expect((await runAt(dir, [...add, '--bgp', old])).code).toBe(2)
  expect((await runAt(dir, [...add, '--stale-bgp'])).stdout).toContain('1 become valid, 2 invalid')
})

it('says that nothing changes', async () => {
  const dir = box.copy()
  const bgp = dump('n.tsv', '64496\t192.0.2.0/24\t100\n')
  await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'])
  const wider = await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24-25 => 64496', '--dry-run', '--bgp', bgp])
  expect(wider.stdout).toContain('no announcement changes its state')
})

it('warns of a ROA that is too wide, of AS0 over what is announced, and of the last ROA, in a dry run and without', async () => {
  const dir = box.copy()
  const fresh = dump('w.tsv', '64496\t192.0.2.0/24\t100\n64497\t198.51.100.0/24\t100\n')
  const wide = ['roa', 'add', 'acme', '192.0.2.0/24-25 => 64496']
  expect((await runAt(dir, [...wide, '--dry-run'])).stdout).not.toContain('warning:')
  expect((await runAt(dir, [...wide, '--dry-run', '--bgp', fresh])).stdout).toContain(
    'warning: "192.0.2.0/24-25 => 64496" admits 2 prefixes that AS64496 does not announce',
  )
  appendFileSync(join(dir, 'brine.toml'), `\n[routing]\nbgp = ["${fresh}"]\n`)
  const added = (await runAt(dir, [...wide, '--json'])).json<{ warnings: object[]; changed: string }>()
  expect(added).toMatchObject({
    changed: 'yes',
    warnings: [{ code: 'roa-too-permissive', details: { minimal: ['192.0.2.0/24-24 => 64496'] } }],
  })
  const removed = await runAt(dir, ['roa', 'remove', 'acme', '192.0.2.0/24-25 => 64496'])
  expect(removed.stdout).toContain('announcements that no ROA makes valid any more: 192.0.2.0/24 of AS64496 (notFound)')
  const none = await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24 => 0 # permissive'])
  expect([none.code, none.stdout]).toEqual([
    0,
    expect.stringContaining('invalidates these announcements: 192.0.2.0/24 of AS64496'),
  ])
  const meant = await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24-25 => 64496 # permissive: blackholing', '--json'])
  expect(meant.json<{ warnings: object[] }>().warnings).toEqual([])
})
