/** A frozen directory of format 0, migrated, refused, taken back: what was there is there afterwards, and proved. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { republish } from '../../../src/core/app/authority/republish.js'
import { upgradeFirst } from '../../../src/core/app/operations/migrate.js'
import { type UpgradeOptions, type UpgradeReport, upgrade } from '../../../src/core/app/operations/upgrade.js'
import { auditVerify } from '../../../src/core/app/proof/audit.js'
import { listHistory } from '../../../src/core/app/proof/history.js'
import { openSession } from '../../../src/core/app/transaction/session.js'
import type { CommandContext } from '../../../src/core/base/context.js'
import type { AppError } from '../../../src/core/base/errors.js'
import { openStore } from '../../../src/core/store/commit/file-store.js'
import { readMarker } from '../../../src/core/store/directory/data-dir.js'
import { copyDir } from '../../support/processes/cli.js'
import { contentsOf, expectedOf, frozenDir, thawStore } from '../../support/store/frozen-store.js'

const NOW = '2026-11-21T13:00:00Z'
const base = mkdtempSync(join(tmpdir(), 'brine-upgrade-'))
let dirs = 0
let dir = ''
let notices: string[] = []

afterAll(() => rmSync(base, { recursive: true, force: true }))
beforeEach(() => {
  dir = thawStore(0, join(base, `dir-${++dirs}`))
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

describe('a directory of format 0', () => {
  it('keeps every command with its time, person and reason, every state, every object', async () => {
    const report = await run({ only: true })
    const { logical, full, aggregates } = expectedOf(0)
    expect(report).toMatchObject({ from: 0, to: 1, digest: { logical, full }, changed: true, republished: null })
    expect(report.steps).toEqual([expect.objectContaining({ from: 0, to: 1, commands: 33, events: 75, objects: 50 })])
    const audited = await audit()
    expect(audited.problems.filter((p) => !p.file.startsWith('repo/'))).toEqual([])
    expect(audited.digest).toEqual({ logical, full })
    expect(audited.aggregates).toMatchObject(aggregates)
    expect(audited.aggregates.flatMap((a) => a.problems)).toEqual([])
    const { commands } = await listHistory(await openSession(options()), { rows: 1000 })
    const seen = commands.map(({ kind, handle, sequence, at, actor, reason, result, type }) =>
      JSON.stringify([kind, handle, sequence, at, actor, reason ?? null, result, type]),
    )
    expect(seen.sort()).toEqual(frozenCommands().sort())
  })

  it('goes on where it was: the next command works, and no number jumps', async () => {
    await run()
    expect((await audit()).ok).toBe(true)
    const { store } = await openSession(options())
    const before = await store.read(async (reader) => reader.head)
    const session = await openSession(options({ nowOverride: '2026-11-21T13:10:00Z' }))
    const { republished, changed } = await republish(session, { force: true })
    expect([republished.length, changed]).toEqual([4, true])
    const after = await store.read(async (reader) => reader.head)
    expect(after).toBe(before + 1)
    const shown = await (await openSession(options())).store.read(async (reader) =>
      reader.eventsOf(
        { kind: 'ca', handle: 'acme' as never },
        reader.command({ kind: 'ca', handle: 'acme' as never }, 9),
      ),
    )
    // the newest of the fixture is 7
    expect(JSON.stringify(shown)).toMatch(/"number":8[,}]/)
    expect((await audit()).ok).toBe(true)
  })

  it('leaves out what no info.json counts, and keeps the old tree as it was', async () => {
    const before = contentsOf(dir, /^(keys|brine\.toml)/)
    const { keptAt } = await run({ only: true })
    expect(existsSync(join(dir, 'cas/acme/event-17.json'))).toBe(false)
    expect(contentsOf(join(dir, keptAt ?? ''), /^upgraded\.json$/)).toEqual(before)
    expect(readdirSync(dir).filter((name) => name.startsWith('upgrade'))).toEqual([])
  })

  it('gives the same bytes from the same source', async () => {
    const other = copyDir(dir, join(base, `dir-${++dirs}`))
    await run({ only: true })
    await upgrade(options({ dataDir: other }), { only: true })
    const leaveOut = /^(old|\.lock|status|tmp)/
    expect(contentsOf(other, leaveOut)).toEqual(contentsOf(dir, leaveOut))
  })

  it('a snapshot that cannot be read costs nothing; whoever waits for the lock reads that it takes long', async () => {
    writeFileSync(join(dir, 'cas/acme/snapshot.json'), 'x')
    const owners: unknown[] = []
    const onNotice = (text: string): void => {
      notices.push(text)
      owners.push(JSON.parse(readFileSync(join(dir, '.lock-owner'), 'utf8')))
    }
    const report = await upgrade(options({ onNotice }), { only: true })
    expect(report.digest?.full).toBe(expectedOf(0).full)
    expect(owners).toEqual([expect.objectContaining({ command: 'brine upgrade', long: true })])
    expect(notices.join()).toContain('cas/acme/snapshot.json')
    expect((await openSession(options())).store.warnings).toEqual([])
  })

  it.each([
    ['an event is gone', 'cas/acme/event-3.json', undefined, 'file-missing'],
    [
      'an event is another',
      'cas/acme/event-3.json',
      '{"version":3,"event":{"type":"ca.removed"}}\n',
      'upgrade-unproved',
    ],
    ['a command is gone', 'pubd/0/command-2.json', undefined, 'file-missing'],
    ['a record is not JSON', 'ta/ta/command-1.json', '{', 'file-damaged'],
    ['a version file is gone', 'cas/acme/info.json', undefined, 'file-missing'],
    [
      'a snapshot says what the events do not',
      'ta/ta/snapshot.json',
      '{"format":0,"state":{},"version":6}',
      'upgrade-unproved',
    ],
  ])('is refused, and nothing changed, where %s', async (_what, name, text, code) => {
    if (text === undefined) rmSync(join(dir, name))
    else writeFileSync(join(dir, name), text)
    const before = contentsOf(dir, /^\.lock/)
    expect(await refusal(run())).toMatchObject({ kind: 'corrupt', code, changed: 'no' })
    expect(contentsOf(dir, /^\.lock/)).toEqual(before)
  })

  it('an object that a state names must be there', async () => {
    for (const name of readdirSync(join(dir, 'objects'))) rmSync(join(dir, 'objects', name))
    expect(await refusal(run())).toMatchObject({ code: 'upgrade-unproved' })
  })
})

describe('any other command', () => {
  it('says so, and changes nothing', async () => {
    const before = contentsOf(dir)
    const error = await refusal(openSession(options()))
    expect(error).toMatchObject({ kind: 'format', code: 'format-older', hint: 'brine upgrade' })
    expect(() => readMarker(dir)).toThrow('written by an older version (data format 0)')
    expect(contentsOf(dir)).toEqual(before)
  })

  it('migrates first where the configuration allows it', async () => {
    writeFileSync(join(dir, 'brine.toml'), 'auto_upgrade = true\n')
    expect(await refusal(openSession(options({ dryRun: true })))).toMatchObject({ code: 'format-older' })
    const session = await openSession(options())
    expect(session.store.marker.format).toBe(1)
    expect(notices.join()).toContain('upgraded from data format 0 to 1')
  })

  it('a copy is not migrated by the way, and can be by name: it stays a stand-by', async () => {
    dir = thawStore(0, join(base, `dir-${++dirs}`), true)
    const { nowOverride: _now, ...live } = options()
    writeFileSync(join(dir, 'brine.toml'), 'auto_upgrade = true\n')
    const dataDir = copyDir(dir, join(base, `dir-${++dirs}`))
    expect(await refusal(openSession({ ...live, dataDir }))).toMatchObject({ code: 'format-older' })
    expect(await upgrade({ ...live, dataDir })).toMatchObject({ role: 'standby', to: 1, republished: null })
    expect(openStore(dataDir).role()).toMatchObject({ role: 'standby', reason: 'copy' })
    // and the original is a primary all the way
    expect(await upgrade(live, { only: true })).toMatchObject({ role: 'primary' })
    expect(openStore(dir).role()).toEqual({ role: 'primary' })
  })

  it('a newer format is refused, by upgrade too', async () => {
    const path = join(dir, 'brine.json')
    writeFileSync(path, readFileSync(path, 'utf8').replace('"format":0', '"format":2'))
    expect(await refusal(run())).toMatchObject({ kind: 'format', code: 'format-newer' })
    expect(await refusal(openSession(options()))).toMatchObject({ kind: 'format', code: 'format-newer' })
  })
})

describe('back and forth', () => {
  it('nothing to do in the present format', async () => {
    await run({ only: true })
    const before = contentsOf(dir, /^\.lock/)
    expect(await run()).toMatchObject({ from: 1, to: 1, steps: [], keptAt: null, changed: false })
    expect(contentsOf(dir, /^\.lock/)).toEqual(before)
  })

  it('--undo puts the old tree back to the byte, and the upgrade can be done again', async () => {
    const before = contentsOf(dir)
    await run({ only: true })
    const back = await run({ undo: true })
    expect(back).toMatchObject({ from: 1, to: 0, keptAt: expect.stringMatching(/^old\/format-1-/), changed: true })
    expect(contentsOf(dir, /^(old|\.lock)/)).toEqual(before)
    expect(await refusal(run({ undo: true }))).toMatchObject({ code: 'upgrade-nothing-kept' })
    expect(await run()).toMatchObject({ from: 0, to: 1, digest: { full: expectedOf(0).full } })
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
    expect(report).toMatchObject({ from: 0, to: 1, dryRun: true, changed: true, keptAt: null })
    expect(report.bytes).toBeGreaterThan(100_000)
    expect(contentsOf(dir)).toEqual(before)
  })
})

function frozenCommands(): string[] {
  const root = join(frozenDir, 'format-0')
  return ['cas', 'pubd', 'ta'].flatMap((place) =>
    readdirSync(join(root, place)).flatMap((name) => {
      const folder = join(root, place, name)
      const kind = { cas: 'ca', pubd: 'pubserver', ta: 'ta' }[place]
      const commands = readdirSync(folder).filter((file) => file.startsWith('command-'))
      return commands.map((file) => {
        const c = JSON.parse(readFileSync(join(folder, file), 'utf8'))
        return JSON.stringify([
          kind,
          name,
          c.sequence,
          c.at,
          c.actor,
          c.reason ?? null,
          c.effect.result,
          c.command.type,
        ])
      })
    }),
  )
}
