/** The present of a command is when it writes, not when it began: another one may have come in between. */
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { roaArguments } from '../../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../../src/core/app/authority/roas.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import { readServedTree } from '../../support/rpki/served-tree.js'
import { brineOk, newTestbed, quickSession, scratchFolder } from '../../support/sites/testbed.js'

const ACME = parseHandle('acme')
const scratch = scratchFolder('present')
const dataDir = join(scratch.dir, 'data')

beforeAll(async () => {
  await newTestbed(dataDir)
  await brineOk(dataDir, ['ca', 'add', ACME, '--under', 'testbed', '--resources', '192.0.2.0/24'])
})

afterEach(() => {
  vi.useRealTimers()
})

afterAll(scratch.remove)

const adding = (roa: string) => roaArguments({ add: [roa] })

test('a command that waited while another committed is not told that the clock went backwards', async () => {
  const early = await quickSession(dataDir)
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10_000 })
  await updateRoas(await quickSession(dataDir), ACME, adding('192.0.2.1/32 => 64496'))
  const done = await updateRoas(early, ACME, adding('192.0.2.2/32 => 64496'))
  expect(done.published).toBe(true)
  expect(readServedTree(join(dataDir, 'repo')).filter((file) => file.path.endsWith('.roa'))).toHaveLength(2)
})

test('a clock that really went backwards is refused and nothing changes', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3600_000 })
  const before = readServedTree(join(dataDir, 'repo'))
  const run = updateRoas(await quickSession(dataDir), ACME, adding('192.0.2.3/32 => 64496'))
  await expect(run).rejects.toMatchObject({ code: 'clock-behind', kind: 'rejected' })
  expect(readServedTree(join(dataDir, 'repo'))).toEqual(before)
})
