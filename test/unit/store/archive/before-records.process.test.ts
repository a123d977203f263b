/** Directories whose archive is older than the kept records: they open and verify, and the next run keeps what it can still read. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { archive, archiveDaily } from '../../../../src/core/app/operations/archive.js'
import { upgrade } from '../../../../src/core/app/operations/upgrade.js'
import { type AuditReport, auditVerify } from '../../../../src/core/app/proof/audit.js'
import { recover } from '../../../../src/core/app/recovery/recover.js'
import { republish } from '../../../../src/core/app/republishing/republish.js'
import { openSession, type Session } from '../../../../src/core/app/session/session.js'
import type { StoredCommit } from '../../../../src/core/eventsourcing/types.js'
import { thawStore } from '../../../support/store/frozen-store.js'
import { fastest } from '../../../support/store/store.js'

const NOW = '2026-11-21T13:00:00Z'
const LATER = '2026-11-22T14:00:00Z'
const base = mkdtempSync(join(fastest(), 'brine-before-'))
afterAll(() => rmSync(base, { recursive: true, force: true }))

let dir: string
beforeEach(() => {
  dir = thawStore(2, mkdtempSync(join(base, 'two-')))
})

const options = (nowOverride: string) => ({
  ...{ dataDir: dir, actor: 'tester', osUser: 'tester', host: 'host.example', command: 'test' },
  nowOverride,
})
const session = (now = NOW): Promise<Session> => openSession(options(now))
const problemsOf = (report: AuditReport): readonly string[] =>
  [...report.problems, ...report.aggregates.flatMap((a) => a.problems)]
    .filter(({ file }) => !file.startsWith('repo'))
    .map(({ file, path, problem }) => `${file} ${path}: ${problem}`)
const verify = async (full = false): Promise<AuditReport> => auditVerify(await session(LATER), { full })
const newest = (): StoredCommit => {
  const names = readdirSync(join(dir, 'commits')).filter((name) => name.endsWith('.json'))
  return JSON.parse(readFileSync(join(dir, 'commits', `${names.length}.json`), 'utf8')) as StoredCommit
}
const archived = (): readonly string[] =>
  ['cas', 'ta', 'pubd', 'est', 'ha']
    .flatMap((kind) => readdirSync(join(dir, kind)).map((name) => join(kind, name)))
    .filter((folder) => existsSync(join(dir, folder, 'archived.json')))
const moveAway = (): void => {
  for (const folder of archived()) rmSync(join(dir, folder, 'archived'), { recursive: true, force: true })
}
const namedBy = (list: StoredCommit['archived']): number =>
  (list ?? []).flatMap(({ commands }) => commands).reduce((sum, [from, to]) => sum + to - from + 1, 0)

describe('an archive that is still there', () => {
  it('verifies, and after one run every record is kept and named, once', async () => {
    expect(problemsOf(await verify(true))).toEqual([])
    await archiveDaily(await session())
    const commit = newest()
    expect(commit).toMatchObject({ format: 3, aggregates: [] })
    expect(namedBy(commit.archived)).toBeGreaterThan(3)
    expect(commit.claimed).toBeUndefined()
    for (const folder of archived()) expect(existsSync(join(dir, folder, 'archived-records.jsonl')), folder).toBe(true)
    expect(problemsOf(await verify(true))).toEqual([])
    expect(await archiveDaily(await session())).toBeUndefined()
    await archive(await session())
    expect(newest().commit).toBe(commit.commit)
    moveAway()
    const report = await verify()
    expect(problemsOf(report)).toEqual([])
    expect(report.skipped.filter((line) => line.includes('not proved'))).toEqual([])
  })

  it('of format 1 is the same after the upgrade', async () => {
    dir = thawStore(1, mkdtempSync(join(base, 'one-')))
    await upgrade(options(NOW), { only: true })
    await archiveDaily(await session())
    moveAway()
    expect(problemsOf(await verify())).toEqual([])
    expect((await verify()).skipped.filter((line) => line.includes('not proved'))).toEqual([])
  })
})

describe('an archive that was moved away before', () => {
  it('verifies, and says what is claimed and not proved, before and after the run', async () => {
    moveAway()
    expect(problemsOf(await verify())).toEqual([])
    const before = (await verify()).skipped.filter((line) => line.includes('claimed, not proved'))
    expect(before.length).toBeGreaterThan(0)
    await archiveDaily(await session())
    expect(namedBy(newest().claimed)).toBeGreaterThan(0)
    const report = await verify()
    expect(problemsOf(report)).toEqual([])
    expect(report.skipped).toEqual(expect.arrayContaining(before))
    expect(problemsOf(await verify(true))).not.toEqual([])
  })

  it('is proved by --archive DIR, and for good by a run while it is back in its place', async () => {
    const away = mkdtempSync(join(base, 'away-'))
    for (const folder of archived())
      if (existsSync(join(dir, folder, 'archived'))) cpSync(join(dir, folder), join(away, folder), { recursive: true })
    moveAway()
    await archiveDaily(await session())
    const unproved = (report: AuditReport): number => report.aggregates.flatMap((a) => a.unproved).length
    expect(unproved(await verify())).toBeGreaterThan(0)
    const shown = await auditVerify(await openSession({ ...options(LATER), archives: [away] }))
    expect([problemsOf(shown), unproved(shown)]).toEqual([[], 0])
    await archive(await openSession({ ...options(LATER), archives: [away] }))
    expect([problemsOf(await verify()), unproved(await verify())]).toEqual([[], 0])
  })

  it('cannot be pretended once the run was made: records that are gone are faults', async () => {
    await archiveDaily(await session())
    moveAway()
    for (const folder of archived()) rmSync(join(dir, folder, 'archived-records.jsonl'))
    expect(problemsOf(await verify())).not.toEqual([])
  })
})

describe('the commit that names archived commands', () => {
  it('is restored by recover from its copy beside the records, whatever follows it', async () => {
    await archiveDaily(await session())
    const { commit } = newest()
    const path = join(dir, `commits/${commit}.json`)
    const bytes = readFileSync(path)
    rmSync(path)
    await recover(await session(LATER))
    expect(readFileSync(path).equals(bytes)).toBe(true)
    expect(problemsOf(await verify(true))).toEqual([])
  })

  it('is rebuilt together with those around it', async () => {
    await archiveDaily(await session())
    const { commit } = newest()
    await republish(await session(LATER), { force: true })
    const last = newest().commit
    expect(last).toBeGreaterThan(commit)
    const paths = [commit - 1, commit, commit + 1].map((n) => join(dir, `commits/${n}.json`))
    const before = paths.map((path) => readFileSync(path, 'utf8'))
    for (const path of paths) rmSync(path)
    await recover(await session(LATER))
    expect(paths.map((path) => readFileSync(path, 'utf8'))).toEqual(before)
  })
})
