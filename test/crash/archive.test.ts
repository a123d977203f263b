/**
 * `archive` and `clean` with failing file operations: state, history and published tree are unchanged, and the next runs complete the work
 * with every file of history still available. A sample of the cases; all of them with SLOW=1.
 */
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { archive } from '../../src/core/app/operations/archive.js'
import { clean } from '../../src/core/app/operations/clean.js'
import { auditVerify } from '../../src/core/app/proof/audit.js'
import type { AppError } from '../../src/core/base/errors.js'
import { addSeconds, type Duration, type Instant } from '../../src/core/base/time.js'
import { onFileOperation } from '../../src/core/store/disk/io-error.js'
import { copyDir } from '../support/processes/cli.js'
import { KINDS, type Subject, sweep } from '../support/processes/sweep.js'
import { quickSession } from '../support/sites/testbed.js'
import { addRoa, type LivedIn, livedIn } from '../support/store/lived-in.js'

const START = '2027-01-01T00:00:00Z' as Instant
const DAYS = 12
const THRESHOLD = (2 * 86400) as Duration
const FOLDERS = ['cas/acme', 'cas/testbed', 'ta/ta', 'pubd/0']

let site: LivedIn
let subjects: readonly Subject[]

const day = (n: number): Instant => addSeconds(START, n * 86400 + 60)
const run = async (dir: string, now?: string, to?: string) =>
  archive(await quickSession(dir, now), { olderThan: THRESHOLD, to })

beforeAll(async () => {
  site = await livedIn('archive-crash', START, DAYS)
  for (const folder of FOLDERS)
    for (const name of readdirSync(join(site.dataDir, folder)))
      if (name.startsWith('snapshot')) utimesSync(join(site.dataDir, folder, name), 0, 0)
  const linked = copyDir(site.dataDir, makeDir('linked'))
  const report = await run(linked, day(DAYS))
  expect(report.objects.moved).toBeGreaterThan(0)
  subjects = [
    { name: 'archive', now: day(DAYS), base: site.dataDir, run, next: (dir) => finish(dir) },
    { name: 'release', now: day(DAYS + 1.01), base: linked, run, next: (dir) => finish(dir) },
    {
      name: 'archive --to',
      now: day(DAYS),
      base: site.dataDir,
      // made before the faults begin: it is the operator's
      prepare: async (dir) => void volumeOf(dir),
      run: (dir, now) => run(dir, now, `${dir}-volume`),
      next: (dir) => finish(dir, volumeOf(dir)),
    },
    {
      name: 'clean',
      now: LONG_AFTER,
      base: littered(),
      run: async (dir, now) => clean(await quickSession(dir, now)),
      async next(dir, now) {
        await clean(await quickSession(dir, now))
        expect((await clean(await quickSession(dir, now))).removed).toEqual([])
        for (const path of LITTER) expect(existsSync(join(dir, path)), path).toBe(false)
        await addRoa(dir, now as Instant, 250)
      },
    },
  ]
}, 120_000)
afterAll(() => site.remove())

const LONG_AFTER = '2099-01-01T00:00:00Z'
const LITTER = [
  'cas/acme/surplus/event-99.json.0123456789ab',
  `keys/${'AB'.repeat(20)}`,
  'old/format-0-20260101T000000Z/a',
]

function littered(): string {
  const dir = copyDir(site.dataDir, makeDir('littered'))
  for (const path of LITTER) {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), 'left behind')
  }
  return dir
}

function makeDir(name: string): string {
  const dir = join(site.folder, name)
  mkdirSync(dir)
  return dir
}

/** Next to the directory, under a name that begins with its own: operations there fail too. */
function volumeOf(dir: string): string {
  mkdirSync(`${dir}-volume`, { recursive: true })
  return `${dir}-volume`
}

/** Runs the commands of the next days and checks that everything is archived, nothing waits, and all of history exists. */
async function finish(dir: string, to?: string): Promise<void> {
  await run(dir, day(DAYS + 1.1), to)
  await archive(await quickSession(dir, day(DAYS + 2.2)))
  const rest = await archive(await quickSession(dir, day(DAYS + 2.2)))
  expect(rest).toMatchObject({ changed: false, nextRelease: null, failed: [] })
  expect(rest.aggregates.every((a) => a.archived > 1)).toBe(true)
  for (const folder of FOLDERS) {
    const left = readdirSync(join(dir, folder), { recursive: true, encoding: 'utf8' })
    expect(left.filter((name) => /\.json\./.test(name))).toEqual([])
  }
  await addRoa(dir, day(DAYS + 3), 250)
  const report = await auditVerify(await quickSession(dir, day(DAYS + 4)), { full: true })
  expect([...report.problems, ...report.aggregates.flatMap((a) => a.problems)]).toEqual([])
}

it('the time after which only the archive has a file is durable before the report gives it', async () => {
  const dir = copyDir(site.dataDir, makeDir('noted'))
  const done: string[] = []
  onFileOperation((operation, path) => void done.push(`${operation} ${path.slice(dir.length)}`))
  const { nextRelease } = await run(dir, day(DAYS))
  onFileOperation(undefined)
  expect(nextRelease).not.toBeNull()
  const named = done.lastIndexOf('rename /status/archived-objects.json')
  expect(done.slice(0, named).at(-1)).toMatch(/^sync \/status\/\.tmp-archived-objects/)
  expect(done.slice(named)).toContain('syncDir /status')
})

it.each([
  ['before anything', 0, 'no'],
  ['after some second names', 5, 'yes'],
] as const)('a full disk %s: says whether something changed, and what to type', async (_, links, changed) => {
  const dir = copyDir(site.dataDir, makeDir(`full-${links}`))
  let made = 0
  onFileOperation((operation, path) => {
    const isOfArchive = operation === 'link' || (links === 0 && operation === 'unlink' && /snapshot-/.test(path))
    if (!isOfArchive) return
    if (made === links) throw Object.assign(new Error('full'), { code: 'ENOSPC' })
    made += 1
  })
  const error = await run(dir, day(DAYS)).catch((failed: unknown) => failed)
  onFileOperation(undefined)
  expect(error).toMatchObject({ kind: 'io', code: 'io-no-space', changed })
  expect(String((error as AppError).hint)).toMatch(
    changed === 'yes'
      ? /free some space.*run the same command again to continue/
      : /free some space and run the command again$/,
  )
  await finish(dir)
})

it.each([
  ['archive', 0],
  ['release', 1],
  ['archive --to', 2],
  ['clean', 3],
])(
  '%s',
  async (_, n) => {
    const subject = subjects[n]
    if (subject === undefined) throw new Error('no such subject')
    const { operations, complaints } = await sweep(subject, KINDS, 8)
    expect(operations.length).toBeGreaterThan(10)
    expect(complaints).toEqual([])
  },
  7_200_000,
)
