/** The frozen data directories are unchanged, and the present rules replay them to the states that were recorded. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rebuildTree } from '../../../src/core/app/authority/pubserver.js'
import { restoreBackup } from '../../../src/core/app/backup/restore.js'
import { verifyBackup } from '../../../src/core/app/backup/verify.js'
import { upgrade } from '../../../src/core/app/operations/upgrade.js'
import { RULES } from '../../../src/core/app/proof/aggregate-registry.js'
import { auditVerify } from '../../../src/core/app/proof/audit.js'
import { makeCheckpoint } from '../../../src/core/app/proof/checkpoint.js'
import { verifyExport } from '../../../src/core/app/proof/export.js'
import { republish } from '../../../src/core/app/republishing/republish.js'
import { openSession, type Session } from '../../../src/core/app/session/session.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { KINDS, kindWord } from '../../../src/core/eventsourcing/types.js'
import { FORMAT } from '../../../src/core/store/directory/data-dir.js'
import { stepsFrom } from '../../../src/core/upgrade/steps.js'
import {
  contentsOf,
  expectedOf,
  frozenDir,
  type Measured,
  measure,
  thawStore,
} from '../../support/store/frozen-store.js'
import { fastest } from '../../support/store/store.js'

const NOW = '2026-11-21T13:00:00Z'
const formats = readdirSync(frozenDir).flatMap((name) => /^format-(\d+)$/.exec(name)?.[1] ?? [])
/** Directories that were frozen for types of events, and for segments, which came later. */
const later = [
  '2-issuers',
  '2-clock',
  '2-exchange',
  '2-suspended',
  '2-cleared',
  '2-ids',
  '2-cancelled',
  '2-migrated',
  '2-aspas',
  '2-dates',
  '2-routers',
  '2-packed',
]
const base = mkdtempSync(join(fastest(), 'brine-frozen-'))
afterAll(() => rmSync(base, { recursive: true, force: true }))

it('there is one of each format up to the present one, and a migration from each older one', () => {
  expect(formats.map(Number).sort()).toEqual(Array.from({ length: FORMAT }, (_, n) => n + 1))
  for (const format of formats.map(Number)) {
    const steps = stepsFrom(format)
    expect(steps.map((s) => s.from)).toEqual(Array.from({ length: FORMAT - format }, (_, n) => format + n))
    expect(steps.every((s) => s.to === s.from + 1)).toBe(true)
  }
})

it.each([...formats, ...later])('format %s was never edited', (format) => {
  const found = readdirSync(frozenDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(frozenDir.length + 1))
    .filter((name) => new RegExp(`^format-${format}[./]`).test(name) && !/^format-[\d\w-]+\.sha256$/.test(name))
    .map((name) => `${sha256Hex(readFileSync(join(frozenDir, name)))}  ${name}`)
  const listed = readFileSync(join(frozenDir, `format-${format}.sha256`), 'utf8')
    .trimEnd()
    .split('\n')
  expect(found.sort()).toEqual([...listed].sort())
})

const checkpointsOf = (format: string): readonly string[] =>
  ['early', 'late'].map((name) => join(frozenDir, `format-${format}.${name}.note`))

describe.each(formats)('the data directory of format %s', (format) => {
  let dir: string
  const isOld = Number(format) < FORMAT
  const options = () => ({
    ...{ dataDir: dir, actor: 'tester', osUser: 'tester', host: 'host.example', command: 'test' },
    nowOverride: NOW,
  })
  const session = (): Promise<Session> => openSession(options())
  const frozen = expectedOf<Measured>(Number(format))
  beforeAll(async () => {
    dir = thawStore(Number(format), join(base, format))
    if (isOld) await upgrade(options(), { only: true })
  })

  it('has every type of event that an aggregate declares', () => {
    for (const kind of KINDS) {
      const there = [format, ...later]
        .flatMap((name) => expectedOf<Measured>(name).aggregates)
        .filter((a) => a.kind === kindWord(kind))
        .flatMap((a) => Object.keys(a.events))
      expect([kind, ...new Set(there)].sort()).toEqual([kind, ...Object.keys(RULES[kind]?.events ?? {})].sort())
    }
  })

  it('replays from event 0 to the recorded state after each command', async () => {
    // a migration appends one commit
    const { commits, head } = frozen
    const moved = isOld ? { commits: commits + 1, head: expect.not.stringMatching(head ?? '') } : {}
    expect(await measure(await session())).toEqual({ ...frozen, ...moved })
  })

  it('keeps every file byte for byte, except the marker of an older format', () => {
    const files = contentsOf(join(frozenDir, `format-${format}`), isOld ? /^brine\.json$/ : /^$/)
    const there = new Set(contentsOf(dir))
    expect(files.filter((file) => !there.has(file)).map((file) => file.split(' ')[0])).toEqual([])
  })

  it('has no audit finding, and its old checkpoints verify', async () => {
    await rebuildTree(await session())
    const report = await auditVerify(await session(), { full: true, checkpoints: checkpointsOf(format) })
    expect([...report.problems, ...report.aggregates.flatMap((a) => a.problems)]).toEqual([])
    expect(report).toMatchObject({ ok: true, digest: { logical: frozen.logical, full: frozen.full } })
    expect(report.checkpoints.map(({ ok, size }) => [ok, size])).toEqual([
      [true, 22],
      [true, frozen.commits],
    ])
    expect((await makeCheckpoint(await session())).size).toBe(report.commits)
  })

  it('has commands of each result, an archive, snapshots and backup snapshots', () => {
    const names = readdirSync(dir, { recursive: true }).map(String)
    const records = names
      .filter((name) => /\/command-\d+\.json$/.test(name))
      .map((name) => JSON.parse(readFileSync(join(dir, name), 'utf8')) as { effect: { result: string; gone?: object } })
    const results = new Set(records.map(({ effect }) => effect.result))
    expect([...results].sort()).toEqual(['accepted', 'recovered', 'rejected'])
    const gone = records.flatMap(({ effect }) => (effect.gone === undefined ? [] : [JSON.stringify(effect.gone)]))
    expect(gone.some((text) => text !== '{"commands":[],"events":[]}')).toBe(true)
    for (const file of ['archived.json', 'archived/', 'snapshot.json', 'snapshot-bk.json', 'surplus/', 'corrupt/'])
      expect([file, names.some((name) => `${name}/`.includes(`/${file}`))]).toEqual([file, true])
  })

  it('has an early export that verifies', () => {
    const report = verifyExport(join(frozenDir, `format-${format}.jsonl`), {
      full: true,
      checkpoints: checkpointsOf(format).slice(0, 1),
      verifierKeys: [readFileSync(join(frozenDir, `format-${format}.verifier-key`), 'utf8')],
    })
    expect([...report.problems, ...report.aggregates.flatMap((a) => a.problems)]).toEqual([])
    expect(report).toMatchObject({ ok: true, commits: 22 })
  })

  it('has an early backup that verifies and can be restored', async () => {
    const source = join(frozenDir, `format-${format}.backup`)
    const keys = { identities: [], passphrase: undefined } as never
    const verified = await verifyBackup(options(), { source, keys })
    expect(verified).toMatchObject({ ok: true, commit: 22 })
    const dataDir = join(base, `restored-${format}`)
    const restored = await restoreBackup({ ...options(), dataDir }, { source, keys })
    expect(restored).toMatchObject({ commit: 22, digest: verified.digest, role: 'primary' })
    const there = await openSession({ ...options(), dataDir })
    expect(there.store.marker.format).toBe(FORMAT)
    expect((await republish(there, { force: true })).republished.length).toBeGreaterThan(3)
    const report = await auditVerify(await openSession({ ...options(), dataDir }), { full: true })
    expect([...report.problems, ...report.aggregates.flatMap((a) => a.problems)]).toEqual([])
  })
})

describe.each(later)('the data directory of format %s', (name) => {
  const dir = join(base, name)
  const options = { dataDir: dir, actor: 'tester', osUser: 'tester', host: 'host.example', command: 'test' }
  const session = (): Promise<Session> => openSession({ ...options, nowOverride: '2026-12-31T13:00:00Z' })
  beforeAll(() => void thawStore(name, dir))

  it('replays from event 0 to the recorded state after each command', async () => {
    expect(await measure(await session())).toEqual(expectedOf<Measured>(name))
  })

  it('has no audit finding', async () => {
    const report = await auditVerify(await session(), { full: true })
    expect([...report.problems, ...report.aggregates.flatMap((a) => a.problems)]).toEqual([])
  })
})
