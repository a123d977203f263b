/**
 * A CA that republishes with packing adds few files: their number does not follow the commands. A year with SLOW=1, else 60 days.
 */
import { appendFileSync, readdirSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { addCa } from '../../../src/core/app/authority/cas.js'
import { resourcesOf } from '../../../src/core/app/authority/resource-arguments.js'
import { tick } from '../../../src/core/app/operations/tick.js'
import { auditVerify } from '../../../src/core/app/proof/audit.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import { isSlow } from '../../support/processes/sample.js'
import { newTestbed, quickSession, scratchFolder } from '../../support/sites/testbed.js'
import { addRoa } from '../../support/store/lived-in.js'

const START = '2027-01-01T00:00:00Z' as Instant
/** After which as many files wait to be packed as later. */
const SETTLED = 30
const DAYS = SETTLED + (isSlow ? 365 : 60)
const FOLDERS = ['cas/acme', 'cas/testbed', 'ta/ta', 'pubd/0', 'commits', 'objects']

const { dir: folder, remove } = scratchFolder('packed-year')
const dir = join(folder, 'data')
const day = (n: number): Instant => addSeconds(START, n * 86400)

beforeAll(async () => {
  await newTestbed(dir, START)
  const under = { parent: parseHandle('testbed'), resources: resourcesOf('192.0.2.0/24,AS64496') }
  await addCa(await quickSession(dir, START), parseHandle('acme'), under)
  await addRoa(dir, START, 1)
  appendFileSync(join(dir, 'brine.toml'), '\npack_threshold_days = 7\n')
}, 120_000)
afterAll(remove)

/** Lets the program remove old snapshots, whose age it takes from the disk. */
function ageSnapshots(): void {
  for (const folder of FOLDERS.slice(0, 4))
    for (const name of readdirSync(join(dir, folder)))
      if (name.startsWith('snapshot-')) utimesSync(join(dir, folder, name), 0, 0)
}

function filesIn(folder: string): number {
  const all = readdirSync(join(dir, folder), { recursive: true, encoding: 'utf8' })
  return all.filter((name) => statSync(join(dir, folder, name)).isFile()).length
}

const count = (): Readonly<Record<string, number>> => Object.fromEntries(FOLDERS.map((f) => [f, filesIn(f)]))
const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0)

it('a CA, its parent, the trust anchor and the publication server together add fewer than 100 files', async () => {
  let before = count()
  for (let half = 1; half <= 2 * DAYS; half++) {
    await tick(await quickSession(dir, day(half / 2)))
    ageSnapshots()
    if (half === 2 * SETTLED) before = count()
  }
  const after = count()
  expect(sum(after) - sum(before)).toBeLessThan(100)
  const report = await auditVerify(await quickSession(dir, day(DAYS)), { full: true })
  expect([...report.problems, ...report.aggregates.flatMap((a) => a.problems)]).toEqual([])
}, 1_200_000)
