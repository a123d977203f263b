/** `brine restore` as users run it: from a backup to a promoted directory that validators accept, and everything that must be refused. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BackupReport } from '../../../src/core/app/backup/create.js'
import type { RestoreReport } from '../../../src/core/app/backup/restore.js'
import type { PromoteReport } from '../../../src/core/app/operations/promote.js'
import type { StatusReport } from '../../../src/core/app/status/report.js'
import { runOffline, skipUnlessValidators } from '../../support/peers/validators.js'
import { brine, copyDir, runBrine } from '../../support/processes/cli.js'
import { entriesOf, repacked, rewritten } from '../../support/store/backups.js'
import { changesBetween, listingOf } from '../../support/store/dir-listing.js'
import { backupBox, digestOf, failure, restore } from '../backup/given.js'

const { path, at, live, sealed, plain, key, make, remove } = backupBox()
let created: BackupReport
let digest: string

beforeAll(async () => {
  ;({ created, digest } = await make())
})
afterAll(remove)

const numbersOf = async (dataDir: string): Promise<readonly number[]> => {
  const report = (await brine(['status', '--json'], { dataDir })).json<StatusReport>()
  return report.cas.map((ca) => ca.manifestNumber ?? 0)
}

describe('restore', () => {
  const into = at('restored')

  it('comes up as a stand-by that says how old it is and what to do', async () => {
    const ran = await restore(sealed, into, ...key)
    expect([ran.code, ran.stderr]).toEqual([0, ''])
    const report = ran.json<RestoreReport>()
    expect(report).toMatchObject({
      dataDir: into,
      role: 'standby',
      commit: 3,
      digest,
      cutAt: created.cutAt,
      seen: 'unknown',
      behind: [],
    })
    expect(report.nextSteps.join('\n')).toContain(`brine promote --data-dir ${into} --reason`)
    expect(await digestOf(into)).toBe(digest)
    const status = (await brine(['status', '--json'], { dataDir: into })).json<StatusReport>()
    expect(status).toMatchObject({ role: 'standby', restored: { from: sealed, cutAt: created.cutAt, behind: null } })
    expect(status.concerns.map((c) => c.code)).toContain('restored')
    expect((await runBrine(['roa', 'add', 'acme', '192.0.2.0/25 => 64496'], { dataDir: into })).code).toBe(20)
    const tick = await runBrine(['tick'], { dataDir: into })
    expect([tick.code, tick.stdout]).toEqual([0, ''])
    expect(existsSync(join(into, 'repo'))).toBe(false)
  })

  it('modes are those of a data directory, whatever the umask', () => {
    const mode = (name: string): number => statSync(join(into, name)).mode & 0o777
    expect([mode('.'), mode('keys'), mode('cas'), mode('brine.json'), mode('ssl/key.pem')]).toEqual([
      0o711, 0o700, 0o700, 0o600, 0o600,
    ])
    for (const name of readdirSync(join(into, 'keys')))
      expect(mode(`keys/${name}`)).toBe(name === 'pool' ? 0o700 : 0o600)
    expect(readdirSync(join(into, 'keys/pool'))).toEqual([])
  })

  it('promoted, its numbers lie beyond all that the original published, and history is sound', async () => {
    await brine(['republish', '--now'], { dataDir: live })
    const seen = await numbersOf(live)
    await brine(['promote', '--reason', 'restored', '--yes'], { dataDir: into })
    expect(Math.min(...(await numbersOf(into)))).toBeGreaterThan(Math.max(...seen))
    expect((await runBrine(['audit', 'verify'], { dataDir: into })).code).toBe(0)
    const sync = await brine(['repo', 'sync', 'acme', '--json'], { dataDir: into })
    expect(sync.json()).toMatchObject({ ca: 'acme', changed: 'no', put: 0, withdrawn: 0 })
    const status = (await brine(['status', '--json'], { dataDir: into })).json<StatusReport>()
    expect([status.role, status.restored, status.unpublished]).toEqual(['primary', null, []])
  })

  it('validators accept what it publishes', async (context) => {
    skipUnlessValidators(context)
    const flat = at('flat')
    cpSync(join(into, 'repo/rsync/current'), join(flat, 'repo'), { recursive: true, dereference: true })
    cpSync(join(into, 'repo/ta'), join(flat, 'ta'), { recursive: true, dereference: true })
    const ran = await runOffline(flat, join(into, 'repo/ta/ta.tal'), ['AS64496,192.0.2.0/24,24'], { partial: true })
    expect(ran.ok, ran.output).toBe(true)
  })

  it('refuses a directory in use, and one that holds something else', async () => {
    const before = listingOf(live)
    const used = await restore(sealed, live, ...key)
    expect([used.code, failure(used).code]).toEqual([1, 'restore-occupied'])
    expect(changesBetween(before, listingOf(live))).toEqual([])
    mkdirSync(at('other'))
    writeFileSync(at('other/file'), 'x')
    for (const more of [[], ['--replace']]) {
      const other = await restore(sealed, at('other'), ...key, ...more)
      expect([other.code, failure(other).code, readdirSync(at('other'))]).toEqual([1, 'restore-not-empty', ['file']])
    }
    expect((await runBrine(['restore', sealed, '--into', at('q'), ...key])).code).toBe(2)
  })

  it('--replace keeps the old tree as a stand-by and says what it had beyond the cut', async () => {
    const dataDir = copyDir(live, at('replaced'))
    await brine(['promote', '--reason', 'test', '--yes'], { dataDir })
    await brine(['roa', 'add', 'acme', '192.0.2.0/25 => 64496'], { dataDir })
    const dry = (await restore(sealed, dataDir, ...key, '--replace', '--dry-run')).json<RestoreReport>()
    expect(dry).toMatchObject({ dryRun: true, replaced: null, seen: 'replaced tree' })
    const report = (await restore(sealed, dataDir, ...key, '--replace')).json<RestoreReport>()
    expect(report.behind.find((b) => b.handle === 'acme')).toMatchObject({
      kind: 'ca',
      sequence: 2,
      seenSequence: expect.any(Number),
    })
    expect(await digestOf(dataDir)).toBe(digest)
    const old = report.replaced ?? ''
    expect(old.startsWith(`${dataDir}.replaced-`)).toBe(true)
    expect((await runBrine(['republish', '--now'], { dataDir: old })).code).toBe(20)
    expect(JSON.stringify((await brine(['roa', 'list', 'acme', '--json'], { dataDir: old })).json())).toContain(
      '192.0.2.0/25',
    )
    expect(readdirSync(path).filter((n) => n.includes('.restoring'))).toEqual([])
    const reached = Math.max(...report.behind.flatMap((b) => (b.kind === 'pubserver' ? [] : (b.seenNumber ?? 0))))
    const promoted = (
      await brine(['promote', '--reason', 'restored', '--yes', '--json'], { dataDir })
    ).json<PromoteReport>()
    expect(reached).toBeGreaterThan(1_000_000)
    expect(promoted.seen).toEqual({ asked: ['replaced tree'], manifestNumber: reached, at: report.seenAt })
    expect(promoted.cas.every((c) => (c.manifestNumber ?? 0) > reached)).toBe(true)
  })

  it('refuses the backup of another instance', async () => {
    await brine(['init'], { dataDir: at('stranger') })
    const ran = await restore(sealed, at('stranger'), ...key, '--replace')
    expect([ran.code, failure(ran).code]).toEqual([1, 'restore-other-instance'])
  })

  it('takes a plain copy, at its newest whole commit, and never reads its repo/', async () => {
    const copy = copyDir(live, at('copy'))
    writeFileSync(join(copy, 'repo/rrdp/notification.xml'), 'not what was served')
    const newest = Math.max(
      ...readdirSync(join(copy, 'commits'))
        .map((n) => Number.parseInt(n, 10))
        .filter(Number.isFinite),
    )
    writeFileSync(join(copy, `commits/${newest}.json`), '')
    const report = (await restore(copy, at('from-copy'))).json<RestoreReport>()
    expect(report).toMatchObject({ commit: newest - 1, dropped: 1, role: 'standby', encrypted: null })
    expect(existsSync(at('from-copy/repo'))).toBe(false)
    expect((await runBrine(['audit', 'verify'], { dataDir: at('from-copy') })).code).toBe(0)
  })
})

describe('bad backups are refused, and nothing is left', () => {
  const judge = async (bytes: Buffer, code: number): Promise<void> => {
    writeFileSync(at('bad.tar.gz'), bytes)
    const ran = await restore(at('bad.tar.gz'), at('fresh'))
    expect([ran.code, failure(ran).changed, existsSync(at('fresh'))], ran.stdout).toEqual([code, 'no', false])
    mkdirSync(at('empty'), { recursive: true })
    const empty = await restore(at('bad.tar.gz'), at('empty'))
    expect([empty.code, readdirSync(at('empty'))]).toEqual([code, []])
  }

  it('a path that leads out, a link, a truncation', async () => {
    const entries = await entriesOf(readFileSync(plain))
    const evil = (header: object) =>
      repacked([
        ...entries.slice(0, 3),
        { header: { name: 'x', size: 4, ...header }, body: Buffer.from('evil') },
        ...entries.slice(3),
      ])
    await judge(await evil({ name: '../../evil' }), 12)
    await judge(await evil({ name: 'cas', type: 'symlink', linkname: '/tmp', size: 0 }), 12)
    await judge(readFileSync(plain).subarray(0, -500), 12)
    expect(existsSync(at('evil'))).toBe(false)
  })

  it('a marker that lies: of another instance than the header, of a newer format', async () => {
    const entries = await entriesOf(readFileSync(plain))
    const marker = JSON.parse(entries.find((e) => e.header.name === 'brine.json')?.body.toString() ?? '') as object
    await judge(await rewritten(entries, { 'brine.json': JSON.stringify({ ...marker, id: 'f'.repeat(32) }) }), 12)
    await judge(
      await rewritten(entries, { 'brine.json': JSON.stringify({ ...marker, createdAt: '1999-01-01T00:00:00Z' }) }),
      12,
    )
    await judge(await rewritten(entries, { 'brine.json': JSON.stringify({ ...marker, format: 99 }) }), 13)
  })

  it('a history that was changed, and listed again by whoever changed it', async () => {
    const entries = await entriesOf(readFileSync(plain))
    await judge(await rewritten(entries, { 'cas/acme/event-0.json': '{}' }), 12)
    const commit = entries.find((e) => e.header.name === 'commits/3.json')?.body.toString() ?? ''
    await judge(await rewritten(entries, { 'commits/3.json': commit.replace(/"at":"20../, '"at":"1999') }), 12)
  })
})
