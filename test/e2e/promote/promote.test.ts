/** `brine promote` as users run it, with the real clock: a test directory is always live. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { PromoteReport } from '../../../src/core/app/operations/promote.js'
import type { HistoryReport } from '../../../src/core/app/proof/history.js'
import { brine, copyDir, runBrine, scratchDir } from '../../support/processes/cli.js'
import { newTestbed } from '../../support/sites/testbed.js'

const { path, remove } = scratchDir()
const first = join(path, 'first')
const second = join(path, 'second')
const REASON = ['--reason', 'host a is gone']

const numbers = async (dataDir: string): Promise<readonly number[]> => {
  const shown = await brine(['ca', 'show', 'testbed', '--json'], { dataDir })
  const { classes } = shown.json<{ classes: { keys: { manifestNumber: number }[] }[] }>()
  return classes.flatMap((c) => c.keys.map((k) => k.manifestNumber))
}

beforeAll(async () => {
  await newTestbed(first)
  copyDir(first, second)
})
afterAll(remove)

it('a copy reads and refuses to write; tick there does nothing', async () => {
  expect((await runBrine(['ca', 'list'], { dataDir: second })).code).toBe(0)
  expect((await runBrine(['republish', '--now'], { dataDir: second })).code).toBe(20)
  const tick = await runBrine(['tick'], { dataDir: second })
  expect([tick.code, tick.stdout]).toEqual([0, ''])
})

it('wants a reason and a confirmation, and tells first what it would do', async () => {
  expect((await runBrine(['promote', '--yes'], { dataDir: second })).stderr).toContain('--reason is required')
  const unasked = await runBrine(['promote', ...REASON], { dataDir: second })
  expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('will become the primary as of commit 1')])
  const dry = await runBrine(['promote', ...REASON, '--dry-run', '--json'], { dataDir: second })
  expect(dry.json<PromoteReport>()).toMatchObject({ dryRun: true, generation: 2, commit: 1 })
  expect((await runBrine(['republish'], { dataDir: second })).code).toBe(20)
})

it('a promoted copy goes on ahead of everything that the original published', async () => {
  await brine(['republish', '--now'], { dataDir: first })
  const seen = await numbers(first)
  const { json, code } = await runBrine(['promote', ...REASON, '--yes', '--json'], { dataDir: second })
  const report = json<PromoteReport>()
  expect(code).toBe(0)
  expect(report).toMatchObject({ role: 'primary', generation: 2, commit: 1, dropped: [], failed: [], serial: 2 })
  expect(report.cas.map((c) => `${c.kind}/${c.handle}`).sort()).toEqual(['ca/testbed', 'ta/ta'])
  const own = await numbers(second)
  expect(Math.min(...own)).toBeGreaterThan(Math.max(...seen))
  expect(Math.min(...own)).toBeGreaterThan(1_700_000_000)
  const { commands } = (
    await brine(['history', 'list', 'ca/testbed', '--json'], { dataDir: second })
  ).json<HistoryReport>()
  expect(commands[0]).toMatchObject({ type: 'numbers.raise', reason: 'host a is gone' })
  expect((await runBrine(['audit', 'verify'], { dataDir: second })).code).toBe(0)
  expect((await runBrine(['promote', ...REASON, '--yes'], { dataDir: second })).code).toBe(1)
})

it('a test directory is always live', async () => {
  const dataDir = join(path, 'test')
  await brine(['init', '--test'], { dataDir })
  expect((await runBrine(['promote', ...REASON, '--yes'], { dataDir })).code).toBe(1)
  expect((await runBrine(['demote', ...REASON], { dataDir })).code).toBe(1)
})
