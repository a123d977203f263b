/** rsync passes over a file whose size and second of modification it knows: versions of one name must differ in that second. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, type TestContext, test, vi } from 'vitest'
import { roaArguments } from '../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../src/core/app/authority/roas.js'
import { parseHandle } from '../../src/core/base/handle.js'
import { decodeSignedObject } from '../../src/core/rpki/signed-object/decode-envelope.js'
import { findProgram, skipOrFail } from '../support/peers/validators.js'
import { brineOk, newTestbed, quickSession, scratchFolder } from '../support/sites/testbed.js'

const ACME = parseHandle('acme')
const ROA = ['192.0.2.0/24 => 64496']
const scratch = scratchFolder('times')
const dataDir = join(scratch.dir, 'data')
const served = join(dataDir, 'repo', 'rsync', 'current')

beforeAll(async () => {
  await newTestbed(dataDir)
  await brineOk(dataDir, ['ca', 'add', ACME, '--under', 'testbed', '--resources', '192.0.2.0/24'])
  // until the end of the first test it is the same second
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
  await updateRoas(await quickSession(dataDir), ACME, roaArguments({ add: ROA }))
})

afterEach(() => {
  vi.useRealTimers()
})

afterAll(scratch.remove)

function contents(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(
    names.map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name)).toString('base64')] as const),
  )
}

test('a mirror made between two publications of one second is right after the next fetch', async (context: TestContext) => {
  if (findProgram('rsync') === undefined) skipOrFail(context, ['rsync'])
  const mirror = join(scratch.dir, 'mirror')
  mkdirSync(mirror)
  const fetch = () => execFileSync('rsync', ['-rt', '--delete', `${served}/`, `${mirror}/`])
  fetch()
  const before = contents(served)
  await updateRoas(await quickSession(dataDir), ACME, roaArguments({ remove: ROA }))
  await updateRoas(await quickSession(dataDir), ACME, roaArguments({ add: ROA }))
  fetch()
  const after = contents(served)
  expect([...after.keys()].sort()).toEqual([...before.keys()].sort())
  expect([...after].filter(([name, bytes]) => before.get(name) !== bytes)).toHaveLength(3)
  expect(contents(mirror)).toEqual(after)
})

test('a signed object is dated when it says it was signed (RFC 9589 section 5), never ahead of the clock', async () => {
  const folder = join(served, 'acme', '0')
  const objects = readdirSync(folder).filter((name) => /\.(?:roa|mft)$/.test(name))
  expect(objects).toHaveLength(2)
  for (const name of objects) {
    const { content } = decodeSignedObject(readFileSync(join(folder, name)))
    const { mtime } = statSync(join(folder, name))
    expect(`${mtime.toISOString().slice(0, 19)}Z`, name).toBe(content?.signingTime)
    expect(mtime.getTime(), name).toBeLessThanOrEqual(Date.now())
  }
})
