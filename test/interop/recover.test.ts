/** After a recovery that lost commands the validators take what is published, and what their caches knew is behind it. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { instantOf } from '../../src/core/base/time.js'
import { runOnline, serverRoots, skipUnlessOnline } from '../support/peers/online.js'
import { complaints, manifestsOf, readServedTree } from '../support/rpki/served-tree.js'
import { brineOk, newTestbed, scratchFolder } from '../support/sites/testbed.js'

const scratch = scratchFolder('recover')
const dataDir = join(scratch.dir, 'data')
const repoDir = join(dataDir, 'repo')
const roots = join(scratch.dir, 'roots')

beforeAll(async () => {
  await newTestbed(dataDir)
  await brineOk(dataDir, ['ca', 'add', 'acme', '--under', 'testbed', '--resources', '192.0.2.0/24'])
  await brineOk(dataDir, ['roa', 'add', 'acme', '192.0.2.0/26 => 64496'])
  await brineOk(dataDir, ['roa', 'add', 'acme', '192.0.2.64/26 => 64497'])
  await brineOk(dataDir, ['roa', 'add', 'acme', '192.0.2.128/26 => 64498'])
  serverRoots(repoDir, roots)
}, 60_000)
afterAll(scratch.remove)

/** The newest event, and snapshots that would make it superfluous. */
function breakAcme(): void {
  const folder = join(dataDir, 'cas/acme')
  const events = readdirSync(folder).flatMap((name) => /^event-(\d+)/.exec(name)?.[1] ?? [])
  const newest = Math.max(...events.map(Number))
  rmSync(join(folder, `snapshot-${newest + 1}.json`), { force: true })
  const path = join(folder, `event-${newest}.json`)
  writeFileSync(path, readFileSync(path).subarray(0, 40))
}

test('a recovery that lost a ROA is accepted with the cache of before', async (context) => {
  skipUnlessOnline(context)
  const judge = async (vrps: readonly string[]): Promise<void> => {
    const options = { transport: 'rrdp' as const, cache: join(scratch.dir, 'cache'), vrps }
    const run = await runOnline(roots, join(repoDir, 'ta', 'ta.tal'), scratch.dir, options)
    expect(run.ok, run.output).toBe(true)
  }
  await judge(['AS64496,192.0.2.0/26,26', 'AS64497,192.0.2.64/26,26', 'AS64498,192.0.2.128/26,26'])
  const before = manifestsOf(readServedTree(repoDir))
  breakAcme()
  const report = await brineOk<{ loses: boolean }>(dataDir, ['recover', '--yes'])
  expect(report.loses).toBe(true)
  const tree = readServedTree(repoDir)
  expect(complaints(tree, instantOf(Date.now() / 1000))).toEqual([])
  for (const [path, manifest] of manifestsOf(tree)) {
    const last = before.get(path)
    expect(last !== undefined && manifest.number > last.number && manifest.thisUpdate > last.thisUpdate, path).toBe(
      true,
    )
  }
  await judge(['AS64496,192.0.2.0/26,26', 'AS64497,192.0.2.64/26,26'])
}, 180_000)
