/** The daily list of parents by the built program: none before a day has passed, then exactly one to each parent. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import { type ServedCgi, serveCgi } from '../../support/peers/served-cgi.js'
import { brineOk, newTestbed, scratchFolder } from '../../support/sites/testbed.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const HOUR = 3600
const scratch = scratchFolder('daily-list')
const [parentDir, dataDir] = [join(scratch.dir, 'parent'), join(scratch.dir, 'child')]
let now = NOW
let served: ServedCgi
afterAll(() => {
  served.stop()
  scratch.remove()
})

const here = (...args: readonly string[]) => brineOk(dataDir, args, now)
const there = (...args: readonly string[]) => brineOk(parentDir, args, now)

/** Paths of the messages that a tick so long after the beginning sends. */
async function tickAt(seconds: number): Promise<readonly string[]> {
  now = addSeconds(NOW, seconds)
  served.requests.length = 0
  await here('tick')
  return [...served.requests].sort()
}

beforeAll(async () => {
  await Promise.all([newTestbed(parentDir, NOW), newTestbed(dataDir, NOW)])
  served = await serveCgi(parentDir, () => now)
  await there('ca', 'add', 'branch', '--under', 'testbed', '--resources', '10.0.0.0/8, 192.0.2.0/24')
  await here('ca', 'add', 'kid')
  await here('repo', 'configure', 'kid', '--local')
  const request = join(scratch.dir, 'request.xml')
  await here('parent', 'request', 'kid', '--out', request)
  for (const [parent, resources] of [
    ['testbed', '11.0.0.0/8'],
    ['branch', '192.0.2.0/24'],
  ] as const) {
    const response = join(scratch.dir, `${parent}.xml`)
    const how = ['--request', request, '--service-uri', served.uri, '--resources', resources, '--out', response]
    await there('child', 'add', parent, 'kid', ...how)
    await here('parent', 'add', 'kid', `up-${parent}`, '--response', response, '--allow-private')
  }
}, 60_000)

const BOTH = ['/rfc6492/branch', '/rfc6492/testbed']

test('one list to each parent after a day, and none before', async () => {
  // a list and what it opens
  expect(new Set(await tickAt(60))).toEqual(new Set(BOTH))
  for (const hours of [1, 12, 23.9]) expect(await tickAt(hours * HOUR), `${hours} h`).toEqual([])
  // up to an hour later, so that many CAs do not ask at once
  expect(await tickAt(25.1 * HOUR)).toEqual(BOTH)
  expect(await tickAt(25.2 * HOUR)).toEqual([])
  expect(await tickAt(48 * HOUR)).toEqual([])
  expect(await tickAt(50.3 * HOUR)).toEqual(BOTH)
}, 60_000)
