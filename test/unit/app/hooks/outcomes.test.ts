/** Which outcome each end of a command is. */
import { expect, it } from 'vitest'
import { mayHaveOutcome, outcomesOf } from '../../../../src/core/app/hooks/outcomes.js'
import { AppError } from '../../../../src/core/base/errors.js'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const TICK = { role: 'primary', done: [], failed: [], disabled: [], nextDue: null, staleAt: addSeconds(NOW, 7200) }
const FAILED = [{ ca: 'acme', code: 'io', message: 'x' }]
const BACKUP = { dryRun: false, file: '/b', cutAt: NOW, encrypted: true, size: 3 }
const AUDIT = { ok: false, commits: 3, problems: [{}], aggregates: [{ problems: [{}] }] }
const held = new AppError('rejected', 'rejected', 'first', { details: { faults: [{ code: 'removals-held' }] } })
const io = new AppError('io', 'io-full', 'full')

it.each<[string, string, { report: object } | { error: unknown }, string[]]>([
  ['a tick that is well', 'tick', { report: TICK }, []],
  ['a tick with a failure', 'tick', { report: { ...TICK, failed: FAILED } }, ['tick-failed: 1 part of tick failed']],
  ['a tick that ends with an error', 'tick', { error: io }, ['tick-failed: full']],
  [
    'an object near its end after tick',
    'tick',
    { report: { ...TICK, staleAt: addSeconds(NOW, 3600) } },
    ['stale-soon: the first object goes stale at 2026-11-21T13:00:00Z'],
  ],
  ['an object an hour and more from its end', 'tick', { report: { ...TICK, staleAt: addSeconds(NOW, 3601) } }, []],
  ['a stand-by', 'tick', { report: { ...TICK, role: 'standby', staleAt: NOW } }, []],
  ['a held change of any command', 'roa:remove', { error: held }, ['change-held: first']],
  ['another error', 'roa:remove', { error: io }, []],
  ['no error of the program', 'tick', { error: new Error('x') }, []],
  ['a backup', 'backup:create', { report: BACKUP }, ['backup-done: backup in /b']],
  ['a dry run of a backup', 'backup:create', { report: { ...BACKUP, dryRun: true } }, []],
  ['an audit with findings', 'audit:verify', { report: AUDIT }, ['audit-findings: findings of audit verify: 2']],
  ['an audit without', 'audit:verify', { report: { ...AUDIT, ok: true } }, []],
  ['another report', 'roa:list', { report: { ok: false } }, []],
])('%s', (_, command, ending, expected) => {
  const found = outcomesOf(command, ending, NOW)
  expect(found.map(({ outcome, message }) => `${outcome}: ${message}`)).toEqual(expected)
  if (expected.length > 0) expect(mayHaveOutcome(command, ending)).toBe(true)
})

it('other commands load nothing for hooks', () => {
  expect(mayHaveOutcome('roa:add', { report: {} })).toBe(false)
  expect(mayHaveOutcome('roa:add', { error: io })).toBe(false)
})
