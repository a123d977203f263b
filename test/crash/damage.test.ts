/**
 * Every file of a data directory, damaged in every way: the damage is detected or harmless, and `recover` never loses a command without
 * reporting it. A sample of the files; all of them with SLOW=1, which prints the outcome of each case.
 */
import { appendFileSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { addCa } from '../../src/core/app/authority/cas.js'
import { resourcesOf } from '../../src/core/app/authority/resource-arguments.js'
import { roaArguments } from '../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../src/core/app/authority/roas.js'
import { tick } from '../../src/core/app/operations/tick.js'
import { auditVerify } from '../../src/core/app/proof/audit.js'
import { auditDigest } from '../../src/core/app/proof/digest.js'
import { recover } from '../../src/core/app/recovery/recover.js'
import { parseHandle } from '../../src/core/base/handle.js'
import { copyDir } from '../support/processes/cli.js'
import { isSlow, sampled } from '../support/processes/sample.js'
import { newTestbed, quickSession } from '../support/sites/testbed.js'
import { packNow } from '../support/store/packed.js'
import { fastest } from '../support/store/store.js'

const NOW = '2026-01-01T00:00:00Z'
const SOON = '2026-01-01T00:01:00Z'
const TESTBED = parseHandle('testbed')
const ACME = parseHandle('acme')
const folder = mkdtempSync(join(fastest(), 'brine-damage-'))
const made = mkdtempSync(join(tmpdir(), 'brine-damage-base-'))
const base = join(made, 'base')
const packed = join(made, 'packed')

const addRoa = async (dir: string, now: string, text: string) =>
  updateRoas(await quickSession(dir, now), ACME, roaArguments({ add: [text] }), {})

const flip = (at: (length: number) => number) => (path: string) => {
  const bytes = readFileSync(path)
  const place = at(bytes.length)
  bytes[place] = (bytes[place] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

const DAMAGES: readonly (readonly [string, (path: string) => void])[] = [
  ['cut to nothing', (path) => writeFileSync(path, '')],
  ['cut in half', (path) => writeFileSync(path, readFileSync(path).subarray(0, readFileSync(path).length >> 1))],
  ['a bit of the first byte', flip(() => 0)],
  ['a bit in the middle', flip((length) => length >> 1)],
  ['a bit of the last byte', flip((length) => length - 1)],
  [
    'garbage',
    (path) =>
      writeFileSync(
        path,
        Uint8Array.from({ length: 200 }, (_, i) => (i * 167) & 255),
      ),
  ],
  ['garbage behind it', (path) => appendFileSync(path, 'x')],
  ['gone', (path) => rmSync(path)],
  ['a neighbour in its place', (path) => copyFileSync(neighbour(path), path)],
]

/** Returns another file of the same folder, or the file itself if there is no other. */
function neighbour(path: string): string {
  const other = readdirSync(dirname(path), { withFileTypes: true }).find((e) => e.isFile() && !path.endsWith(e.name))
  return other === undefined ? path : join(dirname(path), other.name)
}

beforeAll(async () => {
  await newTestbed(base, NOW)
  await addCa(await quickSession(base, NOW), ACME, { parent: TESTBED, resources: resourcesOf('10.0.0.0/8') })
  for (let i = 0; i < 4; i++) await addRoa(base, NOW, `10.${i}.0.0/24 => 64496`)
  copyDir(base, packed)
  for (let i = 0; i < 12; i++) await addRoa(packed, NOW, `10.${50 + i}.0.0/24 => 64496`)
  expect(await packNow(packed)).toBeGreaterThan(50)
}, 120_000)
afterAll(() => {
  for (const dir of [folder, made]) rmSync(dir, { recursive: true, force: true })
})

type Verdict = 'seen' | 'harmless' | 'refused'

/** Throws if harmful damage went undetected, or if a loss was not reported. */
async function judge(dir: string, before: string): Promise<Verdict> {
  const isClean = await quickSession(dir, SOON)
    .then((session) => auditVerify(session))
    .then(
      (report) => report.ok,
      () => false,
    )
  if (!isClean) return afterRecovery(dir, before)
  expect((await auditDigest(await quickSession(dir, SOON))).full).toBe(before)
  await addRoa(dir, SOON, '10.9.0.0/24 => 64497')
  expect((await auditVerify(await quickSession(dir, SOON))).ok).toBe(true)
  return 'harmless'
}

async function afterRecovery(dir: string, before: string): Promise<Verdict> {
  let report: Awaited<ReturnType<typeof recover>>
  try {
    report = await recover(await quickSession(dir, SOON), { permit: 'anything' })
  } catch {
    // no readable marker or configuration: an error, and nothing changed
    return 'refused'
  }
  if (report.failed.length > 0) return 'refused'
  const full = await auditDigest(await quickSession(dir, SOON)).then(
    (digest) => digest.full,
    () => undefined,
  )
  // a lost key or object is not state: only what `recover` reports may differ
  const isTold = report.loses || report.objects.missing.length > 0 || report.aggregates.some((a) => a.lost.length > 0)
  if (full !== before) expect(isTold).toBe(true)
  const ticked = await tick(await quickSession(dir, SOON))
  expect(ticked.role).toBe('primary')
  return 'seen'
}

it.each([
  ['of single files', base, 30],
  ['with segments', packed, 30],
])(
  'no damage to any file %s goes undetected',
  async (_, base, count) => {
    const before = (await auditDigest(await quickSession(base, NOW))).full
    const files = readdirSync(base, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(base, join(entry.parentPath, entry.name)))
      .filter((path) => !path.startsWith('repo/') && !path.startsWith('.lock'))
      .sort()
    // segments hold most of the files
    if (base === packed)
      files.push(...files.filter((path) => path.includes('/packed/')).flatMap((path) => [path, path, path]))
    const complaints: string[] = []
    const tally: Record<Verdict, number> = { seen: 0, harmless: 0, refused: 0 }
    const cases = files.flatMap((file) => DAMAGES.map(([name, damage]) => ({ file, name, damage })))
    for (const { file, name, damage } of sampled(cases, count)) {
      const dir = copyDir(base, join(folder, 'case'))
      damage(join(dir, file))
      try {
        tally[await judge(dir, before)] += 1
      } catch (error) {
        complaints.push(`${file}, ${name}: ${error instanceof Error ? error.message : String(error)}`)
      }
      rmSync(dir, { recursive: true, force: true })
    }
    if (isSlow) process.stderr.write(`${files.length} files: ${JSON.stringify(tally)}\n`)
    expect(complaints).toEqual([])
    expect(tally.seen).toBeGreaterThan(10)
  },
  3_600_000,
)
