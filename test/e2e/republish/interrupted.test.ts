/** Committed and not served: the exit code says so, the change is durable, and the next `tick` publishes it. */
import { cpSync, existsSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { instantOf } from '../../../src/core/base/time.js'
import { runBrine } from '../../support/processes/cli.js'
import { complaints, readServedTree } from '../../support/rpki/served-tree.js'
import { brineOk, newTestbed, scratchFolder } from '../../support/sites/testbed.js'
import { changesBetween, listingOf } from '../../support/store/dir-listing.js'

const scratch = scratchFolder('interrupted')
const dataDir = join(scratch.dir, 'data')
const repoDir = join(dataDir, 'repo')
const away = join(scratch.dir, 'repo-away')
let count = 0

beforeAll(async () => {
  await newTestbed(dataDir)
  await brineOk(dataDir, ['ca', 'add', 'acme', '--under', 'testbed', '--resources', '192.0.2.0/24'])
})

beforeEach(() => rmSync(away, { recursive: true, force: true }))

afterAll(scratch.remove)

const nextRoa = (): string => `192.0.2.${count++}/32 => 64496`

interface Served {
  readonly roas: number
  readonly rrdp: { readonly serial: number; readonly session: string } | null
  readonly rsync: { readonly serial: number; readonly session: string } | null
  readonly rrdpSerial: number
}

/** What the tree serves, which must be whole and current. */
async function expectServed(roas: number): Promise<void> {
  const tree = readServedTree(repoDir)
  expect(complaints(tree, instantOf(Date.now() / 1000))).toEqual([])
  expect(tree.filter((file) => file.path.endsWith('.roa'))).toHaveLength(roas)
  const shown = await brineOk<{ served: Pick<Served, 'rrdp' | 'rsync'>; rrdpSerial: number }>(dataDir, [
    'pubserver',
    'show',
  ])
  expect(shown.served.rrdp?.serial).toBe(shown.rrdpSerial)
  expect(shown.served.rsync?.serial).toBe(shown.rrdpSerial)
}

test('where the tree cannot be written a change ends with 17, durable, and tick publishes it', async () => {
  renameSync(repoDir, away)
  writeFileSync(repoDir, 'no folder')
  const roa = nextRoa()
  const pending = await runBrine(['roa', 'add', 'acme', roa, '--json'], { dataDir })
  expect(pending.code, pending.stdout).toBe(17)
  expect(pending.json()).toMatchObject({ error: { kind: 'pending', code: 'publish-pending', changed: 'yes' } })
  const again = await runBrine(['roa', 'add', 'acme', roa], { dataDir })
  expect(again.code).toBe(1)
  expect(again.stderr).toContain('has it already')
  const stuck = await runBrine(['tick'], { dataDir })
  expect(stuck.code).not.toBe(0)
  unlinkSync(repoDir)
  renameSync(away, repoDir)
  expect((await runBrine(['tick'], { dataDir })).code).toBe(0)
  await expectServed(count)
})

test('killed between commit and serving: the tree of before stands, and tick brings it forward', async () => {
  cpSync(repoDir, away, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
  await brineOk(dataDir, ['roa', 'add', 'acme', nextRoa()])
  rmSync(repoDir, { recursive: true })
  renameSync(away, repoDir)
  expect(readServedTree(repoDir).filter((file) => file.path.endsWith('.roa'))).toHaveLength(count - 1)
  expect((await runBrine(['tick'], { dataDir })).code).toBe(0)
  await expectServed(count)
})

test.each([
  ['the whole tree', ''],
  ['the rsync tree', 'rsync'],
  ['RRDP', 'rrdp'],
  ['the trust anchor', 'ta'],
  ['the notification', 'rrdp/notification.xml'],
  ['what the writer remembers', '.state'],
])('%s vanishes: tick writes it anew, and the tick after it writes nothing', async (_what, path) => {
  rmSync(join(repoDir, path), { recursive: true })
  expect((await runBrine(['tick'], { dataDir })).code).toBe(0)
  await expectServed(count)
  for (const name of ['ta.cer', 'ta.tal']) expect(existsSync(join(repoDir, 'ta', name))).toBe(true)
  const before = listingOf(dataDir)
  const quiet = await runBrine(['tick'], { dataDir })
  expect(quiet).toMatchObject({ code: 0, stdout: '', stderr: '' })
  expect(changesBetween(before, listingOf(dataDir))).toEqual([])
})

test('republish says when it is next due, and does nothing before', async () => {
  const before = listingOf(dataDir)
  const report = await brineOk<{ republished: string[]; unchanged: string[]; nextDue: string }>(dataDir, ['republish'])
  expect(report).toMatchObject({ republished: [], unchanged: ['ta', 'acme', 'testbed'] })
  expect(Date.parse(report.nextDue)).toBeGreaterThan(Date.now() + 11 * 3600_000)
  expect(changesBetween(before, listingOf(dataDir))).toEqual([])
})
