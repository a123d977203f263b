/** `brine backup` and `restore` as users run them: from create to a promoted directory that the world accepts, and everything that must be refused. */
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PruneReport, ShelfReport } from '../../../src/core/app/backup/catalog.js'
import type { BackupReport } from '../../../src/core/app/backup/create.js'
import type { RestoreReport, VerifyReport } from '../../../src/core/app/backup/restore.js'
import type { PromoteReport } from '../../../src/core/app/operations/promote.js'
import type { StatusReport } from '../../../src/core/app/operations/status.js'
import { runOffline, skipUnlessValidators } from '../../support/peers/validators.js'
import { runProgram } from '../../support/processes/brine-shim.js'
import { brine, copyDir, type RunResult, runBrine, scratchDir } from '../../support/processes/cli.js'
import { needProgram } from '../../support/processes/missing.js'
import { entriesOf, repacked, rewritten } from '../../support/store/backups.js'
import { changesBetween, listingOf } from '../../support/store/dir-listing.js'

const { path, remove } = scratchDir()
const at = (...names: readonly string[]): string => join(path, ...names)
const live = at('live')
const shelf = at('shelf')
const sealed = at('sealed.age')
const plain = at('plain.tar.gz')
const ROA = '192.0.2.0/24-24 => 64496'

interface Failure {
  readonly error: {
    readonly kind: string
    readonly code: string
    readonly changed: string
    readonly details: Record<string, unknown>
  }
}

const failure = ({ stdout }: RunResult): Failure['error'] => (JSON.parse(stdout) as Failure).error
const digestOf = async (dataDir: string): Promise<string> =>
  (await brine(['audit', 'digest', '--json'], { dataDir })).json<{ full: string }>().full
const numbersOf = async (dataDir: string): Promise<readonly number[]> => {
  const report = (await brine(['status', '--json'], { dataDir })).json<StatusReport>()
  return report.cas.map((ca) => ca.manifestNumber ?? 0)
}
const restore = (source: string, into: string, ...more: readonly string[]): Promise<RunResult> =>
  runBrine(['restore', source, '--into', into, '--yes', '--json', ...more])

let key: readonly string[]
let created: BackupReport
let digest: string

beforeAll(async () => {
  await brine(['testbed', 'init'], { dataDir: live })
  await brine(['ca', 'add', 'acme', '--under', 'testbed', '--resources', '192.0.2.0/24, AS64496'], { dataDir: live })
  await brine(['roa', 'add', 'acme', ROA], { dataDir: live })
  const identity = await generateIdentity()
  writeFileSync(at('identity'), `# a key for tests\n${identity}\n`, { mode: 0o600 })
  key = ['--identity', at('identity')]
  mkdirSync(shelf)
  digest = await digestOf(live)
  const recipient = ['--recipient', await identityToRecipient(identity)]
  created = (await brine(['backup', 'create', sealed, ...recipient, '--json'], { dataDir: live })).json()
  await brine(['backup', 'create', plain, '--plain'], { dataDir: live })
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
    expect(sync.json()).toMatchObject({ ca: 'acme', changed: false, put: 0, withdrawn: 0 })
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
    await judge(await rewritten(entries, { 'brine.json': JSON.stringify({ ...marker, format: 99 }) }), 13)
  })

  it('a history that was changed, and listed again by whoever changed it', async () => {
    const entries = await entriesOf(readFileSync(plain))
    await judge(await rewritten(entries, { 'cas/acme/event-0.json': '{}' }), 12)
    const commit = entries.find((e) => e.header.name === 'commits/3.json')?.body.toString() ?? ''
    await judge(await rewritten(entries, { 'commits/3.json': commit.replace(/"at":"20../, '"at":"1999') }), 12)
  })
})

describe('the shelf', () => {
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
    for (const stamp of stamps) writeFileSync(join(folder, name(stamp)), 'x')
    writeFileSync(join(folder, 'brine-notes.txt'), 'mine')
    writeFileSync(join(folder, 'brine-fedcba98-20250101T000000Z.tar.gz'), 'x')
    const listed = (await brine(['backup', 'list', folder, '--json'])).json<ShelfReport>()
    expect(listed.backups.map((b) => b.cutAt)[0]).toBe('2026-02-02T12:00:00Z')
    expect(listed.backups.length).toBe(7)
    const prune = ['backup', 'prune', folder, '--keep-daily', '2', '--keep-monthly', '2', '--json']
    expect((await runBrine(prune)).code).toBe(2)
    const dry = (await brine([...prune, '--dry-run'])).json<PruneReport>()
    expect([dry.removed.length, readdirSync(folder).length]).toEqual([3, 8])
    await brine([...prune, '--yes'])
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
