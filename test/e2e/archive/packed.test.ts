/** `archive` over a history in segments: it copies what is packed, and a day later the segments leave it out. */
import { appendFileSync, readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { archive } from '../../../src/core/app/operations/archive.js'
import { packDaily } from '../../../src/core/app/operations/packing.js'
import type { Digest } from '../../../src/core/app/proof/digest.js'
import type { Duration } from '../../../src/core/base/time.js'
import { segmentsOf } from '../../../src/core/store/disk/packed-files.js'
import { quickSession } from '../../support/sites/testbed.js'
import { archiveSite, audit, DAYS, day, events, FOLDERS, files, run } from '../../support/store/archive-site.js'
import { addRoa } from '../../support/store/lived-in.js'
import { packNow } from '../../support/store/packed.js'

const site = archiveSite('packed-archive')

/** Returns a copy in segments, whose old snapshots the program may remove. */
async function packed(): Promise<string> {
  const dir = site.fresh()
  for (const folder of FOLDERS)
    for (const name of readdirSync(join(dir, folder)))
      if (name.startsWith('snapshot-')) utimesSync(join(dir, folder, name), 0, 0)
  expect(await packNow(dir)).toBeGreaterThan(100)
  return dir
}

const inSegments = (dir: string, folder: string): readonly string[] =>
  readdirSync(join(dir, folder, 'packed')).filter((name) => name.endsWith('.seg'))

const namesIn = (dir: string, folder: string): readonly string[] =>
  segmentsOf(join(dir, folder)).flatMap(({ entries }) => entries.map(({ name }) => name))

const pack = async (dir: string, n: number) => packDaily(await quickSession(dir, day(DAYS + n)), { fewest: 8 })

it('the digest of a packed history is that of single files', async () => {
  const dir = await packed()
  expect(events(files(dir, 'cas/acme')).length).toBeLessThan(20)
  expect(await audit(dir, { full: true })).toMatchObject({ problems: [] })
  const { digest } = await audit(dir)
  expect(digest?.logical).toBe((site.digest as Digest).logical)
})

it('what is packed is archived, and its segments are written again without it', async () => {
  const dir = await packed()
  appendFileSync(join(dir, 'brine.toml'), '\npack_threshold_days = 7\n')
  const before = inSegments(dir, 'cas/acme')
  const report = await run(dir, day(DAYS))
  expect(report.failed).toEqual([])
  expect(report.aggregates.every((a) => a.archived > 1)).toBe(true)
  const archived = events(files(dir, 'cas/acme/archived'))
  expect(archived.length).toBeGreaterThan(20)
  await archive(await quickSession(dir, day(DAYS + 1.1)), { olderThan: (8 * 86400) as Duration })
  for (const n of [1.2, 2.3, 3.4, 4.5]) await pack(dir, n)
  const after = inSegments(dir, 'cas/acme')
  expect(after).not.toEqual(before)
  const single = events(files(dir, 'cas/acme'))
  expect(archived.filter((name) => single.includes(name))).toEqual([])
  const held = namesIn(dir, 'cas/acme')
  // a segment is written again once eight of its files are archived
  expect(archived.filter((name) => held.includes(name)).length).toBeLessThan(8)
  expect(held).toContain('command-1.json')
  const { problems, aggregates } = await audit(dir, { full: true })
  expect([...problems, ...aggregates.flatMap((a) => a.problems)]).toEqual([])
  await addRoa(dir, day(DAYS + 6), 250)
})

it('what is archived is packed in the folder of the archive', async () => {
  const dir = await site.done()
  appendFileSync(join(dir, 'brine.toml'), '\npack_threshold_days = 7\n')
  expect(events(files(dir, 'cas/acme/archived')).length).toBeGreaterThan(20)
  for (const n of [2.2, 3.3, 4.4]) await pack(dir, n)
  expect(events(files(dir, 'cas/acme/archived'))).toEqual([])
  expect(inSegments(dir, 'cas/acme/archived').length).toBe(1)
  const { problems, aggregates } = await audit(dir, { full: true })
  expect([...problems, ...aggregates.flatMap((a) => a.problems)]).toEqual([])
})
