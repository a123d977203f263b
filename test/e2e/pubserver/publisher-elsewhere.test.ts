/** A publisher elsewhere loses objects and its place: `purge` and `publisher remove --stale`, and what its CA does then. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import { type ServedCgi, serveCgi } from '../../support/peers/served-cgi.js'
import { runBrine } from '../../support/processes/cli.js'
import { brineOk, newTestbed, scratchFolder } from '../../support/sites/testbed.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const DAY = 86_400
const ROA = '10.0.0.0/24 => 64496'
const scratch = scratchFolder('publisher-elsewhere')
const [serverDir, dataDir] = [join(scratch.dir, 'server'), join(scratch.dir, 'ca')]
let now = NOW
let served: ServedCgi
afterAll(() => {
  served.stop()
  scratch.remove()
})

const there = <T = Readonly<Record<string, unknown>>>(...args: readonly string[]) => brineOk<T>(serverDir, args, now)
const here = <T = Readonly<Record<string, unknown>>>(...args: readonly string[]) => brineOk<T>(dataDir, args, now)
const uriOfRoa = async (): Promise<string> => {
  const { files } = await there<{ files: { uri: string }[] }>('pubserver', 'publisher', 'show', 'kid')
  return files.find(({ uri }) => uri.endsWith('.roa'))?.uri ?? ''
}
const isServed = (uri: string): boolean =>
  existsSync(join(serverDir, 'repo/rsync/current', uri.slice('rsync://rpki.example/repo/'.length)))

beforeAll(async () => {
  await Promise.all([newTestbed(serverDir, NOW), newTestbed(dataDir, NOW)])
  served = await serveCgi(serverDir, () => now)
  const [request, response] = [join(scratch.dir, 'request.xml'), join(scratch.dir, 'response.xml')]
  await here('ca', 'add', 'kid')
  await here('repo', 'request', 'kid', '--out', request)
  const how = ['--request', request, '--service-uri', served.uri]
  await there('pubserver', 'publisher', 'add', 'kid', ...how, '--out', response)
  await there('pubserver', 'publisher', 'add', 'mute', ...how)
  await here('repo', 'configure', 'kid', '--response', response, '--allow-private')
  await here('child', 'add', 'testbed', 'kid', '--local', '--resources', '10.0.0.0/8, AS64496')
  await here('parent', 'add', 'kid', 'testbed', '--local')
  await here('roa', 'add', 'kid', ROA)
}, 60_000)

test('purge withdraws an object; the CA publishes it again with its next list', async () => {
  const uri = await uriOfRoa()
  expect(isServed(uri)).toBe(true)
  expect(await there('pubserver', 'purge', uri, '--dry-run')).toMatchObject({ publishers: ['kid'], objects: 1 })
  expect(isServed(uri)).toBe(true)
  expect(await there('pubserver', 'purge', uri, '--yes')).toMatchObject({ changed: 'yes', objects: 1 })
  expect(isServed(uri)).toBe(false)
  expect(await here('repo', 'sync', 'kid')).toMatchObject({ changed: 'yes', put: 1, withdrawn: 0 })
  expect([isServed(uri), await uriOfRoa()]).toEqual([true, uri])
})

test('remove --stale takes who was silent, not who sent a list; the CA of one that was removed is refused', async () => {
  const uri = await uriOfRoa()
  now = addSeconds(NOW, 2 * DAY + 3600)
  await here('tick')
  expect(await there('pubserver', 'publisher', 'remove', '--stale', '48h', '--yes')).toMatchObject({
    ...{ changed: 'yes', publishers: ['mute'], objects: 0 },
  })
  expect(await there('pubserver', 'publisher', 'remove', '--stale', '48h', '--yes')).toMatchObject({ changed: 'no' })
  expect(isServed(uri)).toBe(true)
  now = addSeconds(NOW, 5 * DAY)
  expect(await there('pubserver', 'publisher', 'remove', '--stale', '48h', '--yes')).toMatchObject({
    ...{ changed: 'yes', publishers: ['kid'], objects: 3 },
  })
  expect(isServed(uri)).toBe(false)
  const refused = await runBrine(['roa', 'add', 'kid', '10.0.1.0/24 => 64496'], { dataDir, now })
  expect([refused.code, refused.stderr]).toEqual([17, expect.stringMatching(/the repository of kid has not confirmed/)])
  const status = await here<{ concerns: { code: string }[] }>('status')
  expect(status.concerns.map(({ code }) => code)).toContain('repository-failing')
})
