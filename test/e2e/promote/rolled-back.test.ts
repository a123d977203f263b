/**
 * A data directory that was put back to an earlier time while the published tree, on another volume, was not: nothing is published that would use
 * serials and manifest numbers a second time, and the way back renumbers.
 */
import { execFileSync } from 'node:child_process'
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readHeadCache, writeHeadCache } from '../../../src/core/store/disk/caches.js'
import { layoutOf } from '../../../src/core/store/disk/paths.js'
import { brine, copyDir, runBrine } from '../../support/processes/cli.js'
import { newTestbed, scratchFolder } from '../../support/sites/testbed.js'
import { contentsOf } from '../../support/store/frozen-store.js'

const scratch = scratchFolder('rolled-back')
const dir = join(scratch.dir, 'data')
const earlier = join(scratch.dir, 'earlier')
const repo = join(scratch.dir, 'repo')
const kept = join(scratch.dir, 'kept')
const head = layoutOf(dir).head
const add = (n: number): readonly string[] => ['roa', 'add', 'acme', `192.0.2.${n}/32 => 64496`]
const run = (args: readonly string[]) => brine(args, { dataDir: dir })

beforeAll(async () => {
  await newTestbed(dir)
  appendFileSync(join(dir, 'brine.toml'), `\nrepo_dir = "${repo}"\n`)
  await run(['ca', 'add', 'acme', '--under', 'testbed', '--resources', '192.0.2.0/24'])
  execFileSync('cp', ['-al', dir, earlier])
  for (const n of [1, 2]) await run(add(n))
  copyDir(repo, mkdir(kept))
}, 60_000)
afterAll(scratch.remove)

function mkdir(path: string): string {
  execFileSync('mkdir', ['-p', path])
  return path
}

/** Puts the content back into the same directory; `whole`: as a volume does, with the identity of every file. */
function rollBack(whole: boolean): void {
  execFileSync('find', [dir, '-mindepth', '1', '-delete'])
  execFileSync('cp', [whole ? '-a' : '-al', `${earlier}/.`, dir])
  const cache = readHeadCache(head)
  if (whole && cache !== undefined) writeHeadCache(head, cache, layoutOf(dir).temp)
  rmSync(repo, { recursive: true, force: true })
  copyDir(kept, mkdir(repo))
}

async function expectRefused(named: string): Promise<void> {
  const before = contentsOf(repo)
  for (const args of [['tick'], add(9), ['republish'], ['pubserver', 'write'], ['recover']]) {
    const ran = await runBrine(args, { dataDir: dir })
    expect([args, ran.code, ran.stderr]).toEqual([args, 20, expect.stringContaining(named)])
  }
  expect(contentsOf(repo)).toEqual(before)
}

describe('a volume that was rolled back behind repo_dir', () => {
  beforeEach(() => rollBack(true))

  it('is recognised by the newest published commit', async () => {
    await expectRefused('repo/.state/primary.json says that commit 4 was published')
    const { code, stdout } = await runBrine(['status', '--json'], { dataDir: dir })
    expect([code, stdout]).toEqual([0, expect.stringContaining('the data directory was rolled back')])
  })

  it('is recognised by the serial, where an older version wrote the record', async () => {
    const path = join(repo, '.state/primary.json')
    const { last: _, ...record } = JSON.parse(readFileSync(path, 'utf8')) as { last: unknown }
    writeFileSync(path, JSON.stringify(record))
    const ran = await runBrine(add(9), { dataDir: dir })
    expect([ran.code, ran.stderr]).toEqual([
      20,
      expect.stringMatching(/rrdp\/notification\.xml has serial 5 of RRDP .* ends at serial 3/),
    ])
  })

  it('is recognised by a manifest that it did not issue, where only rsync is left', async () => {
    rmSync(join(repo, '.state'), { recursive: true })
    rmSync(join(repo, 'rrdp'), { recursive: true })
    const ran = await runBrine(add(9), { dataDir: dir })
    expect([ran.code, ran.stderr]).toEqual([
      20,
      expect.stringMatching(/[0-9A-F]{40}\.mft is manifest 3, which this history did not issue: it ends at 1/),
    ])
  })

  it('is written again after demote and promote, with numbers above the published ones', async () => {
    await run(['demote', '--reason', 'rolled back'])
    const { seen } = (await run(['promote', '--reason', 'the newer one is lost', '--yes', '--json'])).json<{
      seen: object
    }>()
    expect(seen).toMatchObject({ asked: ['served tree'], manifestNumber: 3 })
    await run(add(9))
    await run(['audit', 'verify'])
  })
})

it('a snapshot of hard links that was put back is a stand-by', async () => {
  rollBack(false)
  const { stdout } = await run(['status', '--json'])
  expect(JSON.parse(stdout)).toMatchObject({ role: 'standby', standby: { reason: 'restored' } })
  const ran = await runBrine(add(9), { dataDir: dir })
  expect(ran.code).toBe(20)
})
