/** The pure decisions of doctor: levels, topics, and what a report shows of a topic with a problem. */
import * as fs from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import {
  type DoctorCheck,
  fault,
  faultOf,
  guarded,
  ok,
  sorted,
  warning,
} from '../../../../src/core/app/doctor/check.js'
import { clockChecks } from '../../../../src/core/app/doctor/clock.js'
import { type DiskFacts, directoryChecks, diskChecks } from '../../../../src/core/app/doctor/directory.js'
import { statusChecks } from '../../../../src/core/app/doctor/findings.js'
import { programChecks } from '../../../../src/core/app/doctor/program.js'
import type { StatusReport } from '../../../../src/core/app/status/report.js'
import type { ClockSigns } from '../../../../src/core/base/clock-advance.js'
import { AppError } from '../../../../src/core/base/errors.js'
import type { Instant } from '../../../../src/core/base/time.js'
import { scratchDir } from '../../../support/processes/cli.js'

const words = (checks: readonly DoctorCheck[]) => checks.map((one) => `${one.level} ${one.check} ${one.code}`)

// the type of a file system is that of the disk, unless a test says otherwise
const mounted = vi.hoisted(() => ({ type: undefined as number | undefined }))
vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>()
  const statfsSync = (path: string) => ({ ...real.statfsSync(path), ...(mounted.type === undefined ? {} : mounted) })
  return { ...real, statfsSync }
})
afterEach(() => {
  mounted.type = undefined
})

describe('the directory', () => {
  const uid = process.getuid?.() ?? 0
  const { path, remove } = scratchDir()
  afterAll(remove)

  it('of this user on a local disk is in order', () => {
    expect(words(directoryChecks(path, uid))).toEqual(['ok directory ok'])
  })

  it.each([
    ['NFS', 0x6969],
    ['SMB2', 0xfe534d42],
    ['CIFS, as a signed number', 0xff534d42 | 0],
    ['Ceph', 0x00c36400],
  ])('on %s is a warning', (_, type) => {
    mounted.type = type
    expect(words(directoryChecks(path, uid))).toEqual(['warning directory directory-remote'])
  })

  it('of another user is a fault that names both, with the command to run', () => {
    const [found] = directoryChecks(path, uid + 1)
    expect(found).toMatchObject({
      ...{ level: 'fault', code: 'directory-foreign', hint: `run as the owner: sudo -u '#${uid}' brine doctor` },
      message: expect.stringContaining(`(uid ${uid + 1} is not its owner, uid ${uid})`),
    })
  })

  it('that is a file, or does not exist, is a fault', () => {
    const file = join(path, 'file')
    fs.writeFileSync(file, '')
    expect(directoryChecks(file, uid)).toMatchObject([{ code: 'directory-closed', message: `${file}: ENOTDIR` }])
    expect(words(directoryChecks(join(path, 'none'), uid))).toEqual(['fault directory directory-closed'])
  })
})

describe('the clock', () => {
  const now = '2026-11-21T12:00:00Z' as Instant
  const signs = (isSynchronized: boolean): ClockSigns => {
    return { boot: () => undefined, kernelTime: () => undefined, isSynchronized: async () => isSynchronized }
  }
  /** A folder whose newest file is so many seconds after now. */
  const folder = (seconds: number): string => {
    const { path } = scratchDir()
    fs.writeFileSync(join(path, 'file'), '')
    fs.utimesSync(join(path, 'file'), 0, Date.parse(now) / 1000 + seconds)
    return path
  }

  it.each([
    ['that a service confirms', signs(true), -5, ['ok clock ok']],
    ['that no service confirms', signs(false), -5, ['warning clock clock-unconfirmed']],
    ['a minute behind the newest file', signs(true), 60, ['ok clock ok']],
    ['more than a minute behind it', signs(true), 61, ['warning clock file-time-ahead']],
    ['of a directory that cannot be opened', undefined, -5, []],
    ['behind, of a directory that cannot be opened', undefined, 61, ['warning clock file-time-ahead']],
  ])('%s', async (_, confirmed, seconds, wanted) => {
    const path = folder(seconds)
    expect(words(await clockChecks(confirmed, path, now))).toEqual(wanted)
    fs.rmSync(path, { recursive: true })
  })
})

describe('the disk', () => {
  const MIB = 1024 * 1024
  const disk = (bytes: number, inodes: number, inodesTotal: number | null = 100_000): readonly DiskFacts[] => [
    {
      ...{ path: '/data', what: 'a backup beside it', need: { files: 5000, bytes: 100 * MIB } },
      free: { bytes, inodes, inodesTotal },
    },
  ]
  it.each([
    ['enough', disk(100 * MIB, 5000), ['ok disk ok']],
    ['less than the next larger step needs', disk(100 * MIB - 1, 5000), ['warning disk disk-small']],
    ['none', disk(4 * MIB - 1, 5000), ['fault disk disk-full']],
    ['few inodes', disk(100 * MIB, 4999), ['warning disk inodes-few']],
    ['no inodes', disk(100 * MIB, 99), ['fault disk inodes-few']],
    ['a file system without a table of inodes', disk(100 * MIB, 0, null), ['ok disk ok']],
  ])('%s', (_, facts, wanted) => {
    expect(words(diskChecks(facts))).toEqual(wanted)
  })
})

it.each([
  ['v20.19.0', 'ok program ok'],
  ['v22.0.0', 'ok program ok'],
  ['v20.18.9', 'fault program node-old'],
  ['v18.20.0', 'fault program node-old'],
])('Node %s', (node, wanted) => {
  const facts = { root: '/nonexistent', version: '1.0.0', node, platform: 'linux', arch: 'x64' }
  expect(words(programChecks(facts))).toEqual([wanted])
})

describe('findings of status', () => {
  const report = (...codes: readonly string[]): StatusReport =>
    ({
      concerns: codes.map((code) => ({ level: 'critical', code, message: 'fact', hint: 'step' })),
      ...{ lastTick: null, publication: null, role: 'primary', cas: [], broken: [] },
    }) as unknown as StatusReport

  it('have the topic of their code; one without is a fault of the state', () => {
    const found = words(statusChecks(report('stale', 'served-unreadable', 'key-missing', 'new-code')))
    expect(found).toEqual([
      'fault tick stale',
      'fault repository served-unreadable',
      'fault keys key-missing',
      'fault state new-code',
    ])
  })

  it('that another check reports are left to it', () => {
    const found = words(statusChecks(report('exposed', 'config-fault', 'disk-full', 'tls-damaged')))
    expect(found).toEqual(['ok tick ok', 'ok repository ok', 'ok state ok'])
  })
})

describe('the report', () => {
  it('is in the order of topics, and a topic with a problem has no ok', () => {
    const all = [
      ok('state', 'a'),
      fault('keys', 'key-missing', 'b', null),
      ok('keys', 'c'),
      warning('disk', 'd', 'e', null),
    ]
    expect(words(sorted(all))).toEqual(['warning disk d', 'fault keys key-missing', 'ok state ok'])
  })

  it('has a fault where a check failed, with its hint', async () => {
    const error = new AppError('corrupt', 'file-damaged', 'fact', { hint: 'step' })
    expect(faultOf('state', error)).toEqual(fault('state', 'file-damaged', 'fact', 'step'))
    const failing = await guarded('disk', () => {
      throw new Error('EIO')
    })
    expect(failing).toEqual([fault('disk', 'check-failed', 'cannot be checked: EIO', null)])
  })
})
