/** A directory that a recovery has cost commands or files: it is backed up as it is, and what is restored from the backup replays to the same state. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { brine } from '../../support/processes/cli.js'
import { newTestbed, scratchFolder } from '../../support/sites/testbed.js'
import { thawStore } from '../../support/store/frozen-store.js'

const NOW = '2026-11-21T12:00:00Z'
const scratch = scratchFolder('recovered')
const dir = join(scratch.dir, 'data')

beforeAll(async () => {
  await newTestbed(dir, NOW)
  for (const n of [1, 2, 3, 4, 5])
    await brine(['roa', 'add', 'testbed', `192.0.2.${n}/32=AS64496`], { dataDir: dir, now: NOW })
})
afterAll(scratch.remove)

async function fullDigest(dataDir: string): Promise<string> {
  return (await brine(['audit', 'digest', '--json'], { dataDir, now: NOW })).json<{ full: string }>().full
}

/** Backs the directory up, restores it beside it, and compares the digests. */
async function expectRestored(dataDir: string, name: string): Promise<void> {
  const file = join(scratch.dir, `${name}.tar.gz`)
  const into = join(scratch.dir, `${name}-back`)
  await brine(['backup', 'create', file, '--plain'], { dataDir, now: NOW })
  await brine(['backup', 'verify', file], {})
  await brine(['restore', file, '--into', into, '--yes'], { now: NOW })
  expect(await fullDigest(into)).toBe(await fullDigest(dataDir))
}

it('after a recovery that lost commands', async () => {
  for (const name of ['event-10.json', 'snapshot.json', 'snapshot-bk.json']) rmSync(join(dir, 'cas/testbed', name))
  for (const n of [10, 15, 14, 9, 13]) rmSync(join(dir, 'cas/testbed', `snapshot-${n}.json`), { force: true })
  await brine(['recover', '--yes'], { dataDir: dir, now: NOW })
  await brine(['audit', 'verify'], { dataDir: dir, now: NOW })
  await expectRestored(dir, 'lost')
})

it('after a recovery that declared events gone', async () => {
  const frozen = thawStore(2, join(scratch.dir, 'frozen'))
  await expectRestored(frozen, 'gone')
})
