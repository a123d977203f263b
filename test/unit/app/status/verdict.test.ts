/** The verdict and its findings at their limits. */
import { describe, expect, it } from 'vitest'
import { isAtLeast, type StatusFacts, statusFindings, verdictOf } from '../../../../src/core/app/status/verdict.js'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const at = (seconds: number): Instant => addSeconds(NOW, seconds)
const WELL: StatusFacts = {
  now: NOW,
  primary: true,
  superseded: null,
  staleAt: at(36000),
  nextDue: at(7200),
  lastTick: at(-300),
  lastAudit: null,
  lastCommit: at(-600),
  behind: 0,
  copyDamage: null,
  restored: null,
  broken: [],
  bypassed: [],
  missingKeys: [],
  damagedKeys: [],
  unpublished: [],
  outdated: [],
  suspended: [],
  held: [],
  future: [],
  served: true,
  freeBytes: 1e12,
  unreadable: [],
  exposed: [],
  configWarnings: [],
  configFaults: [],
  enrolment: null,
  certificates: [],
  servers: [],
  peers: [],
  tickPeriod: 300,
  tickSince: null,
}
const AUDIT = { at: at(-60), commits: 3, checkpoints: 0 }
const FINE = { down: [], degraded: [], unprobedSince: null, unknown: [] }
const codes = (facts: Partial<StatusFacts>) => statusFindings({ ...WELL, ...facts }).map((c) => `${c.level} ${c.code}`)

describe('the verdict', () => {
  it('is ok without findings, and before anything is published', () => {
    expect(codes({})).toEqual([])
    expect(codes({ staleAt: null, nextDue: null, lastTick: null, lastCommit: null })).toEqual([])
    expect(verdictOf([])).toBe('ok')
  })

  it.each<[string, Partial<StatusFacts>, string[]]>([
    ['stale now', { staleAt: NOW }, ['critical stale']],
    ['stale in an hour', { staleAt: at(3600) }, ['critical stale-soon']],
    ['stale in more than an hour', { staleAt: at(3601) }, []],
    ['damage', { broken: [{ aggregate: 'ca/a', code: 'file-missing', message: 'x' }] }, ['critical corrupt']],
    [
      'an object is gone',
      { broken: [{ aggregate: 'ca/a', code: 'object-missing', message: 'x' }] },
      ['critical object-missing'],
    ],
    ['a key is gone', { missingKeys: ['ca/a'] }, ['critical key-missing']],
    ['the clock is behind', { lastCommit: at(1) }, ['critical clock-behind']],
    [
      'a manifest of the future',
      { future: [{ aggregate: 'ca/a', thisUpdate: at(1) }] },
      ['critical published-in-future'],
    ],
    [
      'the future, on a stand-by',
      { primary: false, lastCommit: at(1), future: [{ aggregate: 'ca/a', thisUpdate: at(1) }] },
      ['warning clock-behind', 'warning published-in-future'],
    ],
    ['the disk is full', { freeBytes: 0 }, ['critical disk-full']],
    ['the disk is nearly full', { freeBytes: 99 * 2 ** 20 }, ['warning disk-low']],
    ['due for 15 minutes', { nextDue: at(-900) }, []],
    ['due for longer', { nextDue: at(-901) }, ['warning overdue']],
    ['due, and no tick for 15 minutes', { nextDue: NOW, lastTick: at(-901) }, ['warning tick-missing']],
    ['due, and never a tick', { nextDue: NOW, lastTick: null }, ['warning tick-missing']],
    ['no tick, but nothing due, in a test directory', { lastTick: at(-90000) }, []],
    ['no tick for three periods', { tickSince: at(-90000), lastTick: at(-900) }, []],
    ['no tick for longer', { tickSince: at(-90000), lastTick: at(-901) }, ['warning tick-missing']],
    ['never a tick', { tickSince: at(-901), lastTick: null }, ['warning tick-missing']],
    ['never a tick, but new', { tickSince: at(-900), lastTick: null }, []],
    ['an old tick, but promoted just now', { tickSince: at(-900), lastTick: at(-90000) }, []],
    ['a tick of the future', { tickSince: at(-90000), lastTick: at(1) }, ['warning tick-missing']],
    ['cron every minute', { tickSince: at(-90000), lastTick: at(-181), tickPeriod: 60 }, ['warning tick-missing']],
    ['a stand-by without tick', { primary: false, tickSince: null, lastTick: null }, []],
    ['cron every hour', { nextDue: at(-3000), lastTick: at(-3000), tickPeriod: 3600 }, []],
    ['unpublished', { unpublished: ['a'] }, ['warning unpublished']],
    ['the published tree is out of date', { served: false }, ['warning served-behind']],
    ['another primary took over', { superseded: 'host b writes' }, ['critical superseded']],
    ['a promote was interrupted', { outdated: ['ca/a'] }, ['warning promote-unfinished']],
    ['a group is down', { enrolment: { ...FINE, down: ['g: one open'] } }, ['critical ha-down']],
    ['a group lacks a CA', { enrolment: { ...FINE, degraded: ['g: one open'] } }, ['warning ha-degraded']],
    ['CAs are not probed', { enrolment: { ...FINE, unprobedSince: at(-9000) } }, ['warning ha-unprobed']],
    ['CAs are not probed by a stand-by', { primary: false, enrolment: { ...FINE, unprobedSince: at(-9000) } }, []],
    ['the outcome of a request is unknown', { enrolment: { ...FINE, unknown: ['r1'] } }, ['warning est-unknown']],
    ['the last audit found nothing', { lastAudit: { ...AUDIT, findings: 0 } }, []],
    ['the last audit had findings', { lastAudit: { ...AUDIT, findings: 1 } }, ['warning audit-findings']],
    ['the configuration has a warning', { configWarnings: ['48 h'] }, ['warning config-warning']],
  ])('%s', (_, facts, expected) => {
    expect(codes(facts)).toEqual(expected)
  })

  it('does not report on a stand-by what the primary has to do', () => {
    const copy = {
      primary: false,
      staleAt: at(-1),
      nextDue: at(-9000),
      lastTick: null,
      unpublished: ['a'],
      served: false,
      missingKeys: ['ca/a'],
    }
    expect(codes(copy)).toEqual([])
    expect(codes({ ...copy, lastCommit: at(-86401) })).toEqual(['warning copy-old'])
    expect(codes({ ...copy, behind: 2 })).toEqual(['warning copy-partial'])
    expect(codes({ ...copy, behind: 2, copyDamage: 'x' })).toEqual(['warning copy-damaged'])
    expect(codes({ ...copy, broken: [{ aggregate: 'ca/a', code: 'file-missing', message: 'x' }] })).toEqual([
      'critical corrupt',
    ])
  })

  it('lists critical findings first and is the most severe of them', () => {
    const all = statusFindings({ ...WELL, unpublished: ['a'], staleAt: NOW, configWarnings: ['w'] })
    expect(all.map((c) => c.level)).toEqual(['critical', 'warning', 'warning'])
    expect(verdictOf(all)).toBe('critical')
    expect(verdictOf(all.slice(1))).toBe('warning')
    expect([isAtLeast('ok', 'warning'), isAtLeast('warning', 'warning'), isAtLeast('warning', 'critical')]).toEqual([
      false,
      true,
      false,
    ])
    expect(isAtLeast('critical', 'warning')).toBe(true)
  })
})
