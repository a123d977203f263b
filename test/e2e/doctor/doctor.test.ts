/** `brine doctor`: each thing that is broken is found by its check, and the others go on. */
import { chmodSync, copyFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DoctorCheck } from '../../../src/core/app/doctor/check.js'
import type { DoctorReport } from '../../../src/core/app/doctor/doctor.js'
import { newLockOwner } from '../../../src/core/store/directory/lock-owner.js'
import { encodeRecord } from '../../../src/core/store/disk/records.js'
import { brine, runBrine } from '../../support/processes/cli.js'
import { footprint } from '../../support/sites/bad-input-box.js'
import { runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
  await runAt(box.dataDir, ['tick'])
})
afterAll(() => box.remove())

const NOTHING = /^$/
const ORDER = ['ok', 'dataDir', 'at', 'checks', 'problems']

/** Runs doctor, which must leave the directory as it is. */
async function look(dir: string, now?: string): Promise<DoctorReport & { readonly code: number | null }> {
  const before = footprint(dir, NOTHING)
  const ran = await runAt(dir, ['doctor', '--json'], now === undefined ? {} : { now })
  expect(ran.stderr).toBe('')
  expect(footprint(dir, NOTHING)).toEqual(before)
  const report = ran.json<DoctorReport>()
  expect(report.ok).toBe(report.problems.every(({ level }) => level !== 'fault'))
  expect(ran.code).toBe(report.ok ? 0 : 1)
  return { ...report, code: ran.code }
}

const words = (problems: readonly DoctorCheck[]) => problems.map((one) => `${one.level} ${one.check} ${one.code}`)

/** Names of the key files in use. */
const keyFiles = (dir: string): readonly string[] =>
  readdirSync(join(dir, 'keys')).filter((name) => /^[0-9A-F]{40}$/.test(name))
const firstKey = (dir: string): string => join(dir, 'keys', keyFiles(dir)[0] ?? '')

describe('a sound directory', () => {
  it('exits 0, with one line for each topic', async () => {
    const report = await look(box.copy())
    expect([report.ok, report.code, report.problems]).toEqual([true, 0, []])
    expect(Object.keys(report)).toEqual(expect.arrayContaining(ORDER))
    const topics = new Set(report.checks.map(({ check }) => check))
    const wanted = ['program', 'directory', 'permissions', 'repository', 'disk', 'lock', 'configuration', 'keys']
    expect([...topics]).toEqual(expect.arrayContaining([...wanted, 'certificates', 'tick', 'state']))
  })

  it('is shown as lines that end with the sum', async () => {
    const ran = await runAt(box.dataDir, ['doctor'])
    expect([ran.code, ran.stdout]).toEqual([
      0,
      expect.stringMatching(/^ok +program .*\n(?:ok .*\n)+0 faults, 0 warnings\n$/),
    ])
  })
})

/** What is broken, how, and the problem that it is. */
type Case = [string, (dir: string) => void, string, Partial<Record<'message' | 'hint', RegExp>>?]

const FAULTS: readonly Case[] = [
  [
    'a key that others can read',
    (dir) => chmodSync(firstKey(dir), 0o644),
    'fault permissions exposed',
    { hint: /^chmod go-rwx .*keys/ },
  ],
  [
    'a folder that others can write',
    (dir) => chmodSync(join(dir, 'commits'), 0o777),
    'fault permissions exposed',
    { hint: /^chmod go-w .*commits/ },
  ],
  [
    'a data directory that others can write',
    (dir) => chmodSync(dir, 0o777),
    'fault state data-dir-exposed',
    { hint: /^chmod go-w / },
  ],
  ['a key that is missing', (dir) => rmSync(firstKey(dir)), 'fault keys key-missing', { hint: /recover/ }],
  [
    'the key of another CA under a name',
    (dir) => copyFileSync(join(dir, 'keys', keyFiles(dir)[1] ?? ''), firstKey(dir)),
    'fault keys key-mismatch',
    { message: /not the one that is certified/ },
  ],
  [
    'an unknown setting',
    (dir) => writeFileSync(join(dir, 'brine.toml'), '# mine\nno_such_key = 1\n'),
    'fault configuration config-fault',
    { message: /brine\.toml:2: .*no_such_key/, hint: /config check/ },
  ],
  [
    'a marker that is missing',
    (dir) => rmSync(join(dir, 'brine.json')),
    'fault state no-data-dir',
    { message: /brine\.json is missing/, hint: /^restore brine\.json from a backup/ },
  ],
  [
    'a served tree that the web server cannot read',
    (dir) => chmodSync(join(dir, 'repo/rsync'), 0o700),
    'fault repository served-unreadable',
  ],
]

describe('a fault', () => {
  it.each<Case>(FAULTS)('%s', async (_, damage, problem, says = {}) => {
    const dir = box.copy()
    damage(dir)
    const { code, problems, checks } = await look(dir)
    expect(code).toBe(1)
    expect(words(problems)).toContain(problem)
    const found = problems.find((one) => words([one])[0] === problem)
    expect(found).toMatchObject({
      ...(says.message === undefined ? {} : { message: expect.stringMatching(says.message) }),
      hint: expect.stringMatching(says.hint ?? /./),
    })
    // a topic with a problem has no ok, and the other topics were checked
    expect(checks.filter(({ check, level }) => check === found?.check && level === 'ok')).toEqual([])
    expect(checks.filter(({ level }) => level === 'ok').length).toBeGreaterThan(3)
  })

  it('a tick that is too old', async () => {
    const { code, problems } = await look(box.copy(), '2026-11-23T12:00:00Z')
    expect([code, words(problems)]).toEqual([1, expect.arrayContaining(['fault tick stale'])])
  })

  it('certificates that ended', async () => {
    const { code, problems } = await look(box.copy(), '2028-06-01T12:00:00Z')
    expect([code, words(problems)]).toEqual([1, expect.arrayContaining(['fault certificates certificate-expired'])])
  })
})

describe('a lock', () => {
  const hold = (dir: string, since: string): void =>
    writeFileSync(join(dir, '.lock-owner'), encodeRecord({ ...newLockOwner('token', 'tick', false), since }), {
      mode: 0o600,
    })

  it('that another process holds for long is a warning that names it', async () => {
    const dir = box.copy()
    hold(dir, '2026-11-21T11:30:00Z')
    const { code, problems } = await look(dir)
    expect([code, words(problems)]).toEqual([0, ['warning lock lock-held']])
    expect(problems[0]).toMatchObject({
      message: expect.stringContaining('30 minutes'),
      hint: `look at that process: ps -fp ${process.pid}`,
    })
  })

  it('that another process just took is no problem', async () => {
    const dir = box.copy()
    hold(dir, '2026-11-21T11:59:58Z')
    const { problems, checks } = await look(dir)
    expect(problems).toEqual([])
    expect(checks.find(({ check }) => check === 'lock')?.message).toMatch(new RegExp(`held by .*${process.pid}`))
  })
})

describe('a stand-by', () => {
  // a directory made by --test is always primary
  const standby = async (name: string): Promise<string> => {
    const dataDir = join(box.path, name)
    const uris = ['--rsync', 'rsync://rpki.example/repo/', '--rrdp', 'https://rpki.example/rrdp/']
    await brine(['testbed', 'init', ...uris], { dataDir })
    await brine(['demote', '--reason', 'another host is the primary'], { dataDir })
    return dataDir
  }
  const report = async (dataDir: string) => {
    const ran = await runBrine(['doctor', '--json'], { dataDir })
    return { code: ran.code, ...ran.json<DoctorReport>() }
  }

  it('is told, and no fault', async () => {
    const { code, checks } = await report(await standby('standby'))
    const state = checks.find(({ check }) => check === 'state')
    expect([code, state]).toEqual([0, expect.objectContaining({ message: expect.stringMatching(/^standby, /) })])
  })

  it('that lacks a key is a warning: a promote would lack it', async () => {
    const dir = await standby('keyless')
    rmSync(firstKey(dir))
    const { code, problems } = await report(dir)
    expect([code, words(problems)]).toEqual([0, expect.arrayContaining(['warning keys key-absent'])])
  })
})

it('no directory at all is an error of its own', async () => {
  const none = join(box.path, 'none')
  const ran = await runAt(none, ['doctor', '--json'])
  expect([ran.code, ran.json()]).toMatchObject([
    10,
    { error: { code: 'no-data-dir', hint: `brine init --data-dir ${none}` } },
  ])
  const moved = box.copy()
  renameSync(join(moved, 'brine.json'), join(box.path, 'brine.json'))
  const other = await runAt(moved, ['status', '--json'])
  expect([other.code, other.json()]).toMatchObject([
    10,
    { error: { hint: expect.stringMatching(/^restore brine\.json/) } },
  ])
})
