/**
 * The way back from packing with failing file operations: state and history are unchanged, each file is there once at least, and the next runs
 * complete the work. Copies that are taken while it runs are complete. A sample of the cases; all of them with SLOW=1.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
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
import { packNow } from '../support/store/packed.js'

const START = '2027-01-01T00:00:00Z' as Instant
const DAYS = 14
const FOLDERS = ['cas/acme', 'cas/testbed', 'ta/ta', 'pubd/0', 'commits', 'objects']

let site: LivedIn
/** The same directory with all files back at their places, and the segments. */
let both: string
/** Modes, sizes and times of the files before they were packed, by path. */
let before: ReadonlyMap<string, string>
let subjects: Readonly<Record<string, Subject>>

const day = (n: number): Instant => addSeconds(START, (DAYS + n) * 86400 + 60)
const run = async (dir: string, now?: string) => packDaily(await quickSession(dir, now))
const segmentsIn = (dir: string): readonly string[] =>
  FOLDERS.flatMap((folder) => names(dir, folder).filter((name) => name.endsWith('.seg')))
const names = (dir: string, folder: string): readonly string[] =>
  readdirSync(join(dir, folder), { recursive: true, encoding: 'utf8' })

function makeDir(name: string): string {
  const dir = join(site.folder, name)
  mkdirSync(dir)
  return dir
}

/** Returns what is at the places of files of history: snapshots come and go, and the lists of them are caches. */
function historyOf(dir: string): ReadonlyMap<string, string> {
  const paths = FOLDERS.flatMap((folder) => names(dir, folder).map((name) => `${folder}/${name}`))
  const own = paths.filter((path) => /\/(?:\d+\.json|(?:event|command)-\d+\.json|[0-9a-f]{64})$/.test(path))
  return new Map(own.map((path) => [path, factsOf(join(dir, path))]))
}

function factsOf(path: string): string {
  const { mode, size, mtimeMs } = statSync(path)
  return `${mode.toString(8)} ${size} ${Math.floor(mtimeMs / 1000)}`
}

async function expectSound(dir: string, now: Instant): Promise<void> {
  const report = await auditVerify(await quickSession(dir, now), { full: true })
  expect([...report.problems, ...report.aggregates.flatMap((a) => a.problems)]).toEqual([])
}

/** Runs the next days and checks that every file is back as it was, and no segment left. */
async function finish(dir: string): Promise<void> {
  for (const n of [12.4, 13.5, 14.6]) await run(dir, day(n))
  expect(segmentsIn(dir)).toEqual([])
  const after = historyOf(dir)
  for (const [path, facts] of before) expect([path, after.get(path)]).toEqual([path, facts])
  await addRoa(dir, day(17), 250)
  await expectSound(dir, day(18))
}

beforeAll(async () => {
  site = await livedIn('unpacking-crash', START, DAYS)
  before = historyOf(site.dataDir)
  expect(await packNow(site.dataDir)).toBeGreaterThan(100)
  expect(historyOf(site.dataDir).size).toBeLessThan(before.size - 100)
  const config = join(site.dataDir, 'brine.toml')
  writeFileSync(config, `${readFileSync(config, 'utf8')}\npack_threshold_days = 0\n`)
  both = copyDir(site.dataDir, makeDir('both'))
  expect((await run(both, day(9.1)))?.unpacked).toBeGreaterThan(100)
  subjects = {
    unpack: { name: 'unpack', now: day(9.1), base: site.dataDir, run, next: finish },
    'remove segments': { name: 'remove segments', now: day(11.2), base: both, run, next: finish },
  }
}, 120_000)
afterAll(() => site.remove())

it.each(['unpack', 'remove segments'])(
  '%s',
  async (name) => {
    const subject = subjects[name]
    if (subject === undefined) throw new Error('no such subject')
    const { operations, complaints } = await sweep(subject, KINDS, 8)
    expect(operations.length).toBeGreaterThan(20)
    expect(complaints).toEqual([])
  },
  7_200_000,
)

it.each([
  ['unpacking', () => site.dataDir, 9.1],
  ['removal', () => both, 11.2],
])(
  'a copy taken at any instant of the %s has every file',
  async (name, base, at) => {
    const dir = copyDir(base(), makeDir(`copied-${name}`))
    const copies: string[] = []
    let [operations, isCopying] = [0, false]
    onFileOperation((operation) => {
      const isChange = ['link', 'unlink', 'syncDir', 'rename', 'mkdir'].includes(operation)
      if (isCopying || !isChange || operations++ % (name === 'removal' ? 3 : 97) > 0) return
      isCopying = true
      copies.push(copyDir(dir, makeDir(`copy-${name}-${copies.length}`)))
      isCopying = false
    })
    await run(dir, day(at))
    onFileOperation(undefined)
    expect(copies.length).toBeGreaterThan(3)
    for (const copy of copies) await expectSound(copy, day(at))
  },
  600_000,
)

it('packing that ends and begins again within a day removes neither the segment nor the single file', async () => {
  const dir = copyDir(both, makeDir('changed'))
  const config = join(dir, 'brine.toml')
  const kept = segmentsIn(dir)
  writeFileSync(config, readFileSync(config, 'utf8').replace('pack_threshold_days = 0', 'pack_threshold_days = 7'))
  expect((await run(dir, day(9.5)))?.removed).toBe(0)
  for (const [path, facts] of before) expect([path, factsOf(join(dir, path))]).toEqual([path, facts])
  expect(segmentsIn(dir)).toEqual(expect.arrayContaining([...kept]))
})
