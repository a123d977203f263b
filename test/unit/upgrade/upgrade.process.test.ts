/** The frozen directory of format 1, migrated, refused, taken back: everything in it is kept, and verified. */
import * as fs from 'node:fs'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { showCa } from '../../../src/core/app/authority/ca-reports.js'
import { upgradeFirst } from '../../../src/core/app/operations/migrate.js'
import { type UpgradeOptions, type UpgradeReport, upgrade } from '../../../src/core/app/operations/upgrade.js'
import { auditVerify } from '../../../src/core/app/proof/audit.js'
import { listHistory } from '../../../src/core/app/proof/history.js'
import { republish } from '../../../src/core/app/republishing/republish.js'
import { openSession } from '../../../src/core/app/session/session.js'
import type { CommandContext } from '../../../src/core/base/context.js'
import type { AppError } from '../../../src/core/base/errors.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import type { Instant } from '../../../src/core/base/time.js'
import { openStore } from '../../../src/core/store/commit/file-store.js'
import { readMarker } from '../../../src/core/store/directory/data-dir.js'
import { initDataDir } from '../../../src/core/store/directory/init-data-dir.js'
import { copyDir } from '../../support/processes/cli.js'
import { contentsOf, expectedOf, frozenDir, type Measured, thawStore } from '../../support/store/frozen-store.js'
import { fastest } from '../../support/store/store.js'

const NOW = '2026-11-21T13:00:00Z'
const frozen = expectedOf<Measured>(1)
const base = mkdtempSync(join(fastest(), 'brine-upgrade-'))
let dirs = 0
let dir = ''
let notices: string[] = []

afterAll(() => rmSync(base, { recursive: true, force: true }))
beforeEach(() => {
  dir = thawStore(1, join(base, `dir-${++dirs}`))
  notices = []
})

const options = (more: Partial<CommandContext> = {}): CommandContext => ({
  dataDir: dir,
  actor: 'tester',
  osUser: 'tester',
  host: 'host.example',
  command: 'brine upgrade',
  nowOverride: NOW,
  onNotice: (text) => void notices.push(text),
  upgradeFirst,
  ...more,
})

const run = (more: UpgradeOptions = {}): Promise<UpgradeReport> => upgrade(options(), more)

const refusal = (promise: Promise<unknown>): Promise<AppError | 'done'> =>
  promise.then(
    () => 'done' as const,
    (error: AppError) => error,
  )

const audit = async () => auditVerify(await openSession(options()), { full: true })

describe('a directory of format 1', () => {
  it('keeps every command with its time, person and reason, every state, every object', async () => {
    const before = contentsOf(dir)
    const report = await run({ only: true })
    const { logical, full, aggregates } = frozen
    expect(report).toMatchObject({ from: 1, to: 2, digest: { logical, full }, changed: true, republished: null })
    const counts = { commits: 117, aggregates: 12, commands: 267, events: 385, objects: 257 }
    expect(report.steps).toEqual([expect.objectContaining({ from: 1, to: 2, ...counts })])
    const audited = await audit()
    expect(audited.problems.filter((p) => !p.file.startsWith('repo'))).toEqual([])
    expect(audited.digest).toEqual({ logical, full })
    expect(audited.aggregates).toMatchObject(aggregates.map(({ kind, handle, version }) => ({ kind, handle, version })))
    expect(audited.aggregates.flatMap((a) => a.problems)).toEqual([])
    // no record was rewritten
    const after = new Set(contentsOf(dir))
    expect(before.filter((file) => !after.has(file)).map((file) => file.split(' ')[0])).toEqual(['brine.json'])
    const { commands } = await listHistory(await openSession(options()), { rows: 1000 })
    // the record of a lost command was moved to surplus/
    const kept = commands.filter(({ result }) => result !== 'lost')
    const seen = kept.map(({ kind, handle, sequence, at, actor, reason, result, type }) =>
      JSON.stringify([kind, handle, sequence, at, actor, reason ?? null, result, type]),
    )
    expect(seen.sort()).toEqual(frozenCommands().sort())
  })

  it('continues: the next command works, and numbers rise by one', async () => {
    await run()
    expect((await audit()).ok).toBe(true)
    const { store } = await openSession(options())
    const [before, number] = [await store.read(async (reader) => reader.head), await manifestNumber()]
    const session = await openSession(options({ nowOverride: '2026-11-21T13:10:00Z' }))
    const { republished, changed } = await republish(session, { force: true })
    expect([republished.length, changed]).toEqual([6, true])
    expect(await store.read(async (reader) => reader.head)).toBe(before + 1)
    expect(await manifestNumber()).toBe(number + 1)
    expect((await audit()).ok).toBe(true)
  })

  it('keeps the old tree as it was', async () => {
    const before = contentsOf(dir, /^(keys|brine\.toml)/)
    const { keptAt } = await run({ only: true })
    expect(contentsOf(join(dir, keptAt ?? ''), /^upgraded\.json$/)).toEqual(before)
    expect(readdirSync(dir).filter((name) => name.startsWith('upgrade'))).toEqual([])
  })

  it('takes no space for what does not change: old and new tree share their files', async () => {
    const { keptAt, bytes } = await run({ only: true })
    const inodes = ['.', keptAt ?? ''].map((tree) => statSync(join(dir, tree, 'cas/acme/event-3.json')).ino)
    expect(inodes[0]).toBe(inodes[1])
    expect(bytes).toBeLessThan(3_000_000)
  })

  it('whose archive is on a volume that is not mounted', async () => {
    const [folder] = ['pubd/0/archived'].map((name) => join(dir, name))
    const note = join(dir, 'pubd/0/archived.json')
    writeFileSync(note, readFileSync(note, 'utf8').replaceAll('"dir":null', '"dir":"/mnt/away"'))
    rmSync(folder ?? '', { recursive: true })
    expect(await run({ only: true })).toMatchObject({ digest: { full: frozen.full } })
    const audited = await auditVerify(await openSession(options()), { full: false })
    expect(audited.aggregates.flatMap((a) => a.problems)).toEqual([])
  })

  it('with no commit yet has nothing to bind', async () => {
    const empty = join(base, `dir-${++dirs}`)
    const marker = '{"createdAt":"2026-10-01T08:00:00Z","format":1,"generation":1,"id":"a1","test":true}\n'
    initDataDir(empty, { id: 'a1', createdAt: '2026-10-01T08:00:00Z' as Instant, test: true })
    writeFileSync(join(empty, 'brine.json'), marker)
    writeFileSync(join(empty, 'brine.toml'), '')
    const report = await upgrade(options({ dataDir: empty }), {})
    expect(report).toMatchObject({ from: 1, to: 2, steps: [{ commits: 0 }], republished: [] })
    expect(await upgrade(options({ dataDir: empty }), { undo: true })).toMatchObject({ from: 2, to: 1 })
    expect(readFileSync(join(empty, 'brine.json'), 'utf8')).toBe(marker)
  })

  it('gives the same bytes from the same source', async () => {
    const other = copyDir(dir, join(base, `dir-${++dirs}`))
    await run({ only: true })
    await upgrade(options({ dataDir: other }), { only: true })
    const leaveOut = /^(old|\.lock|status|tmp)/
    expect(contentsOf(other, leaveOut)).toEqual(contentsOf(dir, leaveOut))
  })

  it('the owner file of the lock says that it takes long', async () => {
    const owners: unknown[] = []
    const watch = fs.watch(dir, () => {
      const path = join(dir, '.lock-owner')
      if (existsSync(path)) owners.push(JSON.parse(readFileSync(path, 'utf8')))
    })
    await run({ only: true })
    await vi.waitFor(() =>
      expect(owners).toContainEqual(expect.objectContaining({ command: 'brine upgrade', long: true })),
    )
    watch.close()
  })

  it.each([
    ['an event is gone', 'cas/acme/event-3.json', undefined, 'upgrade-unproved'],
    [
      'an event is another',
      'cas/acme/event-3.json',
      '{"version":3,"event":{"type":"ca.removed"}}\n',
      'upgrade-unproved',
    ],
    ['a command is gone', 'pubd/0/command-2.json', undefined, 'upgrade-unproved'],
    ['a record is not JSON', 'ta/ta/command-1.json', '{', 'upgrade-unproved'],
    ['a commit is gone', 'commits/50.json', undefined, 'commit-missing'],
    ['the newest commit is gone', 'commits/116.json', undefined, 'commit-missing'],
    ['a commit is another', 'commits/50.json', '{}\n', 'upgrade-unproved'],
    ['a snapshot says what the events do not', 'ta/ta/snapshot-15.json', '{"format":1,"state":{}}', 'upgrade-unproved'],
    [
      'the marker is of no format',
      'brine.json',
      '{"createdAt":"2026-10-01T08:00:00Z","format":0,"generation":2,"id":"a"}',
      'file-damaged',
    ],
  ])('is refused, and nothing changed, where %s', async (_what, name, text, code) => {
    expect(existsSync(join(dir, name))).toBe(true)
    if (text === undefined) rmSync(join(dir, name))
    else writeFileSync(join(dir, name), text)
    const before = contentsOf(dir, /^\.lock/)
    expect(await refusal(run())).toMatchObject({ kind: 'corrupt', code, changed: 'no' })
    expect(contentsOf(dir, /^\.lock/)).toEqual(before)
  })

  it('an object that a state names must be there', async () => {
    for (const name of readdirSync(join(dir, 'objects'))) rmSync(join(dir, 'objects', name), { recursive: true })
    expect(await refusal(run())).toMatchObject({ code: 'upgrade-unproved' })
  })
})

describe('any other command', () => {
  it('reports the older format and changes nothing', async () => {
    const before = contentsOf(dir)
    const error = await refusal(openSession(options()))
    expect(error).toMatchObject({ kind: 'format', code: 'format-older', hint: 'brine upgrade' })
    expect(() => readMarker(dir)).toThrow('written by an older version (data format 1)')
    expect(contentsOf(dir)).toEqual(before)
  })

  it('migrates first where the configuration allows it', async () => {
    writeFileSync(join(dir, 'brine.toml'), 'auto_upgrade = true\n')
    expect(await refusal(openSession(options({ dryRun: true })))).toMatchObject({ code: 'format-older' })
    const session = await openSession(options())
    expect(session.store.marker.format).toBe(2)
    expect(notices.join()).toContain('upgraded from data format 1 to 2')
  })

  it('a copy is migrated by `upgrade` only, not by auto_upgrade, and stays a stand-by', async () => {
    dir = thawStore(1, join(base, `dir-${++dirs}`), true)
    const { nowOverride: _now, ...live } = options()
    writeFileSync(join(dir, 'brine.toml'), 'auto_upgrade = true\n')
    const dataDir = copyDir(dir, join(base, `dir-${++dirs}`))
    expect(await refusal(openSession({ ...live, dataDir }))).toMatchObject({ code: 'format-older' })
    expect(await upgrade({ ...live, dataDir })).toMatchObject({ role: 'standby', to: 2, republished: null })
    expect(openStore(dataDir).role()).toMatchObject({ role: 'standby', reason: 'copy' })
    // and the original is a primary all the way
    expect(await upgrade(live, { only: true })).toMatchObject({ role: 'primary' })
    expect(openStore(dir).role()).toEqual({ role: 'primary' })
  })

  it('a newer format is refused, by upgrade too', async () => {
    const path = join(dir, 'brine.json')
    writeFileSync(path, readFileSync(path, 'utf8').replace('"format":1', '"format":3'))
    expect(await refusal(run())).toMatchObject({ kind: 'format', code: 'format-newer' })
    expect(await refusal(openSession(options()))).toMatchObject({ kind: 'format', code: 'format-newer' })
  })
})

describe('back and forth', () => {
  it('nothing to do in the present format', async () => {
    await run({ only: true })
    const before = contentsOf(dir, /^\.lock/)
    expect(await run()).toMatchObject({ from: 2, to: 2, steps: [], keptAt: null, changed: false })
    expect(contentsOf(dir, /^\.lock/)).toEqual(before)
  })

  it('--undo puts the old tree back to the byte, and the upgrade can be done again', async () => {
    const before = contentsOf(dir)
    await run({ only: true })
    const back = await run({ undo: true })
    expect(back).toMatchObject({ from: 2, to: 1, keptAt: expect.stringMatching(/^old\/format-2-/), changed: true })
    expect(contentsOf(dir, /^(old|\.lock)/)).toEqual(before)
    expect(await refusal(run({ undo: true }))).toMatchObject({ code: 'upgrade-nothing-kept' })
    expect(await run()).toMatchObject({ from: 1, to: 2, digest: { full: frozen.full } })
    expect((await audit()).ok).toBe(true)
  })

  it('--undo is refused once something was committed', async () => {
    await run()
    await republish(await openSession(options({ nowOverride: '2026-11-21T13:10:00Z' })), { force: true })
    expect(await refusal(run({ undo: true }))).toMatchObject({ kind: 'rejected', code: 'upgrade-moved-on' })
    expect((await audit()).ok).toBe(true)
  })

  it('--dry-run says what it would do', async () => {
    const before = contentsOf(dir)
    const report = await run({ dryRun: true })
    expect(report).toMatchObject({ from: 1, to: 2, dryRun: true, changed: true, keptAt: null })
    expect(report.bytes).toBeGreaterThan(100_000)
    expect(contentsOf(dir)).toEqual(before)
  })
})

/** Lists every command whose record is in the frozen directory. */
function frozenCommands(): string[] {
  const root = join(frozenDir, 'format-1')
  const records = readdirSync(root, { recursive: true })
    .map(String)
    .filter((name) => /^[a-z]+\/[^/]+\/(archived\/)?command-\d+\.json$/.test(name))
    .map((name) => JSON.parse(readFileSync(join(root, name), 'utf8')))
  const rows = records.map((c) => {
    const kind = c.kind === 'pubd' ? 'pubserver' : c.kind
    return [kind, c.handle, c.sequence, c.at, c.actor, c.reason ?? null, c.effect.result, c.command.type]
  })
  return [...new Set(rows.map((row) => JSON.stringify(row)))]
}

/** Returns the manifest number of `acme`. */
async function manifestNumber(): Promise<number> {
  const shown = await showCa(await openSession(options()), parseHandle('acme'))
  return shown.classes[0]?.keys[0]?.manifestNumber ?? 0
}
