/** A command that commits and serves while `audit verify` and `status` read: what they see of it is no damage. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { auditVerify } from '../../../src/core/app/proof/audit.js'
import { status } from '../../../src/core/app/status/status.js'
import type { Instant } from '../../../src/core/base/time.js'
import { onFileOperation } from '../../../src/core/store/disk/io-error.js'
import { sampled } from '../../support/processes/sample.js'
import { NOW, type Sandbox, sandbox } from '../../support/sites/operator-box.js'
import { quickSession } from '../../support/sites/testbed.js'

const LATER = '2026-11-21T12:05:00Z' as Instant
/** How far into a read the other command comes, in parts of its file operations: three or four of them in a run, all with SLOW=1. */
const PLACES = [0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.95]

const RUN = join(import.meta.dirname, '../../../bin/run.js')

let box: Sandbox
beforeAll(async () => {
  box = await sandbox(NOW)
})
afterEach(() => onFileOperation(undefined))
afterAll(() => box.remove())

const READS = {
  'audit verify': async (dir: string) => {
    const { problems, aggregates, skipped } = await auditVerify(await quickSession(dir, LATER))
    return [...problems, ...aggregates.flatMap((one) => one.problems), ...skipped]
  },
  status: async (dir: string) => (await status(await quickSession(dir, LATER))).concerns,
}

/** Another process adds a ROA. */
function addRoa(dir: string, prefix = '192.0.2.0/24'): void {
  const args = [RUN, 'roa', 'add', 'acme', `${prefix} => 64496`, '--data-dir', dir]
  const { status: code, stderr } = spawnSync(process.execPath, args, { env: { ...process.env, BRINE_NOW: LATER } })
  if (code !== 0) throw new Error(`exit ${code}: ${stderr}`)
}

describe.each(Object.entries(READS))('%s', (_name, read) => {
  it('finds nothing wrong wherever a ROA comes in between', async () => {
    let operations = 0
    onFileOperation(() => {
      operations += 1
    })
    expect(await read(box.copy())).toEqual([])
    const places = sampled(PLACES, 3).map((part) => Math.ceil(operations * part) + 1)
    for (const place of places) {
      const dir = box.copy()
      let left = place
      onFileOperation(() => {
        left -= 1
        if (left === 0) addRoa(dir)
      })
      expect(await read(dir), `a ROA at operation ${place} of ${operations}`).toEqual([])
      expect(left, 'the ROA came').toBeLessThanOrEqual(0)
    }
  })
})

it('audit verify finds nothing wrong when a ROA comes in between each time: its last look is under the lock', async () => {
  const dir = box.copy()
  let roas = 0
  let isArmed = false
  onFileOperation((_operation, path) => {
    if (path.endsWith('.lock-owner')) isArmed = true
    if (!isArmed || roas === 3 || !path.includes('/objects/')) return
    isArmed = false
    addRoa(dir, `192.0.2.${roas++}/32`)
  })
  expect(await READS['audit verify'](dir)).toEqual([])
  expect(roas).toBe(3)
})
