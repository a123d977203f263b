/** History cannot be erased or changed under cover of the archive: only events of publications that a commit names may be absent. */
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { archive } from '../../../src/core/app/operations/archive.js'
import { auditVerify } from '../../../src/core/app/proof/audit.js'
import { initAuditKey, makeCheckpoint } from '../../../src/core/app/proof/checkpoint.js'
import { canonicalJson } from '../../../src/core/base/json.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { quickSession } from '../../support/sites/testbed.js'
import { archiveSite, audit, DAYS, day, FOLDERS, files, run } from '../../support/store/archive-site.js'

const site = archiveSite('erased')

interface Commit {
  format: number
  commit: number
  at: string
  aggregates: { kind: string; handle: string; sequence: number; version: number; command: string }[]
  archived?: unknown
  claimed?: unknown
  previous: string | null
}
interface Range {
  from: number
  to: number
  type: string
  actor: string
  dir: string | null
  [more: string]: unknown
}

const read = <T>(dir: string, path: string): T => JSON.parse(readFileSync(join(dir, path), 'utf8')) as T
const write = (dir: string, path: string, value: unknown): void =>
  writeFileSync(join(dir, path), `${canonicalJson(value)}\n`)
const indexOf = (dir: string, folder = 'cas/acme'): Range[] =>
  read<{ ranges: Range[] }>(dir, `${folder}/archived.json`).ranges
const writeIndex = (dir: string, ranges: readonly Range[], folder = 'cas/acme'): void =>
  write(dir, `${folder}/archived.json`, { format: 1, ranges })
const kept = (folder = 'cas/acme'): string => `${folder}/archived-records.jsonl`

/** A directory whose archives were moved away, with a checkpoint that was signed before that. */
async function moved(): Promise<{ readonly dir: string; readonly away: string; readonly note: string }> {
  const dir = site.fresh()
  await initAuditKey(await quickSession(dir, day(DAYS)), { dryRun: false })
  const { note } = await makeCheckpoint(await quickSession(dir, day(DAYS)))
  await run(dir, day(DAYS))
  await archive(await quickSession(dir, day(DAYS + 1.01)))
  const away = mkdtempSync(join(site.folder, 'away-'))
  for (const folder of FOLDERS) renameSync(join(dir, folder, 'archived'), join(away, folder.replace('/', '-')))
  const path = join(away, 'old.note')
  writeFileSync(path, note)
  return { dir, away, note: path }
}

/** Returns the files of the findings, with and without the checkpoint: equal, unless the checkpoint itself is one. */
async function findings(dir: string, note: string): Promise<readonly string[]> {
  const texts = async (checkpoints: readonly string[]): Promise<readonly string[]> => {
    const report = await auditVerify(await quickSession(dir, day(DAYS + 5)), { checkpoints })
    const all = [...report.problems, ...report.aggregates.flatMap((a) => a.problems)]
    expect(report.ok).toBe(all.length === 0)
    return all.map(({ file, path, problem }) => `${file} ${path}: ${problem}`)
  }
  const without = await texts([])
  expect(await texts([note])).toEqual(without)
  return without
}

/** Commands of acme before its archived ones that did more than publish. */
const changes = (dir: string): readonly { sequence: number; version: number; events: string[]; bytes: string }[] =>
  files(dir, 'cas/acme')
    .flatMap((name) => /^command-(\d+)\.json$/.exec(name)?.[0] ?? [])
    .map((name) => readFileSync(join(dir, 'cas/acme', name), 'utf8'))
    .map((bytes) => ({
      bytes,
      ...(JSON.parse(bytes) as {
        sequence: number
        version: number
        command: { type: string }
        effect: { events: string[] }
      }),
    }))
    .filter(({ command }) => command.type.startsWith('roas'))
    .sort((a, b) => a.sequence - b.sequence)
    .slice(0, 1)
    .map(({ bytes, sequence, version, effect }) => ({ bytes, sequence, version, events: effect.events }))

/** Deletes a change of the ROAs of acme and its events, and claims in `archived.json` that it was a publication by cron. */
function erase(dir: string): { sequence: number; bytes: string } {
  const [change] = changes(dir)
  if (change === undefined) throw new Error('no change to erase')
  const { sequence, version, events, bytes } = change
  rmSync(join(dir, `cas/acme/command-${sequence}.json`))
  for (const [i] of events.entries()) rmSync(join(dir, `cas/acme/event-${version + i}.json`))
  const range = { from: sequence, to: sequence, fromVersion: version, toVersion: version + events.length }
  const claim = { ...range, type: 'ca.republish', actor: 'cron', dir: null }
  writeIndex(
    dir,
    [...indexOf(dir), claim].sort((a, b) => a.from - b.from),
  )
  return { sequence, bytes }
}

describe('a moved archive', () => {
  it('verifies, with and without the checkpoint, from DIR and by itself', async () => {
    const { dir, note } = await moved()
    expect(await findings(dir, note)).toEqual([])
    const report = await audit(dir)
    expect(report.skipped).toEqual([])
    expect(report.aggregates.every((a) => a.unproved.length === 0 && a.verifiedFrom > 15)).toBe(true)
  })

  it('needs no index: it only says where the files are', async () => {
    const { dir, note } = await moved()
    rmSync(join(dir, 'cas/acme/archived.json'))
    expect(await findings(dir, note)).toEqual([])
  })
})

describe('an attacker', () => {
  it('who deletes commands and claims that they were publications', async () => {
    const { dir, note } = await moved()
    const { sequence } = erase(dir)
    const found = await findings(dir, note)
    expect(found).toContainEqual(expect.stringMatching(new RegExp(`^cas/acme/command-${sequence}\\.json `)))
    expect(found).toContainEqual(
      expect.stringContaining(`no commit names commands ${sequence}-${sequence} as archived`),
    )
  })

  it('who keeps the records and deletes only what they did', async () => {
    const { dir, note } = await moved()
    const { bytes } = erase(dir)
    writeFileSync(join(dir, kept()), readFileSync(join(dir, kept()), 'utf8') + bytes)
    expect(await findings(dir, note)).toContainEqual(expect.stringMatching(/^cas\/acme\/event-\d+\.json /))
  })

  it('who also commits that they were archived', async () => {
    const { dir, note } = await moved()
    const { sequence, bytes } = erase(dir)
    writeFileSync(join(dir, kept()), readFileSync(join(dir, kept()), 'utf8') + bytes)
    append(dir, { archived: [{ kind: 'ca', handle: 'acme', commands: [[sequence, sequence]] }] })
    expect(await findings(dir, note)).toContainEqual(expect.stringMatching(/^cas\/acme\/event-\d+\.json /))
  })

  it('who also commits that they were archived before records were kept', async () => {
    const { dir, note } = await moved()
    const { sequence } = erase(dir)
    append(dir, { archived: [], claimed: [{ kind: 'ca', handle: 'acme', commands: [[sequence, sequence]] }] })
    const found = await findings(dir, note)
    expect(found).toContainEqual(expect.stringContaining('$.claimed: is allowed only in the commit since which'))
    expect(found).toContainEqual(expect.stringMatching(new RegExp(`^cas/acme/command-${sequence}\\.json `)))
  })

  it('who changes an actor or a type', async () => {
    const { dir, note } = await moved()
    const [first, ...rest] = indexOf(dir)
    if (first === undefined) throw new Error('nothing is archived')
    writeIndex(dir, [{ ...first, actor: 'mallory' }, ...rest])
    expect(await findings(dir, note)).toEqual([expect.stringContaining('$.ranges[0].actor: command')])
    writeIndex(dir, [{ ...first, type: 'roas.update' }, ...rest])
    expect(await findings(dir, note)).toContainEqual(expect.stringContaining('is not a command that only publishes'))
    writeIndex(dir, [first, ...rest])
    writeFileSync(
      join(dir, kept()),
      readFileSync(join(dir, kept()), 'utf8').replace('"actor":"tester"', '"actor":"mallet"'),
    )
    expect(await findings(dir, note)).toEqual([
      expect.stringMatching(new RegExp(`^cas/acme/command-${first.from}\\.json `)),
    ])
  })

  it('who swaps ranges, of one aggregate or of two', async () => {
    const { dir, note } = await moved()
    const [mine, others] = [indexOf(dir), indexOf(dir, 'pubd/0')]
    writeIndex(dir, others)
    writeIndex(dir, mine, 'pubd/0')
    expect((await findings(dir, note)).filter((text) => text.includes('archived.json'))).not.toEqual([])
    writeIndex(dir, [...mine].reverse())
    writeIndex(dir, others, 'pubd/0')
    // where the files are is no claim about what they were
    expect(await findings(dir, note)).toEqual([])
  })

  it('who cuts, empties, removes or exchanges the kept records', async () => {
    const { dir, note } = await moved()
    const path = join(dir, kept())
    // without the copy of the commit, which only a recovery reads
    const text = readFileSync(path, 'utf8').replace(/^\{"aggregates":.*\n/gm, '')
    const lost = (found: readonly string[]): boolean => found.some((one) => /^cas\/acme\/command-\d+\.json /.test(one))
    for (const part of [text.slice(0, -20), text.slice(0, text.length / 2), text.slice(text.indexOf('\n') + 1), '']) {
      writeFileSync(path, part)
      expect(lost(await findings(dir, note)), String(part.length)).toBe(true)
    }
    writeFileSync(path, readFileSync(join(dir, kept('cas/testbed'))))
    expect(lost(await findings(dir, note))).toBe(true)
    rmSync(path)
    expect(lost(await findings(dir, note))).toBe(true)
    // both: index and records
    rmSync(join(dir, 'cas/acme/archived.json'))
    expect(lost(await findings(dir, note))).toBe(true)
    writeFileSync(path, text)
    expect(await findings(dir, note)).toEqual([])
  })

  it('who pretends that the directory is from before records were kept fails the checkpoint, and proves nothing without it', async () => {
    const { dir, note } = await moved()
    const { sequence } = erase(dir)
    rmSync(join(dir, kept()))
    rewrite(dir)
    const session = () => quickSession(dir, day(DAYS + 5))
    const without = await auditVerify(await session())
    expect(without.aggregates.find((a) => a.handle === 'acme')?.unproved).toContainEqual([
      expect.any(Number),
      expect.any(Number),
    ])
    expect(without.skipped.join()).toContain('claimed, not proved')
    const report = await auditVerify(await session(), { checkpoints: [note] })
    expect(report.problems.map((p) => p.problem)).toContainEqual(expect.stringContaining('history was replaced'))
    const full = await auditVerify(await session(), { full: true })
    expect(full.aggregates.flatMap((a) => a.problems).map((p) => p.file)).toContain(`cas/acme/command-${sequence}.json`)
  })
})

/** Appends a commit that changes no aggregate. */
function append(dir: string, members: object): void {
  const n = files(dir, 'commits').filter((name) => /^\d+\.json$/.test(name)).length
  const last = read<Commit>(dir, `commits/${n}.json`)
  const { archived: _, claimed: __, members: ___, ...rest } = last as Commit & { members?: unknown }
  const previous = sha256Hex(readFileSync(join(dir, `commits/${n}.json`)))
  write(dir, `commits/${n + 1}.json`, { ...rest, ...members, aggregates: [], commit: n + 1, previous })
  rmSync(join(dir, 'status/head.json'), { force: true })
}

/** Writes all commits again in format 2, without those that name archived commands, which are the last ones. */
function rewrite(dir: string): void {
  let previous: string | null = null
  for (let n = 1; existsSync(join(dir, `commits/${n}.json`)); n++) {
    const { archived, claimed: _, ...commit } = read<Commit>(dir, `commits/${n}.json`)
    if (archived !== undefined) rmSync(join(dir, `commits/${n}.json`))
    else {
      const text = `${canonicalJson({ ...commit, format: 2, previous } as never)}\n`
      writeFileSync(join(dir, `commits/${n}.json`), text)
      previous = sha256Hex(text)
    }
  }
  rmSync(join(dir, 'status/head.json'), { force: true })
}
