/** `rrdp_interval`: changes within the interval are durable and wait for `tick`, which publishes them as one delta. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { StatusReport } from '../../../src/core/app/status/report.js'
import { runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

it('waits for the next tick, which makes one delta of several changes', async () => {
  const dir = box.copy()
  appendFileSync(join(dir, 'brine.toml'), 'rrdp_interval = "1m"\n')
  const add = (roa: string, now: string) => runAt(dir, ['roa', 'add', 'acme', roa], { now })
  const serial = async (now: string): Promise<readonly [number | undefined, readonly string[]]> => {
    const { publication, unpublished } = (await runAt(dir, ['status', '--json'], { now })).json<StatusReport>()
    return [publication?.serial, unpublished]
  }
  const [before] = await serial('2026-11-21T12:30:00Z')
  expect(before).toBeDefined()
  const next = (before ?? 0) + 1
  const first = await add('192.0.2.0/25 => 64496', '2026-11-21T12:30:00Z')
  expect([first.code, first.stderr]).toEqual([0, ''])
  expect(await serial('2026-11-21T12:30:10Z')).toEqual([next, []])
  for (const roa of ['192.0.2.128/25 => 64496', '192.0.2.0/26 => 64496']) {
    const held = await add(roa, '2026-11-21T12:30:20Z')
    expect([held.code, held.stderr]).toEqual([0, expect.stringContaining('the next tick publishes')])
  }
  expect(await serial('2026-11-21T12:30:30Z')).toEqual([next, ['acme']])
  expect((await runAt(dir, ['tick'], { now: '2026-11-21T12:35:00Z' })).code).toBe(0)
  expect(await serial('2026-11-21T12:35:10Z')).toEqual([next + 1, []])
  expect((await runAt(dir, ['audit', 'verify'], { now: '2026-11-21T12:35:10Z' })).code).toBe(0)
})
