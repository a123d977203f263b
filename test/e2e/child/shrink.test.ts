/** Three levels: what a parent takes leaves publication, stays configured, is named, and comes back; the validators are asked at every step. */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { canJudge, runOffline, skipUnlessValidators } from '../../support/peers/validators.js'
import { runBrine } from '../../support/processes/cli.js'
import { readServedTree } from '../../support/rpki/served-tree.js'
import { brineOk, newTestbed, scratchFolder } from '../../support/sites/testbed.js'

const ACME = '10.0.0.0/8,2001:db8::/32,AS64496-AS64511'
const BRANCH = '10.1.0.0/16,2001:db8:1::/48,AS64500'
const ACME_ROAS = ['10.0.0.0/16-24 => 64496', '10.2.0.0/16-16 => 0', '2001:db8::/48-48 => 64496']
const BRANCH_ROAS = ['10.1.0.0/24-24 => 64500', '10.1.1.0/24-28 => 64500', '2001:db8:1::/48-56 => 64500']

const scratch = scratchFolder('shrink')
const dataDir = join(scratch.dir, 'data')
let copies = 0

interface Fallen {
  readonly ca: string
  readonly roa: string
}

interface Changed {
  readonly lost: readonly Fallen[]
  readonly regained: readonly Fallen[]
  readonly changed: string
}

beforeAll(async () => {
  await newTestbed(dataDir)
  await brineOk(dataDir, ['ca', 'add', 'acme', '--under', 'testbed', '--resources', ACME])
  await brineOk(dataDir, ['ca', 'add', 'branch'])
  await brineOk(dataDir, ['child', 'add', 'acme', 'branch', '--local', '--resources', BRANCH])
  await brineOk(dataDir, ['repo', 'configure', 'branch', '--local'])
  await brineOk(dataDir, ['parent', 'add', 'branch', 'acme', '--local'])
  await brineOk(dataDir, ['roa', 'add', 'acme', ...ACME_ROAS])
  await brineOk(dataDir, ['roa', 'add', 'branch', ...BRANCH_ROAS])
}, 120_000)

afterAll(scratch.remove)

const vrp = (roa: string): string => roa.replace(/^(.+)-(\d+) => (\d+)$/, 'AS$3,$1,$2')

/** What the validators find must be exactly these ROAs, and what `roa list` says must fit. */
async function expectPublished(roas: readonly string[]): Promise<void> {
  for (const [ca, all] of [
    ['acme', ACME_ROAS],
    ['branch', BRANCH_ROAS],
  ] as const) {
    const list = await brineOk<{
      roas: { prefix: string; maxLength: number; asn: number; state: string; object: object | null }[]
    }>(dataDir, ['roa', 'list', ca])
    const states = new Map(list.roas.map((r) => [`${r.prefix}-${r.maxLength} => ${r.asn}`, r.state]))
    expect(states).toEqual(new Map(all.map((roa) => [roa, roas.includes(roa) ? 'published' : 'notHeld'])))
    expect(list.roas.every((r) => (r.object !== null) === (r.state === 'published'))).toBe(true)
  }
  const files = readServedTree(join(dataDir, 'repo')).filter((file) => file.path.endsWith('.roa'))
  expect(files).toHaveLength(roas.length)
  if (!canJudge()) return
  const flat = join(scratch.dir, `flat-${copies++}`)
  cpSync(join(dataDir, 'repo', 'rsync', 'current'), join(flat, 'repo'), { recursive: true, dereference: true })
  cpSync(join(dataDir, 'repo', 'ta'), join(flat, 'ta'), { recursive: true })
  const run = await runOffline(flat, join(dataDir, 'repo', 'ta', 'ta.tal'), roas.map(vrp))
  expect(run.ok, run.output).toBe(true)
}

function update(parent: string, child: string, ...flags: readonly string[]): Promise<Changed> {
  return brineOk<Changed>(dataDir, ['child', 'update', parent, child, ...flags])
}

const of = (ca: string, roas: readonly string[]): readonly Fallen[] => roas.map((roa) => ({ ca, roa }))

test('validators are asked at every step below', (context) => {
  skipUnlessValidators(context)
})

test('three levels, the lowest made step by step, publish v4, v6, AS0', async () => {
  await expectPublished([...ACME_ROAS, ...BRANCH_ROAS])
})

test('a loss is told before it happens: a dry run names it, and without --yes nothing changes', async () => {
  const remove = ['child', 'update', 'testbed', 'acme', '--remove', '10.1.0.0/24']
  const planned = await brineOk<Changed>(dataDir, [...remove, '--dry-run'])
  expect(planned).toMatchObject({ lost: of('branch', BRANCH_ROAS.slice(0, 1)), changed: 'no', wouldChange: true })
  const refused = await runBrine(remove, { dataDir })
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain('--yes')
  expect(refused.stderr).toContain('nothing changed')
  await expectPublished([...ACME_ROAS, ...BRANCH_ROAS])
})

test('what a grandparent takes away leaves publication two levels below, and comes back', async () => {
  const taken = await runBrine(
    ['child', 'update', 'testbed', 'acme', '--remove', '10.1.0.0/24,2001:db8:1::/48', '--yes'],
    { dataDir },
  )
  expect(taken.code, taken.stderr).toBe(0)
  expect(taken.stdout).toContain('2 ROAs no longer held, withdrawn and kept in the configuration')
  for (const roa of [BRANCH_ROAS[0], BRANCH_ROAS[2]])
    expect(taken.stdout).toMatch(new RegExp(`^~ +ROA +ca/branch +${roa} +published -> not held$`, 'm'))
  await expectPublished([...ACME_ROAS, ...BRANCH_ROAS.slice(1, 2)])
  const back = await update('testbed', 'acme', '--resources', ACME)
  expect(back).toMatchObject({
    lost: [],
    regained: of('branch', [...BRANCH_ROAS.slice(0, 1), ...BRANCH_ROAS.slice(2)]),
  })
  await expectPublished([...ACME_ROAS, ...BRANCH_ROAS])
})

test('a child left with its AS number alone keeps its certificate and its configuration', async () => {
  const taken = await update('acme', 'branch', '--resources', 'AS64500', '--yes')
  expect(taken.lost).toEqual(of('branch', BRANCH_ROAS))
  await expectPublished(ACME_ROAS)
  const again = await update('acme', 'branch', '--resources', BRANCH)
  expect(again.regained).toEqual(of('branch', BRANCH_ROAS))
  await expectPublished([...ACME_ROAS, ...BRANCH_ROAS])
})

test('a child left with nothing loses its certificate, all below it too, and everything comes back', async () => {
  const taken = await update('testbed', 'acme', '--resources', 'none', '--yes', '--reason', 'test')
  expect(taken.lost).toEqual([...of('acme', ACME_ROAS), ...of('branch', BRANCH_ROAS)])
  await expectPublished([])
  const back = await update('testbed', 'acme', '--resources', ACME)
  expect(back.regained).toHaveLength(6)
  await expectPublished([...ACME_ROAS, ...BRANCH_ROAS])
})

test('the trust anchor takes and gives back through all levels', async () => {
  const taken = await update('ta', 'testbed', '--remove', '10.0.0.0/8', '--yes')
  expect(taken.lost).toHaveLength(4)
  await expectPublished([...ACME_ROAS, ...BRANCH_ROAS].slice(2, 3).concat(BRANCH_ROAS.slice(2)))
  const back = await update('ta', 'testbed', '--resources', 'all')
  expect(back.regained).toHaveLength(4)
  await expectPublished([...ACME_ROAS, ...BRANCH_ROAS])
})

test('a ROA added while others are not held is refused where it is not held itself', async () => {
  await update('acme', 'branch', '--remove', '10.1.1.0/24', '--yes')
  const refused = await runBrine(['roa', 'add', 'branch', '10.1.1.0/25 => 64500'], { dataDir })
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('10.1.1.0/25')
  await expectPublished([...ACME_ROAS, ...BRANCH_ROAS.slice(0, 1), ...BRANCH_ROAS.slice(2)])
})
