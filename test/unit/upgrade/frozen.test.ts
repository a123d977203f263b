/** The frozen data directories are what they were on the day they were made, and today's rules make the same states of them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rebuildTree } from '../../../src/core/app/authority/pubserver.js'
import { auditVerify } from '../../../src/core/app/proof/audit.js'
import { makeCheckpoint } from '../../../src/core/app/proof/checkpoint.js'
import { verifyExport } from '../../../src/core/app/proof/export.js'
import { RULES } from '../../../src/core/app/transaction/aggregate-registry.js'
import { openSession, type Session } from '../../../src/core/app/transaction/session.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { KINDS, kindWord } from '../../../src/core/eventsourcing/types.js'
import { FORMAT } from '../../../src/core/store/directory/data-dir.js'
import { stepsFrom } from '../../../src/core/upgrade/steps.js'
import { expectedOf, frozenDir, type Measured, measure, thawStore } from '../../support/store/frozen-store.js'

const NOW = '2026-11-21T13:00:00Z'
const formats = readdirSync(frozenDir).flatMap((name) => /^format-(\d+)$/.exec(name)?.[1] ?? [])
const base = mkdtempSync(join(tmpdir(), 'brine-frozen-'))
afterAll(() => rmSync(base, { recursive: true, force: true }))

it('there is one of each format up to the present one, and a way from the older ones', () => {
  expect(formats.map(Number).sort()).toEqual(Array.from({ length: FORMAT + 1 }, (_, n) => n))
  for (const format of formats) {
    const steps = stepsFrom(Number(format))
    expect(steps.map((s) => s.from)).toEqual(
      Array.from({ length: FORMAT - Number(format) }, (_, n) => Number(format) + n),
    )
    expect(steps.every((s) => s.to === s.from + 1)).toBe(true)
  }
  expect(stepsFrom(FORMAT)).toEqual([])
})

it.each(formats)('format %s was never edited', (format) => {
  const found = readdirSync(frozenDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(frozenDir.length + 1))
    .filter((name) => new RegExp(`^format-${format}[./]`).test(name) && !/^format-\d+\.sha256$/.test(name))
    .map((name) => `${sha256Hex(readFileSync(join(frozenDir, name)))}  ${name}`)
  const listed = readFileSync(join(frozenDir, `format-${format}.sha256`), 'utf8')
    .trimEnd()
    .split('\n')
  expect(found.sort()).toEqual([...listed].sort())
})

describe('the data directory of format 1', () => {
  let dir: string
  const session = (): Promise<Session> =>
    openSession({
      ...{ dataDir: dir, actor: 'tester', osUser: 'tester', host: 'host.example', command: 'test' },
      nowOverride: NOW,
    })
  const frozen = expectedOf<Measured>(1)
  beforeAll(() => {
    dir = thawStore(1, join(base, 'data'))
  })

  it('has every type of event that an aggregate declares', () => {
    for (const kind of KINDS) {
      const there = frozen.aggregates.filter((a) => a.kind === kindWord(kind)).flatMap((a) => Object.keys(a.events))
      expect([kind, ...new Set(there)].sort()).toEqual([kind, ...Object.keys(RULES[kind]?.events ?? {})].sort())
    }
  })

  it('replays from event 0 to the states of the day it was made, after each command', async () => {
    expect(await measure(await session())).toEqual(frozen)
  })

  it('has nothing that an audit finds, and what was signed of it long ago verifies', async () => {
    await rebuildTree(await session())
    const checkpoints = ['early', 'late'].map((name) => join(frozenDir, `format-1.${name}.note`))
    const report = await auditVerify(await session(), { full: true, checkpoints })
    expect([...report.problems, ...report.aggregates.flatMap((a) => a.problems)]).toEqual([])
    expect(report).toMatchObject({ ok: true, digest: { logical: frozen.logical, full: frozen.full } })
    expect(report.checkpoints.map(({ ok, size }) => [ok, size])).toEqual([
      [true, 22],
      [true, frozen.commits],
    ])
    expect((await makeCheckpoint(await session())).size).toBe(frozen.commits)
  })

  it('has commands of each result, an archive, snapshots and their backups', () => {
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

  it('was exported early, and the export verifies', () => {
    const report = verifyExport(join(frozenDir, 'format-1.jsonl'), {
      full: true,
      checkpoints: [join(frozenDir, 'format-1.early.note')],
      verifierKeys: [readFileSync(join(frozenDir, 'format-1.verifier-key'), 'utf8')],
    })
    expect([...report.problems, ...report.aggregates.flatMap((a) => a.problems)]).toEqual([])
    expect(report).toMatchObject({ ok: true, commits: 22 })
  })
})
