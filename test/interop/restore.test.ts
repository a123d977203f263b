/** After a restore of an older backup in the place of a directory, and its promote, validators that kept their caches take what is published. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { instantOf } from '../../src/core/base/time.js'
import { runOnline, serverRoots, skipUnlessOnline } from '../support/peers/online.js'
import { complaints, manifestsOf, readServedTree } from '../support/rpki/served-tree.js'
import { brineOk, newTestbed, scratchFolder } from '../support/sites/testbed.js'

const scratch = scratchFolder('restore')
const dataDir = join(scratch.dir, 'data')
const repoDir = join(dataDir, 'repo')
const roots = join(scratch.dir, 'roots')
const backup = join(scratch.dir, 'old.tar.gz')

beforeAll(async () => {
  await newTestbed(dataDir)
  await brineOk(dataDir, ['ca', 'add', 'acme', '--under', 'testbed', '--resources', '192.0.2.0/24'])
  await brineOk(dataDir, ['roa', 'add', 'acme', '192.0.2.0/26 => 64496'])
  await brineOk(dataDir, ['backup', 'create', backup, '--plain'])
  for (const n of [1, 2, 3]) await brineOk(dataDir, ['roa', 'add', 'acme', `192.0.2.${64 * n}/26 => 6449${n}`])
  serverRoots(repoDir, roots)
}, 60_000)
afterAll(scratch.remove)

test('a restore is accepted with the cache of what it threw away', async (context) => {
  skipUnlessOnline(context)
  const judge = async (vrps: readonly string[]): Promise<void> => {
    const options = { transport: 'rrdp' as const, cache: join(scratch.dir, 'cache'), vrps }
    const run = await runOnline(roots, join(repoDir, 'ta', 'ta.tal'), scratch.dir, options)
    expect(run.ok, run.output).toBe(true)
  }
  const later = [1, 2, 3].map((n) => `AS6449${n},192.0.2.${64 * n}/26,26`)
  await judge(['AS64496,192.0.2.0/26,26', ...later])
  const before = manifestsOf(readServedTree(repoDir))
  await brineOk(dataDir, ['restore', backup, '--into', dataDir, '--replace', '--yes'])
  await brineOk(dataDir, ['promote', '--reason', 'the disk was lost', '--yes'])
  const tree = readServedTree(repoDir)
  expect(complaints(tree, instantOf(Date.now() / 1000))).toEqual([])
  for (const [path, manifest] of manifestsOf(tree)) {
    const last = before.get(path)
    expect(last === undefined || manifest.number > last.number, path).toBe(true)
    expect(last === undefined || manifest.thisUpdate > last.thisUpdate, path).toBe(true)
  }
  await judge(['AS64496,192.0.2.0/26,26'])
}, 180_000)
