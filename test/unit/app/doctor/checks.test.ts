/** The pure decisions of doctor: levels, topics, and what a report shows of a topic with a problem. */
import { describe, expect, it } from 'vitest'
import {
  type DoctorCheck,
  fault,
  faultOf,
  guarded,
  ok,
  sorted,
  warning,
} from '../../../../src/core/app/doctor/check.js'
import { type DiskFacts, diskChecks } from '../../../../src/core/app/doctor/directory.js'
import { statusChecks } from '../../../../src/core/app/doctor/findings.js'
import { programChecks } from '../../../../src/core/app/doctor/program.js'
import type { StatusReport } from '../../../../src/core/app/status/report.js'
import { AppError } from '../../../../src/core/base/errors.js'

const words = (checks: readonly DoctorCheck[]) => checks.map((one) => `${one.level} ${one.check} ${one.code}`)

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
