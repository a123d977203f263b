/** `roa analyze` and `roa suggest` by the built program: from a dump to the changed ROAs, and what the program refuses to judge by. */
import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RunResult } from '../../support/processes/cli.js'
import { NOW, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

const DUMP = [
  '% a comment',
  '64496\t192.0.2.0/24\t100',
  '64496\t192.0.2.0/25\t100',
  '64511\t192.0.2.0/24\t50',
  '64497\t192.0.2.128/25\t80',
  '64498\t192.0.2.64/26\t3',
  '{1,2}\t192.0.2.0/24\t80',
  'garbage',
  '64496\t10.0.0.0/8\t80',
].join('\n')

/** Writes a dump of the sandbox's day, or of another. */
function dump(name: string, content: string | Uint8Array, changed = Date.parse(NOW)): string {
  const path = join(box.path, name)
  writeFileSync(path, content)
  utimesSync(path, changed / 1000, changed / 1000)
  return path
}

const codeOf = (ran: RunResult): string => ran.json<{ error: { code: string } }>().error.code

it('shows what is invalid or has no ROA, the ROAs that need a look, and what was left out', async () => {
  const dir = box.copy()
  await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24-25 => 64496', '192.0.2.192/26 => 9'])
  const file = dump('d.gz', gzipSync(DUMP))
  const ran = await runAt(dir, ['roa', 'analyze', 'acme', '--bgp', file])
  expect([ran.code, ran.stderr]).toEqual([0, ''])
  expect(ran.stdout).toContain('left out: 1 seen by fewer than 13 peers, 1 AS set, 1 unreadable line')
  expect(ran.stdout).toMatch(/192\.0\.2\.0\/24 +AS64511 +50 +invalidOrigin/)
  expect(ran.stdout).toMatch(/192\.0\.2\.128\/25 +AS64497 +80 +invalidOrigin/)
  expect(ran.stdout).toMatch(/192\.0\.2\.0\/24-25 => 64496 +tooPermissive +2 +2 +1 prefix not announced/)
  expect(ran.stdout).toMatch(/192\.0\.2\.192\/26-26 => 9 +unseen/)
  expect(ran.stdout).toContain('acme: 4 announcements: 2 valid, 2 invalid, 0 not found, beside 2 ROAs')
  expect(ran.stdout).not.toMatch(/AS64496 +100/)
  expect((await runAt(dir, ['roa', 'analyze', 'acme', '--bgp', file, '--all'])).stdout).toMatch(/AS64496 +100 +valid/)
  const few = await runAt(dir, ['roa', 'analyze', 'acme', '--bgp', file, '--min-peers', '1', '--json'])
  expect(few.json()).toMatchObject({ counts: { valid: 2, invalidOrigin: 3 }, data: { fewPeers: 0, minPeers: 1 } })
})

it('suggests lines that `roa update` reads, after which nothing is left to suggest', async () => {
  const dir = box.copy()
  await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24-25 => 64496'])
  const file = dump('s.tsv', '64496\t192.0.2.0/24\t90\n64496\t192.0.2.0/26\t90\n64511\t192.0.2.0/24\t90\n')
  const lines = await runAt(dir, ['roa', 'suggest', 'acme', '--bgp', file, '--minimal'])
  expect(lines.stdout.split('\n').filter((line) => /^[AR]: /.test(line))).toEqual([
    'A: 192.0.2.0/26-26 => 64496',
    'R: 192.0.2.0/24-25 => 64496',
    'A: 192.0.2.0/24-24 => 64496',
  ])
  expect(lines.stdout).toContain('# 192.0.2.0/24 by AS64511, seen by 90 peers')
  const without = await runAt(dir, ['roa', 'suggest', 'acme', '--bgp', file])
  expect(without.stdout).toContain('# R: 192.0.2.0/24-25 => 64496')
  expect((await runAt(dir, ['roa', 'update', 'acme', '--file', '-'], { input: lines.stdout })).code).toBe(0)
  const again = await runAt(dir, ['roa', 'suggest', 'acme', '--bgp', file, '--minimal', '--json'])
  expect(again.json()).toMatchObject({ add: [], remove: [], replace: [] })
})

it('suggests nothing that makes an announcement invalid which few peers see, and keeps comments', async () => {
  const dir = box.copy()
  await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24-26 => 64496 # office'])
  const file = dump('few.tsv', '64496\t192.0.2.0/24\t90\n64496\t192.0.2.0/25\t2\n64497\t192.0.2.0/26\t2\n')
  const lines = (await runAt(dir, ['roa', 'suggest', 'acme', '--bgp', file, '--minimal'])).stdout
  expect(lines.split('\n').filter((line) => /^[AR]: /.test(line))).toEqual([
    'R: 192.0.2.0/24-26 => 64496',
    'A: 192.0.2.0/24-24 => 64496 # office',
    'A: 192.0.2.0/25-25 => 64496 # office',
  ])
  expect(lines).toContain('left out: 1 seen by fewer than 13 peers')
  expect(lines).not.toContain('AS64497')
  expect((await runAt(dir, ['roa', 'update', 'acme', '--file', '-'], { input: lines })).code).toBe(0)
  const after = (await runAt(dir, ['roa', 'list', 'acme', '--json'])).json<{ roas: readonly { comment: string }[] }>()
  expect(after.roas.map(({ comment }) => comment)).toEqual(['office', 'office'])
})

it('judges by the VRPs of a validator too, and by ours as they are now', async () => {
  const dir = box.copy()
  await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'])
  const file = dump('v.csv', '64511,192.0.2.0/24\n64512,192.0.2.0/25\n')
  const roas = [
    { asn: 64511, prefix: '192.0.2.0/24', maxLength: 24 },
    { asn: 64496, prefix: '192.0.2.0/24', maxLength: 24 },
  ]
  const vrps = dump('vrps.json', JSON.stringify({ metadata: { generated: Date.parse(NOW) / 1000 }, roas }))
  const counts = async (...flags: readonly string[]): Promise<unknown> =>
    (await runAt(dir, ['roa', 'analyze', 'acme', '--bgp', file, '--json', ...flags])).json<{ counts: unknown }>().counts
  expect(await counts()).toMatchObject({ valid: 0, invalidOrigin: 2 })
  expect(await counts('--vrps', vrps)).toMatchObject({ valid: 1, invalidOrigin: 1 })
  // without our ROA and that of the other AS nothing covers the announcements: the validator still shows ours
  await runAt(dir, ['roa', 'remove', 'acme', '192.0.2.0/24 => 64496'])
  expect(await counts()).toMatchObject({ notFound: 2 })
})

it('takes files, thresholds and announcements to ignore from the configuration', async () => {
  const dir = box.copy()
  const file = dump('c.tsv', DUMP)
  const ignore = '[[routing.ignore]]\nprefix = "192.0.2.0/24"\nasn = 64511\nreason = "x"\ndate = "2026-12-02"\n'
  const config = (text: string): void => writeFileSync(join(dir, 'brine.toml'), text)
  config(`[routing]\nbgp = ["${file}"]\nmin_peers = 1\n${ignore.replace('64511', '"AS64511"')}`)
  await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'])
  const report = (await runAt(dir, ['roa', 'analyze', 'acme', '--json'])).json<{
    ignored: number
    announcements: readonly { asn: number }[]
  }>()
  expect(report.ignored).toBe(1)
  expect(report.announcements.map(({ asn }) => asn)).not.toContain(64511)
  config(`[routing]\nbgp = ["${file}"]\n${ignore}`)
  const faulty = await runAt(dir, ['roa', 'analyze', 'acme', '--json'])
  expect([faulty.code, codeOf(faulty)]).toEqual([2, 'routing-disabled'])
})

it.each([
  ['last week', -8, 'bgp-stale', /8d ago: too old to judge by/],
  ['next year', 365, 'bgp-stale', /which is in the future/],
])('refuses data of %s unless it is asked to take it', async (name, days, code, message) => {
  const dir = box.copy()
  const file = dump(`${name}.tsv`, DUMP, Date.parse(NOW) + days * 86_400_000)
  const ran = await runAt(dir, ['roa', 'analyze', 'acme', '--bgp', file, '--json'])
  expect([ran.code, codeOf(ran)]).toEqual([2, code])
  expect(ran.stdout).toMatch(message)
  expect((await runAt(dir, ['roa', 'analyze', 'acme', '--bgp', file, '--stale-bgp'])).code).toBe(0)
})

it('refuses to judge by nothing', async () => {
  const dir = box.copy()
  const none = await runAt(dir, ['roa', 'analyze', 'acme', '--json'])
  expect([none.code, codeOf(none)]).toEqual([2, 'bgp-missing'])
  const empty = await runAt(dir, ['roa', 'suggest', 'acme', '--bgp', dump('e.tsv', '% nothing\n'), '--json'])
  expect([empty.code, codeOf(empty)]).toEqual([2, 'bgp-unreadable'])
})
