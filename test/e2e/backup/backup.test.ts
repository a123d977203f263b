/** `brine backup` as users run it: what is in a backup, who can read it, and what is refused. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { identityToRecipient } from 'age-encryption'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BackupListReport, PruneReport } from '../../../src/core/app/backup/catalog.js'
import type { BackupReport } from '../../../src/core/app/backup/create.js'
import type { VerifyReport } from '../../../src/core/app/backup/verify.js'
import { runProgram } from '../../support/processes/brine-shim.js'
import { brine, runBrine } from '../../support/processes/cli.js'
import { needProgram } from '../../support/processes/missing.js'
import { entriesOf } from '../../support/store/backups.js'
import { changesBetween, listingOf } from '../../support/store/dir-listing.js'
import { backupBox, failure, restore } from './given.js'

const { path, at, live, sealed, plain, key, shelf, make, remove } = backupBox()
let created: BackupReport
let digest: string

beforeAll(async () => {
  ;({ created, digest } = await make())
})
afterAll(remove)

describe('create', () => {
  it('says what is in it, is for its owner alone, and is verified without a data directory', async () => {
    expect(created).toMatchObject({ file: sealed, encrypted: true, commit: 3, digest, dryRun: false })
    expect(created.aggregates.map((a) => `${a.kind}/${a.handle}`).sort()).toEqual([
      'ca/acme',
      'ca/testbed',
      'pubserver/0',
      'ta/ta',
    ])
    expect(statSync(sealed).mode & 0o777).toBe(0o600)
    const verified = (await brine(['backup', 'verify', sealed, ...key, '--json'])).json<VerifyReport>()
    expect(verified).toMatchObject({
      ok: true,
      digest,
      manifest: created.manifest,
      encrypted: true,
      cutAt: created.cutAt,
    })
  })

  it('never holds the key pool, the status or the served tree', async () => {
    const names = (await entriesOf(readFileSync(plain))).map((e) => e.header.name)
    expect(names.filter((n) => /^(?:keys\/pool|status|repo|tmp|\.lock)/.test(n))).toEqual([])
    expect(names).toContain('ssl/key.pem')
    expect(readdirSync(join(live, 'keys/pool')).length).toBeGreaterThanOrEqual(0)
  })

  it('changes nothing in the data directory', async () => {
    const before = listingOf(live)
    await brine(['backup', 'create', shelf, '--plain'], { dataDir: live })
    expect(changesBetween(before, listingOf(live)).filter((name) => name !== 'tmp')).toEqual([])
  })

  it('wants a key or --plain, and only one of them; overwrites nothing; keeps data and report apart', async () => {
    for (const [args, code] of [
      [['backup', 'create', at('x')], 'backup-not-sealed'],
      [['backup', 'create', at('x'), '--plain', '--recipient', 'age1x'], 'seal-conflict'],
      [['backup', 'create', at('x'), '--recipient', 'age1x'], 'recipient-invalid'],
      [['backup', 'create', sealed, '--plain'], 'file-exists'],
      [['backup', 'create', at('no/such/file'), '--plain'], 'folder-missing'],
      [['backup', 'create', '-', '--plain'], 'json-with-data'],
    ] as const) {
      const ran = await runBrine([...args, '--json'], { dataDir: live })
      expect([ran.code, failure(ran).code, failure(ran).changed]).toEqual([2, code, 'no'])
    }
    expect(existsSync(at('x'))).toBe(false)
  })

  it('refuses a passphrase file that others can read, and takes it from the environment', async () => {
    const file = at('passphrase')
    writeFileSync(file, 'correct horse battery staple\n')
    chmodSync(file, 0o644)
    const env = { BRINE_PASSPHRASE_FILE: file }
    const exposed = await runBrine(['backup', 'create', at('p.age'), '--json'], { dataDir: live, env })
    expect([exposed.code, failure(exposed).code]).toEqual([19, 'secret-exposed'])
    chmodSync(file, 0o600)
    await brine(['backup', 'create', at('p.age')], { dataDir: live, env })
    expect((await runBrine(['backup', 'verify', at('p.age')], { env })).code).toBe(0)
    writeFileSync(at('wrong'), 'wrong', { mode: 0o600 })
    const wrong = await restore(at('p.age'), at('never'), '--passphrase-file', at('wrong'))
    expect([wrong.code, failure(wrong).code, existsSync(at('never'))]).toEqual([19, 'backup-key-wrong', false])
    expect(wrong.stdout + wrong.stderr).not.toContain('battery')
  }, 60_000)

  it('dry run writes nothing', async () => {
    const dry = await brine(['backup', 'create', at('dry'), '--plain', '--dry-run', '--json'], { dataDir: live })
    expect(dry.json<BackupReport>()).toMatchObject({ dryRun: true, digest, size: null })
    expect(existsSync(at('dry'))).toBe(false)
  })

  it('is read by the age program, and reads what that wrote', async (context) => {
    const age = needProgram(context, 'age')
    await runProgram(age, ['-d', '-i', at('identity'), '-o', at('by-age.tar.gz'), sealed])
    expect((await brine(['backup', 'verify', at('by-age.tar.gz'), '--json'])).json<VerifyReport>().digest).toBe(digest)
    const recipient = await identityToRecipient(readFileSync(at('identity'), 'utf8').split('\n')[1] ?? '')
    await runProgram(age, ['-r', recipient, '-o', at('by-age.age'), plain])
    expect((await brine(['backup', 'verify', at('by-age.age'), ...key, '--json'])).json<VerifyReport>().digest).toBe(
      digest,
    )
  })

  it('a damaged or missing file of the history is no backup', async () => {
    const file = join(live, 'cas/acme/event-0.json')
    const bytes = readFileSync(file)
    writeFileSync(file, '{}')
    const ran = await runBrine(['backup', 'create', at('bad'), '--plain', '--json'], { dataDir: live })
    writeFileSync(file, bytes)
    expect([ran.code, existsSync(at('bad')), readdirSync(path).filter((n) => n.includes('partial'))]).toEqual([
      12,
      false,
      [],
    ])
  })
})

describe('the shelf', () => {
  it('is named with its newest backup where one of its files is meant', async () => {
    const folder = at('several')
    mkdirSync(folder)
    for (const day of ['01', '02']) copyFileSync(sealed, join(folder, `brine-0123abcd-202601${day}T000000Z.tar.gz.age`))
    const newest = join(folder, 'brine-0123abcd-20260102T000000Z.tar.gz.age')
    const commands = [
      ['backup', 'verify', folder],
      ['restore', folder, '--into', at('none'), '--yes'],
    ]
    for (const args of commands) {
      const { code, stderr } = await runBrine(args)
      expect([code, stderr]).toEqual([2, expect.stringContaining(`the newest one is ${newest}`)])
    }
    const recovery = await runBrine(['recover', '--from', folder, '--dry-run'], { dataDir: live })
    expect([recovery.code, recovery.stderr]).toEqual([2, expect.stringContaining(newest)])
  })

  it('lists its own, prunes by day and month, and never takes the newest or what is not ours', async () => {
    const folder = at('months')
    mkdirSync(folder)
    const name = (stamp: string): string => `brine-0123abcd-${stamp}Z.tar.gz.age`
    const stamps = [
      '20260101T000000',
      '20260115T000000',
      '20260131T000000',
      '20260201T000000',
      '20260202T000000',
      '20260202T120000',
    ]
    for (const stamp of stamps) copyFileSync(sealed, join(folder, name(stamp)))
    writeFileSync(join(folder, 'brine-notes.txt'), 'mine')
    writeFileSync(join(folder, 'brine-fedcba98-20250101T000000Z.tar.gz'), 'x')
    const listed = (await brine(['backup', 'list', folder, '--json'])).json<BackupListReport>()
    expect(listed.backups.map((b) => b.cutAt)[0]).toBe('2026-02-02T12:00:00Z')
    expect(listed.backups.length).toBe(7)
    const prune = ['backup', 'prune', folder, '--keep-daily', '2', '--keep-monthly', '2', '--json']
    expect((await runBrine(prune)).code).toBe(2)
    const without = await runBrine(['backup', 'prune', folder, '--json', '--yes'])
    expect([without.code, failure(without).code]).toEqual([2, 'prune-no-rule'])
    const dry = (await brine([...prune, '--dry-run'])).json<PruneReport>()
    expect([dry.removed.length, readdirSync(folder).length]).toEqual([3, 8])
    expect(dry.ignored.map(({ why }) => why)).toEqual(['is not compressed with gzip'])
    const pruned = (await brine([...prune, '--yes'])).json<PruneReport>()
    expect(pruned.changes).toEqual(dry.changes)
    expect(pruned.changes.map(({ change, item, name: file }) => `${change} ${item} ${file}`)).toEqual(
      dry.removed.map(({ file }) => `remove backup ${file}`),
    )
    expect(readdirSync(folder).sort()).toEqual(
      [
        'brine-fedcba98-20250101T000000Z.tar.gz',
        'brine-notes.txt',
        ...['20260131T000000', '20260201T000000', '20260202T120000'].map(name),
      ].sort(),
    )
    await brine(['backup', 'prune', folder, '--keep-daily', '0', '--keep-monthly', '0', '--yes'])
    expect(readdirSync(folder).length).toBe(3)
  })
})
