/** Children of every kind of resource set: all, none, AS numbers alone, one family, a range that is no prefix; validators accept each. */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { derlint, runOffline, skipUnlessValidators } from '../../support/peers/validators.js'
import { runBrine } from '../../support/processes/cli.js'
import { readServedTree } from '../../support/rpki/served-tree.js'
import { brineOk, newTestbed, scratchFolder } from '../../support/sites/testbed.js'

/** CA, its resources, what it says with them. */
const CAS: readonly (readonly [string, string, readonly string[]])[] = [
  ['everything', 'all', ['0.0.0.0/0 => 0', '::/0-0 => 0']],
  ['numbers', 'AS64496,AS64500-AS64511,AS4294967295', []],
  ['nothing', 'none', []],
  ['old', '192.0.2.0/24', ['192.0.2.0/25-32 => 4294967295']],
  ['new', '2001:db8::/32', ['2001:db8::/32-128 => 64496', '2001:db8:8000::/33 => 0']],
  ['range', '10.0.0.0-10.0.2.255,2001:db8::-2001:db8:2::', ['10.0.2.0/24 => 64497', '2001:db8:2::/128 => 64497']],
  ['host', '198.51.100.7/32', ['198.51.100.7/32 => 64498']],
]

const scratch = scratchFolder('kinds')
const dataDir = join(scratch.dir, 'data')

beforeAll(async () => {
  await newTestbed(dataDir)
  for (const [ca, resources, roas] of CAS) {
    await brineOk(dataDir, ['ca', 'add', ca, '--under', 'testbed', '--resources', resources])
    if (roas.length > 0) await brineOk(dataDir, ['roa', 'add', ca, ...roas])
  }
}, 120_000)

afterAll(scratch.remove)

const vrp = (roa: string): string => {
  const [, prefix, length, max, asn] = /^(.+)\/(\d+)(?:-(\d+))? => (\d+)$/.exec(roa) ?? []
  return `AS${asn},${prefix}/${length},${max ?? length}`
}

test('the validators accept a CA of every kind and find what each says', async (context) => {
  const published = readServedTree(join(dataDir, 'repo')).filter((file) => file.path.endsWith('.mft'))
  expect(published.map((file) => file.path.split('/')[0])).toEqual([
    'everything',
    'host',
    'new',
    'numbers',
    'old',
    'range',
    'ta',
    'testbed',
  ])
  skipUnlessValidators(context)
  const flat = join(scratch.dir, 'flat')
  cpSync(join(dataDir, 'repo', 'rsync', 'current'), join(flat, 'repo'), { recursive: true, dereference: true })
  cpSync(join(dataDir, 'repo', 'ta'), join(flat, 'ta'), { recursive: true })
  const expected = CAS.flatMap(([, , roas]) => roas.map(vrp))
  const run = await runOffline(flat, join(dataDir, 'repo', 'ta', 'ta.tal'), expected)
  expect(run.ok, run.output).toBe(true)
  expect(await derlint(context, [flat])).toBe('')
})

test.each([
  ['numbers', '192.0.2.0/24 => 64496'],
  ['nothing', '192.0.2.0/24 => 64496'],
  ['range', '10.0.0.0/22 => 64496'],
  ['host', '198.51.100.6/31 => 64496'],
])('%s cannot say %s', async (ca, roa) => {
  const refused = await runBrine(['roa', 'add', ca, roa, '--json'], { dataDir })
  expect(refused.code).toBe(1)
  expect(refused.json()).toMatchObject({ error: { code: 'roa-not-held', changed: 'no' } })
})

test('a child that held nothing gets a certificate with its first resources', async () => {
  await brineOk(dataDir, ['child', 'update', 'testbed', 'nothing', '--resources', '203.0.113.0/24'])
  const done = await brineOk<{ published: boolean }>(dataDir, ['roa', 'add', 'nothing', '203.0.113.0/24 => 64499'])
  expect(done.published).toBe(true)
  const shown = await brineOk<{ classes: unknown[]; resources: object }>(dataDir, ['ca', 'show', 'nothing'])
  expect(shown).toMatchObject({ resources: { asn: '', ipv4: '203.0.113.0/24', ipv6: '' }, classes: [{ name: '0' }] })
})
