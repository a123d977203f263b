/** Three levels, suspended at the top and at the middle: validators find nothing below, then the same objects again. */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { canJudge, runOffline, skipUnlessValidators } from '../../support/peers/validators.js'
import { runBrine } from '../../support/processes/cli.js'
import { readServedTree } from '../../support/rpki/served-tree.js'
import { brineOk, newTestbed, scratchFolder } from '../../support/sites/testbed.js'

const ROAS = { acme: '192.0.2.0/24-24 => 64496', branch: '192.0.2.0/25-25 => 64497' }
const VRPS = { acme: 'AS64496,192.0.2.0/24,24', branch: 'AS64497,192.0.2.0/25,25' }

const scratch = scratchFolder('suspend')
const dataDir = join(scratch.dir, 'data')
let copies = 0

interface Changed {
  readonly lost: readonly { readonly ca: string; readonly roa: string }[]
  readonly regained: readonly { readonly ca: string; readonly roa: string }[]
  readonly changed: string
}

beforeAll(async () => {
  await newTestbed(dataDir)
  await brineOk(dataDir, ['ca', 'add', 'acme', '--under', 'testbed', '--resources', '192.0.2.0/24,AS64496'])
  await brineOk(dataDir, ['ca', 'add', 'branch', '--under', 'acme', '--resources', '192.0.2.0/25'])
  await brineOk(dataDir, ['roa', 'add', 'acme', ROAS.acme])
  await brineOk(dataDir, ['roa', 'add', 'branch', ROAS.branch])
}, 120_000)

afterAll(scratch.remove)

const ok = (...args: readonly string[]) => brineOk<Changed>(dataDir, args)
const impacts = (...cas: readonly (keyof typeof ROAS)[]) => cas.map((ca) => ({ ca, roa: ROAS[ca] }))

/** Validators find exactly these. `partial`: not every published file is reached. */
async function expectVrps(vrps: readonly string[], partial = false): Promise<void> {
  if (!canJudge()) return
  const flat = join(scratch.dir, `flat-${copies++}`)
  cpSync(join(dataDir, 'repo', 'rsync', 'current'), join(flat, 'repo'), { recursive: true, dereference: true })
  cpSync(join(dataDir, 'repo', 'ta'), join(flat, 'ta'), { recursive: true })
  const run = await runOffline(flat, join(dataDir, 'repo', 'ta', 'ta.tal'), vrps, { partial })
  expect(run.ok, run.output).toBe(true)
}

const statesOf = async (ca: string): Promise<readonly string[]> =>
  (await brineOk<{ roas: readonly { state: string }[] }>(dataDir, ['roa', 'list', ca])).roas.map(({ state }) => state)

async function headCommit(): Promise<number> {
  return (await brineOk<{ lastCommit: { commit: number } }>(dataDir, ['status'])).lastCommit.commit
}

/** ROAs, manifests and CRLs below `acme` and `branch`, by path. */
function objects(pattern: RegExp): ReadonlyMap<string, string> {
  const files = readServedTree(join(dataDir, 'repo')).filter(
    ({ path }) => /(acme|branch)/.test(path) && pattern.test(path),
  )
  return new Map(files.map(({ path, sha256 }) => [path, sha256]))
}

test('validators are asked at every step below', (context) => {
  skipUnlessValidators(context)
})

test.each([
  ['testbed', 'acme', ['acme', 'branch']],
  ['acme', 'branch', ['branch']],
  ['ta', 'testbed', ['acme', 'branch']],
] as const)('%s suspends %s and lets it back in', async (parent, child, lost) => {
  const before = objects(/\.(roa|mft|crl)$/)
  const below = [...before].filter(([path]) => parent !== 'acme' || path.includes('branch'))
  const planned = await ok('child', 'suspend', parent, child, '--dry-run')
  expect(planned).toMatchObject({ lost: impacts(...lost), changed: 'no', wouldChange: true })
  const refused = await runBrine(['child', 'suspend', parent, child], { dataDir })
  expect(refused.code).toBe(2)
  expect(await ok('child', 'suspend', parent, child, '--yes')).toMatchObject({
    ...{ lost: impacts(...lost), regained: [], changed: 'yes', unusedKeys: [], orphaned: false },
  })
  const remaining = (['acme', 'branch'] as const).filter((ca) => !(lost as readonly string[]).includes(ca))
  await expectVrps(
    remaining.map((ca) => VRPS[ca]),
    true,
  )
  for (const [path, sha256] of below) expect(objects(/./).get(path), path).toBe(sha256)

  const said = await runBrine(['status'], { dataDir })
  expect(said.stdout).toMatch(
    new RegExp(`CA ${child} is suspended by ${parent} since \\S+: no ROA of it or of a CA below it is valid`),
  )
  const since = expect.stringMatching(/^20/)
  expect(await ok('parent', 'list', child)).toMatchObject({ parents: [{ parent, suspended: since }] })
  expect(await ok('parent', 'show', child, parent)).toMatchObject({ suspended: since })
  expect(await ok('ca', 'show', child)).toMatchObject({ parents: [{ name: parent, suspended: since }] })
  const shown = await runBrine(['parent', 'show', child, parent], { dataDir })
  expect(shown.stdout).toContain(`brine child unsuspend ${parent} ${child}`)

  expect(await ok('child', 'unsuspend', parent, child)).toMatchObject({ lost: [], regained: impacts(...lost) })
  await expectVrps([VRPS.acme, VRPS.branch])
  for (const [path, sha256] of below) expect(objects(/./).get(path), path).toBe(sha256)
  expect((await runBrine(['status'], { dataDir })).stdout).not.toContain('suspended')
  expect(await ok('child', 'unsuspend', parent, child)).toMatchObject({ changed: 'no' })
})

test('a suspension is proven by the audit, and `tick` has nothing to do in it', async () => {
  const done = await runBrine(['child', 'suspend', 'testbed', 'acme', '--yes'], { dataDir })
  expect(done.stdout).toContain('2 ROAs not valid until the child is back')
  expect(done.stdout).toMatch(/^- +certificate +ca\/testbed +acme [0-9A-F]{40} /m)
  const head = await headCommit()
  const ticked = await brineOk<{ done: readonly unknown[]; nextDue: string }>(dataDir, ['tick'])
  expect(ticked.done).toEqual([])
  expect(ticked.nextDue > new Date().toISOString()).toBe(true)
  expect(await headCommit()).toBe(head)
  expect((await runBrine(['audit', 'verify'], { dataDir })).code).toBe(0)
  const back = await runBrine(['child', 'unsuspend', 'testbed', 'acme'], { dataDir })
  expect(back.stdout).toContain('2 ROAs valid again')
  expect(back.stdout).toMatch(/^\+ +certificate +ca\/testbed +acme [0-9A-F]{40} /m)
  expect((await runBrine(['audit', 'verify'], { dataDir })).code).toBe(0)
})

test('a ROA that is added meanwhile is valid at the end', async () => {
  await ok('child', 'update', 'acme', 'branch', '--add', 'AS64496')
  await ok('aspa', 'add', 'branch', 'AS64496 => AS64497')
  await ok('child', 'suspend', 'acme', 'branch', '--yes')
  const added = await ok('roa', 'add', 'branch', '192.0.2.0/26 => 64498')
  expect(added).toMatchObject({ addedRoas: [{ state: 'suspended' }] })
  expect(added).toHaveProperty(
    'changes',
    expect.arrayContaining([expect.objectContaining({ item: 'roa', after: 'suspended' })]),
  )
  await expectVrps([VRPS.acme], true)
  expect(await statesOf('branch')).toEqual(['suspended', 'suspended'])
  expect(await statesOf('acme')).toEqual(['published'])
  expect(await ok('aspa', 'list', 'branch')).toMatchObject({ aspas: [{ state: 'suspended' }] })
  await ok('child', 'unsuspend', 'acme', 'branch')
  expect(await statesOf('branch')).toEqual(['published', 'published'])
  await expectVrps([VRPS.acme, VRPS.branch, 'AS64498,192.0.2.0/26,26'])
})
