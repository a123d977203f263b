/**
 * Packing with failing file operations: state and history are unchanged, each file is there once at least, and the next runs complete the work.
 * Copies that are taken while it runs are complete. A sample of the cases; all of them with SLOW=1.
 */
import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { packDaily } from '../../src/core/app/operations/packing.js'
import { auditVerify } from '../../src/core/app/proof/audit.js'
import { addSeconds, type Instant } from '../../src/core/base/time.js'
import { onFileOperation } from '../../src/core/store/disk/io-error.js'
import { copyDir } from '../support/processes/cli.js'
import { KINDS, type Subject, sweep } from '../support/processes/sweep.js'
import { quickSession } from '../support/sites/testbed.js'
import { addRoa, type LivedIn, livedIn } from '../support/store/lived-in.js'

const START = '2027-01-01T00:00:00Z' as Instant
const DAYS = 14
const FOLDERS = ['cas/acme', 'cas/testbed', 'ta/ta', 'pubd/0']

let site: LivedIn
/** The same directory with all that is old in segments and as single files as well. */
let both: string
let subjects: readonly Subject[]

const day = (n: number): Instant => addSeconds(START, n * 86400 + 60)
const run = async (dir: string, now?: string) => packDaily(await quickSession(dir, now), { fewest: 8 })

/** Lets the program remove old snapshots, whose age it takes from the disk: only what newer ones do not have is packed. */
function ageSnapshots(dir: string): void {
  for (const folder of FOLDERS)
    for (const name of readdirSync(join(dir, folder)))
      if (name.startsWith('snapshot-')) utimesSync(join(dir, folder, name), 0, 0)
}

beforeAll(async () => {
  site = await livedIn('packing-crash', START, DAYS)
  appendFileSync(join(site.dataDir, 'brine.toml'), '\npack_threshold_days = 7\n')
  ageSnapshots(site.dataDir)
  both = copyDir(site.dataDir, makeDir('both'))
  expect((await run(both, day(DAYS + 9.1)))?.packed).toBeGreaterThan(20)
  subjects = [
    { name: 'pack', now: day(DAYS + 9.1), base: site.dataDir, run, next: finish },
    { name: 'remove', now: day(DAYS + 11.2), base: both, run, next: finish },
  ]
}, 120_000)
afterAll(() => site.remove())

function makeDir(name: string): string {
  const dir = join(site.folder, name)
  mkdirSync(dir)
  return dir
}

const names = (dir: string, folder: string, part: RegExp): readonly string[] =>
  readdirSync(join(dir, folder)).filter((name) => part.test(name))

/** Runs the next days and checks that the old files are in one segment of each folder alone, and that all of history is there. */
async function finish(dir: string): Promise<void> {
  for (const n of [12.4, 13.5, 14.6, 15.7, 16.8]) await run(dir, day(DAYS + n))
  for (const folder of ['commits', ...FOLDERS]) {
    expect([folder, names(dir, `${folder}/packed`, /\.seg$/).length]).toEqual([folder, 1])
    // the commit with the list of all aggregates stays single
    const single = names(dir, folder, /^(?:event-|command-)?[1-9]\.json$/).filter((name) => name !== '2.json')
    expect([folder, single]).toEqual([folder, []])
    expect([folder, names(dir, `${folder}/packed`, /^\.tmp/)]).toEqual([folder, []])
  }
  await addRoa(dir, day(DAYS + 17), 250)
  const report = await auditVerify(await quickSession(dir, day(DAYS + 18)), { full: true })
  expect([...report.problems, ...report.aggregates.flatMap((a) => a.problems)]).toEqual([])
}

it.each([
  ['pack', 0],
  ['remove', 1],
])(
  '%s',
  async (_, n) => {
    const subject = subjects[n]
    if (subject === undefined) throw new Error('no such subject')
    const { operations, complaints } = await sweep(subject, KINDS, 12)
    expect(operations.length).toBeGreaterThan(20)
    expect(complaints).toEqual([])
  },
  7_200_000,
)

it.each([
  ['packing', () => site.dataDir, 9.1],
  ['removal', () => both, 11.2],
])(
  'a copy taken at any instant of the %s has every file',
  async (name, base, at) => {
    const dir = copyDir(base(), makeDir(`copied-${name}`))
    const copies: string[] = []
    let operations = 0
    let isCopying = false
    onFileOperation((operation) => {
      if (isCopying || !['link', 'unlink', 'syncDir', 'rename', 'mkdir'].includes(operation) || operations++ % 9 > 0)
        return
      isCopying = true
      copies.push(copyDir(dir, makeDir(`copy-${name}-${copies.length}`)))
      isCopying = false
    })
    await run(dir, day(DAYS + at))
    onFileOperation(undefined)
    expect(copies.length).toBeGreaterThan(3)
    for (const copy of copies) {
      const report = await auditVerify(await quickSession(copy, day(DAYS + at)), { full: true })
      expect([...report.problems, ...report.aggregates.flatMap((a) => a.problems)]).toEqual([])
    }
  },
  600_000,
)

it('what a copy that began a day before has not read is removed no earlier', async () => {
  const dir = copyDir(both, makeDir('early'))
  const before = names(dir, 'cas/acme', /^event/)
  expect((await run(dir, day(DAYS + 10.05)))?.removed).toBeUndefined()
  expect(names(dir, 'cas/acme', /^event/)).toEqual(before)
  await run(dir, day(DAYS + 10.2))
  expect(names(dir, 'cas/acme', /^event/).length).toBeLessThan(before.length)
})

it('the commit that an older program refuses is durable before the first segment', async () => {
  const dir = copyDir(site.dataDir, makeDir('first'))
  const done: string[] = []
  onFileOperation((operation, path) => void done.push(`${operation} ${path.slice(dir.length)}`))
  await run(dir, day(DAYS + 9.1))
  onFileOperation(undefined)
  const head = Math.max(...names(dir, 'commits', /^\d+\.json$/).map((name) => Number.parseInt(name, 10)))
  expect(JSON.parse(readFileSync(join(dir, `commits/${head}.json`), 'utf8'))).toMatchObject({ format: 4 })
  const linked = done.indexOf(`link /commits/${head}.json`)
  const segment = done.findIndex((text) => text.endsWith('.seg'))
  expect(linked).toBeGreaterThan(0)
  expect(done.slice(linked, segment)).toContain('syncDir /commits')
})

it('nothing is removed in a history that older programs still read', async () => {
  const dir = copyDir(site.dataDir, makeDir('older'))
  for (const folder of FOLDERS) cpSync(join(both, folder, 'packed'), join(dir, folder, 'packed'), { recursive: true })
  const before = names(dir, 'cas/acme', /^(event|command)-/)
  for (const n of [9.1, 10.2, 11.3]) await packDaily(await quickSession(dir, day(DAYS + n)), { fewest: 10_000 })
  expect(names(dir, 'cas/acme', /^(event|command)-/)).toEqual(before)
})
