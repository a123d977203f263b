/** `brine demote` as users run it, with the real clock: a test directory is always live. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { DemoteReport } from '../../../src/core/app/operations/promote.js'
import { brine, runBrine, scratchDir } from '../../support/processes/cli.js'
import { newTestbed } from '../../support/sites/testbed.js'

const { path, remove } = scratchDir()
const first = join(path, 'first')
const REASON = ['--reason', 'host a is gone']

beforeAll(async () => {
  await newTestbed(first)
})
afterAll(remove)

it('demote makes a stand-by that can be promoted again', async () => {
  const dry = await runBrine(['demote', ...REASON, '--dry-run'], { dataDir: first })
  expect([dry.code, (await runBrine(['republish'], { dataDir: first })).code]).toEqual([0, 0])
  expect((await runBrine(['demote'], { dataDir: first })).code).toBe(2)
  // a script may add --yes, as it does to promote
  const done = await brine(['demote', ...REASON, '--yes', '--json'], { dataDir: first })
  expect(done.json<DemoteReport>()).toMatchObject({ role: 'standby', generation: 1, reason: 'host a is gone' })
  const refused = await runBrine(['republish', '--json'], { dataDir: first })
  expect(refused.code).toBe(20)
  expect(refused.json<{ error: object }>().error).toMatchObject({
    message: expect.stringMatching(/is a stand-by \(demoted at 20\d\d-\S+Z: host a is gone\) and read-only/),
    details: { reason: 'demoted', primary: null },
  })
  expect((await runBrine(['demote', ...REASON], { dataDir: first })).code).toBe(20)
})
