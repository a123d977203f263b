/** `brine tick`: quiet while nothing is due, everything that is due otherwise, and a CA that fails stops no other. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { TickReport } from '../../../src/core/app/operations/tick.js'
import { runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'
import { changesBetween, listingOf } from '../../support/store/dir-listing.js'

/** When the manifests of the sandbox are due. */
const NEXT_DAY = '2026-11-22T08:00:00Z'
let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

it('prints and changes nothing while nothing is due', async () => {
  const dataDir = box.copy()
  const before = listingOf(dataDir)
  const ran = await runAt(dataDir, ['tick'])
  expect([ran.code, ran.stdout, ran.stderr]).toEqual([0, '', ''])
  expect(changesBetween(before, listingOf(dataDir))).toEqual([])
  const report = (await runAt(dataDir, ['tick', '--json'])).json<TickReport>()
  expect(report).toMatchObject({ role: 'primary', done: [], failed: [] })
  expect(report.nextDue).toMatch(/^2026-11-2[12]T/)
})

it('issues what is due and names it, then it is done', async () => {
  const dataDir = box.copy()
  const ran = await runAt(dataDir, ['tick'], { now: NEXT_DAY })
  expect([
    ran.code,
    ran.stdout
      .split('\n')
      .filter((line) => line !== '')
      .sort(),
  ]).toEqual([0, ['republish: acme', 'republish: ta', 'republish: testbed']])
  const again = (await runAt(dataDir, ['tick', '--json'], { now: NEXT_DAY })).json<TickReport>()
  expect([again.done, again.failed]).toEqual([[], []])
})

it('exit 3 where a CA is damaged, and the others are republished', async () => {
  const dataDir = box.copy()
  rmSync(join(dataDir, 'cas', 'acme'), { recursive: true })
  const ran = await runAt(dataDir, ['tick', '--json'], { now: NEXT_DAY })
  const { done, failed } = ran.json<TickReport>()
  expect([ran.code, done.map(({ on }) => on).sort(), failed.map(({ ca }) => ca)]).toEqual([
    3,
    ['ta', 'testbed'],
    ['acme'],
  ])
})

it('exit 2 for an argument', async () => {
  expect((await runAt(box.dataDir, ['tick', 'acme'])).code).toBe(2)
})
