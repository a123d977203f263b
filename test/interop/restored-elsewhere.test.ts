/**
 * A directory whose parent and repository are elsewhere, restored from a backup that is older than the last exchanges with both: the parent has
 * issued newer certificates, the repository has newer objects. `promote` and `tick` bring both back to exactly what the backup says.
 */
import { cpSync, mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { addSeconds, type Instant } from '../../src/core/base/time.js'
import { type ServedCgi, serveCgi } from '../support/peers/served-cgi.js'
import { runOffline, skipUnlessValidators } from '../support/peers/validators.js'
import { runBrine } from '../support/processes/cli.js'
import { readServedTree } from '../support/rpki/served-tree.js'
import { brineOk, newTestbed, scratchFolder } from '../support/sites/testbed.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const KEPT = '10.0.0.0/24 => 64496'
const LOST = '10.0.1.0/24 => 64496'
const NEVER = '11.0.0.0/24 => 64496'
const vrp = (roa: string): string => roa.replace(/^(.*\/24) => (\d+)$/, 'AS$2,$1,24')
const scratch = scratchFolder('restored-elsewhere')
const [serverDir, dataDir, backup] = ['server', 'ca', 'backup.tar'].map((n) => join(scratch.dir, n)) as [
  string,
  string,
  string,
]
let now = NOW
let served: ServedCgi
afterAll(() => {
  served?.stop()
  scratch.remove()
})

const pass = (seconds: number): void => {
  now = addSeconds(now, seconds)
}
const there = <T = Readonly<Record<string, unknown>>>(...args: readonly string[]) => brineOk<T>(serverDir, args, now)
const here = <T = Readonly<Record<string, unknown>>>(...args: readonly string[]) => brineOk<T>(dataDir, args, now)

/** Runs tick until nothing is left to do; returns what it did. */
async function settle(): Promise<readonly string[]> {
  const all: string[] = []
  for (let round = 0; round < 8; round++) {
    const { done } = await here<{ done: { what: string; on: string }[] }>('tick')
    all.push(...done.filter(({ what }) => /parent|repository/.test(what)).map(({ what, on }) => `${what} ${on}`))
    await there('tick')
    pass(16 * 60)
  }
  return all
}

async function judged(vrps: readonly string[]): Promise<void> {
  const root = join(scratch.dir, 'mirror')
  rmSync(root, { recursive: true, force: true })
  mkdirSync(join(root, 'rpki.example'), { recursive: true })
  cpSync(realpathSync(join(serverDir, 'repo/rsync/current')), join(root, 'rpki.example/repo'), { recursive: true })
  cpSync(join(serverDir, 'repo/ta'), join(root, 'rpki.example/ta'), { recursive: true })
  const tal = join(scratch.dir, 'ta.tal')
  const { tal: text } = await there<{ tal: string }>('ta', 'tal')
  writeFileSync(tal, text)
  const { ok, output } = await runOffline(root, tal, vrps, { at: Date.parse(now) / 1000 + 60 })
  expect(ok, output).toBe(true)
}

const manifestNumber = (): bigint => {
  const own = readServedTree(join(serverDir, 'repo')).filter(({ path }) => path.startsWith('kid/'))
  return own.flatMap(({ manifest }) => (manifest === undefined ? [] : [manifest.number]))[0] ?? 0n
}

test('restore, promote and tick converge with a parent and a repository that are ahead', async (context) => {
  skipUnlessValidators(context)
  await Promise.all([newTestbed(serverDir, NOW), newTestbed(dataDir, NOW)])
  served = await serveCgi(serverDir, () => now)
  const file = (name: string): string => join(scratch.dir, name)
  await here('ca', 'add', 'kid')
  await here('parent', 'request', 'kid', '--out', file('child.xml'))
  await here('repo', 'request', 'kid', '--out', file('publisher.xml'))
  const uri = ['--service-uri', served.uri]
  const child = ['--request', file('child.xml'), ...uri, '--resources', '10.0.0.0/8', '--out', file('parent.xml')]
  await there('child', 'add', 'testbed', 'kid', ...child)
  const publisher = ['--request', file('publisher.xml'), ...uri, '--out', file('repository.xml')]
  await there('pubserver', 'publisher', 'add', 'kid', ...publisher)
  await here('parent', 'add', 'kid', 'up', '--response', file('parent.xml'), '--allow-private')
  await here('repo', 'configure', 'kid', '--response', file('repository.xml'), '--allow-private')
  await here('parent', 'refresh', 'kid')
  await here('roa', 'add', 'kid', KEPT)
  await judged([vrp(KEPT)])
  await here('backup', 'create', backup, '--plain')

  // after the backup: more resources with another certificate, a rolled key, other ROAs
  pass(3600)
  await there('child', 'update', 'testbed', 'kid', '--add', '11.0.0.0/8')
  await here('parent', 'refresh', 'kid')
  await here('keyroll', 'init', 'kid')
  await here('parent', 'refresh', 'kid')
  await here('keyroll', 'activate', 'kid', '--now', '--yes')
  await here('roa', 'add', 'kid', LOST, NEVER)
  await here('roa', 'remove', 'kid', KEPT)
  await settle()
  await judged([vrp(LOST), vrp(NEVER)])
  const before = manifestNumber()

  pass(3600)
  await here('restore', backup, '--into', dataDir, '--replace', '--yes')
  await here('promote', '--yes', '--reason', 'the disk is lost')
  await settle()
  pass(25 * 3600)
  await settle()
  await judged([vrp(KEPT)])
  expect(manifestNumber()).toBeGreaterThan(before)
  expect((await runBrine(['audit', 'verify', '--full'], { dataDir, now })).code).toBe(0)
  expect((await runBrine(['audit', 'verify', '--full'], { dataDir: serverDir, now })).code).toBe(0)
  const { concerns } = await here<{ concerns: { code: string; message: string }[] }>('status')
  expect(concerns.filter(({ code }) => /parent|repository|key/.test(code))).toEqual([])
  // and it goes on
  await here('roa', 'add', 'kid', NEVER)
  await judged([vrp(KEPT), vrp(NEVER)])
}, 300_000)
