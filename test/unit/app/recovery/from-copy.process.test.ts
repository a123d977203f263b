/**
 * Any file that `audit verify` reads, missing or damaged: `recover --from COPY` restores it from an intact copy, proved by hash, and the audit
 * of the complete history finds nothing. A sample of the files; all of them with SLOW=1.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { rebuildTree } from '../../../../src/core/app/authority/pubserver.js'
import { archive } from '../../../../src/core/app/operations/archive.js'
import { type AuditReport, auditVerify } from '../../../../src/core/app/proof/audit.js'
import { recover } from '../../../../src/core/app/recovery/recover.js'
import type { Duration } from '../../../../src/core/base/time.js'
import { copyDir } from '../../../support/processes/cli.js'
import { isSlow, sampled, sampleSeed } from '../../../support/processes/sample.js'
import { quickSession } from '../../../support/sites/testbed.js'
import { thawStore } from '../../../support/store/frozen-store.js'
import { fastest } from '../../../support/store/store.js'

const NOW = '2026-11-21T13:00:00Z'
const LATER = '2027-06-01T00:00:00Z'
const folder = mkdtempSync(join(fastest(), 'brine-from-copy-'))
const base = join(folder, 'base')

beforeAll(async () => {
  // every kind of aggregate, two recoveries, and archived commands whose records are kept
  thawStore(2, base)
  await rebuildTree(await quickSession(base, NOW))
  await archive(await quickSession(base, LATER), { olderThan: 86_400 as Duration })
  expect(findings(await audit(base))).toEqual([])
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const audit = async (dir: string): Promise<AuditReport> => auditVerify(await quickSession(dir, LATER), { full: true })

function findings({ problems, aggregates }: AuditReport): readonly string[] {
  return [...problems, ...aggregates.flatMap((a) => a.problems)].map((p) => `${p.file} ${p.path}: ${p.problem}`)
}

const INDEX = 'pubd/0/archived.json'

/** Returns a range without the time and generation of its archiving, which only the index knows. */
const withoutDates = (range: object): object => ({ ...range, since: undefined, generation: undefined })

const DAMAGES: readonly (readonly [string, (path: string) => void])[] = [
  ['missing', (path) => rmSync(path)],
  [
    'a bit in the middle',
    (path) => {
      const bytes = readFileSync(path)
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
      writeFileSync(path, bytes)
    },
  ],
  ['empty', (path) => writeFileSync(path, '')],
]

/** Returns what is still wrong after a recovery from an intact copy; undefined if nothing is. */
async function afterDamage(dir: string, file: string, damage: (path: string) => void): Promise<string | undefined> {
  damage(join(dir, file))
  const wrong = await audit(dir).then(findings, (error: Error) => [`audit: ${error.message}`])
  try {
    const report = await recover(await quickSession(dir, LATER), { from: [base], permit: 'nothing' })
    if (report.loses || report.losesHistory) return 'recover lost something that the copy has'
    if (wrong.length > 0 && !report.changed) return `recover did nothing about ${wrong.join('; ')}`
  } catch (error) {
    return `recover: ${(error as Error).message}; found: ${wrong.join('; ')}`
  }
  const left = await audit(dir).then(findings, (error: Error) => [`audit: ${error.message}`])
  return left.length === 0 ? undefined : left.join('; ')
}

/** Files whose paths differ in numbers and hashes only are of one class; returns one of each, which depends on the seed. */
function oneOfEachClass(files: readonly string[]): readonly string[] {
  const classes = new Map<string, string[]>()
  for (const file of files) {
    const name = file.replace(/[0-9A-Fa-f]{32,}|objects\/../g, 'H').replace(/\d+/g, 'N')
    classes.set(name, [...(classes.get(name) ?? []), file])
  }
  return [...classes.values()].map((of) => of[sampleSeed % of.length] as string)
}

it.each(DAMAGES)(
  'an archive index that is %s is rebuilt without a copy, and no archived command is given up',
  async (_, damage) => {
    const dir = copyDir(base, join(folder, 'case'))
    const away = copyDir(join(dir, 'pubd/0/archived'), join(folder, 'away'))
    rmSync(join(dir, 'pubd/0/archived'), { recursive: true })
    const before = JSON.parse(readFileSync(join(dir, INDEX), 'utf8')) as { readonly ranges: readonly object[] }
    damage(join(dir, INDEX))
    const report = await recover(await quickSession(dir, LATER))
    expect(report).toMatchObject({ losesHistory: false, archives: { replaced: [], rebuilt: [INDEX] } })
    const after = JSON.parse(readFileSync(join(dir, INDEX), 'utf8')) as typeof before
    expect(after.ranges.map(withoutDates)).toEqual(before.ranges.map(withoutDates))
    cpSync(away, join(dir, 'pubd/0/archived'), { recursive: true })
    expect(findings(await audit(dir))).toEqual([])
    for (const path of [dir, away]) rmSync(path, { recursive: true })
  },
)

it('is restored from a copy', async () => {
  const files = readdirSync(base, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(base, join(entry.parentPath, entry.name)))
    // brine.json and brine.toml are read before anything else, and are copied by hand, as their errors say
    .filter((path) => !/^brine\.|^(?:status|tmp|locks|keys\/pool)\/|^\.lock|\/(?:surplus|corrupt)\//.test(path))
    .sort()
  const cases = (isSlow ? files : oneOfEachClass(files)).flatMap((file) =>
    DAMAGES.map(([name, damage]) => ({ file, name, damage })),
  )
  const complaints: string[] = []
  for (const { file, name, damage } of sampled(cases, 8)) {
    const dir = copyDir(base, join(folder, 'case'))
    const left = await afterDamage(dir, file, damage)
    if (left !== undefined) complaints.push(`${file}, ${name}: ${left}`)
    rmSync(dir, { recursive: true, force: true })
  }
  expect(complaints).toEqual([])
}, 3_600_000)
