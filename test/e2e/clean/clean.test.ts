/** `brine clean`: what was left behind goes, and nothing that anybody may need. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { CleanReport } from '../../../src/core/app/operations/clean.js'
import { auditVerify } from '../../../src/core/app/proof/audit.js'
import type { Instant } from '../../../src/core/base/time.js'
import { brine, copyDir, runBrine } from '../../support/processes/cli.js'
import { quickSession } from '../../support/sites/testbed.js'
import { changesBetween, listingOf } from '../../support/store/dir-listing.js'
import { addRoa, type LivedIn, livedIn } from '../../support/store/lived-in.js'

const START = '2026-01-01T00:00:00Z' as Instant
/** Whatever lies there now, it has lain there long enough. */
const LATER = '2099-01-01T00:00:00Z'

let site: LivedIn
let dir: string

beforeAll(async () => {
  site = await livedIn('clean', START, 4)
  return site.remove
}, 120_000)
beforeEach(() => {
  dir = join(site.folder, 'copy')
  mkdirSync(dir)
  copyDir(site.dataDir, dir)
})
afterEach(() => {
  for (const name of readdirSync(site.folder))
    if (name !== basename(site.dataDir)) rmSync(join(site.folder, name), { recursive: true })
})

const at = (path: string): string => join(dir, path)

/** A file or, with a final slash, a folder with one file, which nothing names. */
function leave(path: string, text = 'left behind'): void {
  const full = path.endsWith('/') ? at(`${path}file`) : at(path)
  mkdirSync(dirname(full), { recursive: true })
  writeFileSync(full, text)
}

async function clean(args: readonly string[] = ['--yes'], now = LATER): Promise<CleanReport> {
  return (await brine(['clean', '--json', ...args], { dataDir: dir, now })).json<CleanReport>()
}

async function isWhole(): Promise<boolean> {
  return (await auditVerify(await quickSession(dir, LATER), { full: true })).ok
}

const LEFT = [
  'cas/acme/surplus/event-99.json.0123456789ab',
  'commits/surplus/99.json.0123456789ab',
  'pubd/0/corrupt/info.json.0123456789ab',
  `keys/${'AB'.repeat(20)}`,
  'keys/.tmp-x-0123456789ab',
  `objects/ab/${'ab'.repeat(32)}`,
  `objects/archived/cd/${'cd'.repeat(32)}`,
]
const TREES = ['old/format-0-20260101T000000Z', 'upgrade-0-1']

it('takes files moved aside, old trees, orphan keys and objects, and says how much', async () => {
  for (const path of LEFT) leave(path)
  for (const path of TREES) leave(`${path}/`)
  const planned = await clean(['--dry-run'])
  const report = await clean()
  expect(report.changes).toEqual(planned.changes)
  expect(report.changes.map(({ change, name }) => `${change} ${name}`)).toEqual(
    report.removed.map((path) => `remove ${path}`),
  )
  expect([...report.removed].sort()).toEqual([...LEFT, ...TREES].sort())
  expect(report).toMatchObject({
    bytes: 11 * 9,
    kinds: { surplus: 2, corrupt: 1, key: 1, passing: 1, object: 2, tree: 2 },
    kept: [],
    changed: 'yes',
  })
  for (const path of [...LEFT, ...TREES]) expect(existsSync(at(path)), path).toBe(false)
  expect(await isWhole()).toBe(true)
  await addRoa(dir, LATER as Instant, 250)
  expect((await clean()).removed).toEqual([])
})

it('asks first, and changes nothing in a dry run or where nobody answers', async () => {
  for (const path of LEFT) leave(path)
  const before = listingOf(dir)
  expect((await clean(['--dry-run'])).removed).toHaveLength(LEFT.length)
  const refused = await runBrine(['clean'], { dataDir: dir, now: LATER })
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('2 surplus files, 1 corrupt file')])
  expect(changesBetween(before, listingOf(dir))).toEqual([])
})

it('leaves what is young', async () => {
  for (const path of [...LEFT, ...TREES.map((path) => `${path}/`)]) leave(path)
  expect((await clean(['--older-than', '1d', '--yes'], '2026-01-06T00:00:00Z')).removed).toEqual([])
  const young = await runBrine(['clean', '--older-than', '1h', '--yes'], { dataDir: dir, now: LATER })
  expect(young.code).toBe(2)
})

it('never takes what a commit names', async () => {
  mkdirSync(at('cas/acme/surplus'))
  renameSync(at('cas/acme/event-1.json'), at('cas/acme/surplus/event-1.json.0123456789ab'))
  cpSync(at('cas/acme/event-2.json'), at('cas/acme/surplus/event-2.json.0123456789ab'))
  const { removed, kept } = await clean()
  // a second copy may go
  expect(removed).toEqual(['cas/acme/surplus/event-2.json.0123456789ab'])
  expect(kept).toEqual([expect.stringContaining('event-1.json.0123456789ab: a commit references it')])
  expect(await isWhole()).toBe(true)
})

it('leaves the keys and objects of a removed CA while a kept snapshot or an event names them', async () => {
  await brine(['ca', 'remove', 'acme', '--yes'], { dataDir: dir, now: '2026-01-06T00:00:00Z' })
  const before = [readdirSync(at('keys')), readdirSync(at('objects'), { recursive: true }).length]
  expect((await clean()).removed).toEqual([])
  expect([readdirSync(at('keys')), readdirSync(at('objects'), { recursive: true }).length]).toEqual(before)
})

it('leaves what a recovery may want, and keys and objects of which nobody knows', async () => {
  const bytes = readFileSync(at('cas/acme/event-1.json'))
  for (const path of LEFT) leave(path)
  writeFileSync(at('cas/acme/surplus/event-1.json.0123456789ab'), bytes)
  writeFileSync(at('cas/acme/event-1.json'), '{}')
  writeFileSync(at('cas/acme/surplus/event-1.json.0123456789ab'), 'wanted')
  const { removed, kept } = await clean()
  expect([...removed].sort()).toEqual(
    [
      'commits/surplus/99.json.0123456789ab',
      'keys/.tmp-x-0123456789ab',
      'pubd/0/corrupt/info.json.0123456789ab',
    ].sort(),
  )
  expect(kept).toEqual([
    expect.stringContaining('ca/acme is damaged: recover it first'),
    expect.stringContaining('it is unknown which keys and objects are referenced'),
  ])
})

it('takes a tree that a restore kept beside this one, and no other', async () => {
  const [ours, theirs] = [`${dir}.replaced-20260101T000000Z`, `${dir}.replaced-20260102T000000Z`]
  for (const path of [ours, theirs, `${dir}.replaced-by-hand`]) {
    mkdirSync(path)
    copyDir(site.dataDir, path)
  }
  const marker = JSON.parse(readFileSync(join(theirs, 'brine.json'), 'utf8')) as { id: string }
  writeFileSync(join(theirs, 'brine.json'), JSON.stringify({ ...marker, id: 'another' }))
  expect((await clean()).removed).toEqual(['../copy.replaced-20260101T000000Z'])
  expect([existsSync(ours), existsSync(theirs), existsSync(`${dir}.replaced-by-hand`)]).toEqual([false, true, true])
})
