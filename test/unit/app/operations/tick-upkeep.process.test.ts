/** Upkeep that fails in `tick`: the other steps and the exchange with parents happen, and the run ends with the error. */
import { appendFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import type { Deliver } from '../../../../src/core/app/exchange/client/deliver.js'
import { tick } from '../../../../src/core/app/operations/tick.js'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'
import { onFileOperation } from '../../../../src/core/store/disk/io-error.js'
import { scratchFolder } from '../../../support/sites/testbed.js'
import { KID, newDirectories, parentElsewhere, type TwoDirectories } from '../../../support/sites/two-directories.js'

const scratch = scratchFolder('tick-upkeep')
let count = 0
let now: Instant
let two: TwoDirectories

afterAll(() => scratch.remove())
afterEach(() => onFileOperation(undefined))

beforeEach(async () => {
  count += 1
  now = '2026-11-21T12:00:00Z' as Instant
  two = await newDirectories(`${scratch.dir}/${count}`, () => now)
  await parentElsewhere(two)
  appendFileSync(join(two.client, 'brine.toml'), `\nkey_pool_size = 3\narchive_threshold_days = 1\n`)
  now = addSeconds(now, 60)
})

const deliver: Deliver = async ({ to, seal, open: read }) => read(await two.answer(to.serviceUri, await seal(now)))
const certified = async () => Object.values((await two.stateHere(KID)).classes)[0]?.keys[0]?.certificate?.resources.ipv4

/** Fails each operation on paths that match, and returns what failed. */
function failAt(pattern: RegExp): readonly string[] {
  const met: string[] = []
  onFileOperation((operation, path) => {
    if (!path.startsWith(two.client) || !pattern.test(path)) return
    met.push(operation)
    throw Object.assign(new Error('EIO: injected'), { code: 'EIO', path })
  })
  return met
}

test.each([
  ['the key pool', /keys\/pool\//],
  ['the archive', /last-archive/],
])('%s: the certificate comes from the parent all the same', async (_, pattern) => {
  const met = failAt(pattern)
  await expect(tick(await two.here(), deliver)).rejects.toMatchObject({ kind: 'io', details: { errno: 'EIO' } })
  expect(met.length).toBeGreaterThan(0)
  onFileOperation(undefined)
  expect(await certified()).toBe('10.0.0.0/8')
})

test('a step that fails does not keep the later ones, and the next run has nothing left to say', async () => {
  failAt(/keys\/pool\//)
  await expect(tick(await two.here(), deliver)).rejects.toMatchObject({ kind: 'io' })
  onFileOperation(undefined)
  expect(existsSync(join(two.client, 'status/last-archive.json'))).toBe(true)
  expect((await tick(await two.here(), deliver)).failed).toEqual([])
})
