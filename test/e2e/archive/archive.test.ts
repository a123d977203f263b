/** `brine archive` over weeks of history: what leaves, what stays, and that everything works with the archive, without it, and in a copy taken at any time. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { BackupReport } from '../../../src/core/app/backup/create.js'
import type { VerifyReport } from '../../../src/core/app/backup/verify.js'
import { archive } from '../../../src/core/app/operations/archive.js'
import type { ArchiveReport } from '../../../src/core/app/operations/archive-report.js'
import { tick } from '../../../src/core/app/operations/tick.js'
import { auditVerify } from '../../../src/core/app/proof/audit.js'
import { type HistoryReport, listHistory, showCommand } from '../../../src/core/app/proof/history.js'
import { brine, runBrine } from '../../support/processes/cli.js'
import { quickSession } from '../../support/sites/testbed.js'
import { archiveSite, audit, DAYS, day, events, FOLDERS, files, run } from '../../support/store/archive-site.js'
import { changesBetween, listingOf } from '../../support/store/dir-listing.js'
import { addRoa } from '../../support/store/lived-in.js'

const site = archiveSite('archive')
const { fresh, done } = site

async function rows(dir: string): Promise<HistoryReport['commands']> {
  return (await listHistory(await quickSession(dir, day(DAYS + 2)), { rows: 1000 })).commands
}

const dropArchives = (dir: string): void => {
  for (const folder of FOLDERS) rmSync(join(dir, folder, 'archived'), { recursive: true })
}

describe('archiving', () => {
  it('is there first, and out of its place a day later', async () => {
    const dir = fresh()
    const before = events(files(dir, 'cas/acme'))
    const report = await run(dir, day(DAYS))
    expect(report.aggregates.map((a) => [a.kind, a.handle, a.moved > 10, a.kept > 8])).toEqual([
      ['ca', 'acme', true, true],
      ['ca', 'testbed', true, true],
      ['pubserver', '0', true, true],
      ['ta', 'ta', true, true],
    ])
    expect(report).toMatchObject({ failed: [], changed: true, to: null, nextRelease: day(DAYS + 1) })
    // a copy that is being taken finds all of them in their place for a day
    expect(events(files(dir, 'cas/acme'))).toEqual(before)
    await run(dir, day(DAYS + 0.5))
    expect(events(files(dir, 'cas/acme'))).toEqual(before)
    const later = await run(dir, day(DAYS + 1.01))
    expect(later.aggregates.every((a) => a.released > 15)).toBe(true)
    expect(events(files(dir, 'cas/acme')).length).toBeLessThan(before.length - 15)
  })

  it('takes publication commands alone, older than the threshold and than the backup snapshot', async () => {
    const dir = await done()
    const commands = await rows(dir)
    for (const c of commands) {
      if (c.archived) expect([c.at < day(DAYS - 8), ['republish', 'publish'].includes(c.type)]).toEqual([true, true])
      const folder = { ca: `cas/${c.handle}`, ta: 'ta/ta', pubserver: 'pubd/0' }[c.kind] ?? ''
      const [here, there] = [`${folder}/command-${c.sequence}.json`, `${folder}/archived/command-${c.sequence}.json`]
      expect([existsSync(join(dir, here)), existsSync(join(dir, there))], here).toEqual([!c.archived, c.archived])
    }
    expect(commands.filter((c) => c.archived).length).toBeGreaterThan(40)
  })

  it('changes nothing that anybody can see: state, history, proof, and the next command', async () => {
    const dir = await done()
    const plain = (all: HistoryReport['commands']) => all.map((c) => ({ ...c, archived: false }))
    expect(plain(await rows(dir))).toEqual(await rows(site.dataDir))
    const report = await audit(dir, { full: true })
    expect(report).toMatchObject({ ok: true, digest: site.digest })
    expect(report.aggregates.every((a) => a.verifiedFrom === 0 && a.archived > 15)).toBe(true)
    await addRoa(dir, day(DAYS + 3), 250)
    expect((await audit(dir)).ok).toBe(true)
  })

  it('run again writes nothing', async () => {
    const dir = await done()
    const again = day(DAYS + 1.02)
    await run(dir, again)
    const before = listingOf(dir)
    const report = await run(dir, again)
    expect(report.changed).toBe(false)
    await archive(await quickSession(dir, again))
    expect(changesBetween(before, listingOf(dir))).toEqual([])
  })

  it('leaves what a load from the backup snapshot needs', async () => {
    const dir = await done()
    dropArchives(dir)
    for (const folder of FOLDERS) {
      const newest = Math.max(...files(dir, folder).map((name) => Number(/^snapshot-(\d+)/.exec(name)?.[1] ?? 0)))
      for (const name of ['snapshot.json', `snapshot-${newest}.json`]) rmSync(join(dir, folder, name))
    }
    await addRoa(dir, day(DAYS + 3), 250)
    expect((await audit(dir)).problems).toEqual([])
  })

  it('takes along the objects that nothing live names, and none that is served', async () => {
    const dir = fresh()
    // snapshots of long ago keep what they name for a day; here that day is over
    for (const folder of FOLDERS)
      for (const name of files(dir, folder)) if (name.startsWith('snapshot')) utimesSync(join(dir, folder, name), 0, 0)
    const { objects } = await run(dir, day(DAYS))
    expect(objects.moved).toBeGreaterThan(20)
    const later = await run(dir, day(DAYS + 1.01))
    expect(later.objects.released).toBe(objects.moved)
    expect(await audit(dir, { full: true })).toMatchObject({ ok: true, digest: site.digest })
    rmSync(join(dir, 'objects/archived'), { recursive: true })
    expect(await audit(dir, { full: true })).toMatchObject({ ok: true, digest: site.digest })
  })
})

describe('an archive that was deleted', () => {
  it('audit verify says from which version it verified and exits 0; --full names what is missing; --archive gives it back', async () => {
    const dir = await done()
    const away = mkdtempSync(join(site.folder, 'away-'))
    for (const folder of FOLDERS) {
      mkdirSync(join(away, folder), { recursive: true })
      renameSync(join(dir, folder, 'archived'), join(away, folder, 'archived'))
    }
    const report = await audit(dir)
    expect(report).toMatchObject({ ok: true, digest: site.digest })
    expect(report.aggregates.every((a) => a.verifiedFrom > 15 && a.archived === 0)).toBe(true)
    const ran = await brine(['audit', 'verify'], { dataDir: dir, now: day(DAYS + 5) })
    expect(ran.stdout).toMatch(/from version \d+/)
    const full = await audit(dir, { full: true })
    expect(full.ok).toBe(false)
    expect(full.aggregates[0]?.problems[0]).toMatchObject({
      file: expect.stringMatching(/^cas\/acme\/(event|command)-\d+\.json$/),
      problem: expect.stringContaining('archived to archived/ and missing there'),
    })
    expect(await audit(dir, { full: true, archives: [away] })).toMatchObject({ ok: true, digest: site.digest })
    expect((await audit(dir, { archives: [away] })).aggregates.every((a) => a.verifiedFrom === 0)).toBe(true)
  })

  it('is no excuse for anything else', async () => {
    const dir = await done()
    dropArchives(dir)
    rmSync(join(dir, 'cas/acme/command-1.json'))
    const { aggregates } = await audit(dir)
    expect(aggregates[0]?.problems.map((p) => p.file)).toEqual(['cas/acme/command-1.json'])
  })

  it('history still lists every command as before: only the events are gone', async () => {
    const dir = await done()
    const before = await rows(dir)
    dropArchives(dir)
    expect(await rows(dir)).toEqual(before)
    const row = before.find((c) => c.archived)
    const session = await quickSession(dir, day(DAYS + 2))
    await expect(showCommand(session, `${row?.kind}/${row?.handle}`, row?.sequence ?? 0)).rejects.toMatchObject({
      code: 'history-archived',
    })
    const filtered = await listHistory(session, { types: ['publish'], actor: 'tester', rows: 1 })
    expect(filtered.total).toBe(before.filter((c) => c.type === 'publish' && c.actor === 'tester').length)
  })

  it('by a cron job before its day was over does not come back', async () => {
    const dir = fresh()
    await run(dir, day(DAYS))
    dropArchives(dir)
    const { aggregates } = await run(dir, day(DAYS + 1.01))
    expect(aggregates.every((a) => a.released > 15)).toBe(true)
    expect(await audit(dir)).toMatchObject({ ok: true, digest: site.digest })
  })
})

describe('an archive that lies elsewhere', () => {
  it('is in a backup where it lies in the data directory, and left out where it was put elsewhere', async () => {
    const now = day(DAYS + 5)
    const held = async (dataDir: string, name: string): Promise<BackupReport> => {
      const file = join(site.folder, name)
      const made = (await brine(['backup', 'create', file, '--plain', '--json'], { dataDir, now })).json<BackupReport>()
      const verified = (await brine(['backup', 'verify', file, '--json'])).json<VerifyReport>()
      expect(verified.digest).toBe(made.digest)
      return made
    }
    const to = mkdtempSync(join(site.folder, 'away-'))
    const [here, away] = [await held(await done(), 'here.tar'), await held(await done({ to }), 'away.tar')]
    expect([here.commit, here.digest]).toEqual([away.commit, away.digest])
    expect(here.files).toBeGreaterThan(away.files + 60)
  })

  it('is missing from backup, restored directory and export, and each says from where it is proved', async () => {
    const dir = await done()
    dropArchives(dir)
    const now = day(DAYS + 5)
    const [file, restored, exported] = ['lean.tar', 'restored', 'lean.export'].map((name) => join(site.folder, name))
    await brine(['backup', 'create', file ?? '', '--plain'], { dataDir: dir, now })
    await brine(['backup', 'verify', file ?? ''], { dataDir: dir, now })
    await brine(['restore', file ?? '', '--into', restored ?? '', '--yes'], { now })
    const proof = await audit(restored ?? '')
    expect(proof.aggregates.map((a) => [a.problems, a.verifiedFrom > 15])).toEqual(FOLDERS.map(() => [[], true]))
    await brine(['audit', 'export', '--out', exported ?? ''], { dataDir: dir, now })
    const ran = await brine(['audit', 'verify', exported ?? ''], { now })
    expect(ran.stdout).toMatch(/from version \d+/)
  })

  it('is asked for by a recovery that needs it, and given back with --archive', async () => {
    const dir = await done()
    const away = join(site.folder, 'acme-archive')
    renameSync(join(dir, 'cas/acme/archived'), away)
    for (const name of files(dir, 'cas/acme')) if (name.startsWith('snapshot')) rmSync(join(dir, 'cas/acme', name))
    const now = day(DAYS + 5)
    for (const args of [
      ['recover', '--dry-run'],
      ['recover', '--yes'],
    ]) {
      const refused = await runBrine(args, { dataDir: dir, now })
      expect(refused.code).not.toBe(0)
      expect(refused.stdout).toMatch(/without its archive: .*command-\d+.json and \d+ more after it was archived/)
    }
    await brine(['recover', 'ca/acme', '--archive', away, '--yes'], { dataDir: dir, now })
    await addRoa(dir, day(DAYS + 6), 250)
    const report = await auditVerify(await quickSession(dir, day(DAYS + 7)), { full: true })
    expect(report).toMatchObject({ ok: true })
  })
})

describe('copies and damage', () => {
  it('copies taken between the steps, or with what was archived left out, are whole and can go on', async () => {
    const dir = fresh()
    await run(dir, day(DAYS))
    const between = fresh(dir)
    await run(dir, day(DAYS + 1.01))
    const after = fresh(dir)
    const lean = fresh(dir)
    dropArchives(lean)
    for (const copy of [between, after, lean]) {
      expect(await audit(copy), copy).toMatchObject({ ok: true, digest: site.digest })
      await addRoa(copy, day(DAYS + 3), 250)
      expect((await audit(copy)).ok).toBe(true)
    }
  })

  it('a damaged file of the archive is put there again from its place, and stays in it', async () => {
    const dir = fresh()
    await run(dir, day(DAYS))
    const name = files(dir, 'pubd/0/archived')[0] ?? ''
    const path = join(dir, 'pubd/0/archived', name)
    const bytes = readFileSync(path)
    rmSync(path)
    cpSync(join(dir, 'brine.json'), path)
    await run(dir, day(DAYS + 1.01))
    expect(readFileSync(path)).toEqual(bytes)
    expect(existsSync(join(dir, 'pubd/0', name))).toBe(true)
    await run(dir, day(DAYS + 3))
    expect(existsSync(join(dir, 'pubd/0', name))).toBe(false)
    expect(await audit(dir, { full: true })).toMatchObject({ ok: true, digest: site.digest })
  })

  it('a damaged aggregate is left out and named, and the others are archived', async () => {
    const dir = fresh()
    writeFileSync(join(dir, 'cas/acme/event-9.json'), '{}')
    const report = await run(dir, day(DAYS))
    expect(report.failed).toEqual([expect.objectContaining({ aggregate: 'ca/acme', code: 'file-damaged' })])
    expect(report.aggregates.map((a) => [a.handle, a.moved > 10])).toEqual([
      ['testbed', true],
      ['0', true],
      ['ta', true],
    ])
    // nobody knows which objects it names
    expect(report.objects.moved).toBe(0)
  })

  it('a lost note is made again from what lies in archived/', async () => {
    const dir = await done()
    for (const folder of FOLDERS) rmSync(join(dir, folder, 'archived.json'))
    await run(dir, day(DAYS + 2))
    dropArchives(dir)
    expect((await audit(dir)).ok).toBe(true)
  })
})

describe('tick', () => {
  it('archives once a day where archive_threshold_days is set, and says so', async () => {
    const dir = fresh()
    appendFileSync(join(dir, 'brine.toml'), '\narchive_threshold_days = 8\n')
    const at = async (n: number) =>
      (await tick(await quickSession(dir, day(n)))).done.filter((d) => d.what === 'archive')
    expect((await at(DAYS)).map((d) => d.on)).toContainEqual(expect.stringMatching(/^ca\/acme: \d+ commands$/))
    const names = events(files(dir, 'cas/acme'))
    expect(await at(DAYS + 0.9)).toEqual([])
    expect(events(files(dir, 'cas/acme'))).toEqual(expect.arrayContaining([...names]))
    await at(DAYS + 1.1)
    expect(events(files(dir, 'cas/acme')).length).toBeLessThan(names.length - 10)
    expect((await audit(dir, { full: true })).ok).toBe(true)
  })
})

describe('the command', () => {
  it('says in one line that there is no threshold, and what a dry run would do', async () => {
    const dir = fresh()
    const before = listingOf(dir)
    const idle = await brine(['archive'], { dataDir: dir, now: day(DAYS) })
    expect(idle.stdout).toBe('nothing to do: archive_threshold_days is not set, and no --older-than was given\n')
    for (const flag of ['--dry-run', '--list']) {
      const ran = await brine(['archive', '--older-than', '8d', flag], { dataDir: dir, now: day(DAYS) })
      expect(ran.stdout).toMatch(/^~ +commands +ca\/acme +\d+ +live -> archived\/, \d+ bytes/m)
      expect(ran.stdout).toMatch(/\d+ commands and \d+ objects would be archived to archived\//)
    }
    expect(changesBetween(before, listingOf(dir))).toEqual([])
    const ran = await brine(['archive', '--older-than', '8d', '--json'], { dataDir: dir, now: day(DAYS) })
    const [row] = ran.json<ArchiveReport>().aggregates
    expect(row).toMatchObject({ kind: 'ca', handle: 'acme', archived: row?.moved, kept: expect.any(Number) })
    expect(row?.bytes).toBeGreaterThan(1000)
    const [moved] = ran.json<ArchiveReport>().changes
    expect(moved).toMatchObject({ change: 'update', item: 'commands', of: 'ca/acme', name: `${row?.moved}` })
    const young = await runBrine(['archive', '--older-than', '1h'], { dataDir: dir, now: day(DAYS) })
    expect([young.code, young.stderr]).toEqual([2, expect.stringContaining('the minimum is 1d')])
  })
})
