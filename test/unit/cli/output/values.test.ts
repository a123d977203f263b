/** Values and places of history as text. */
import { expect, test } from 'vitest'
import type { DiffReport } from '../../../../src/core/app/proof/states.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import type { Instant } from '../../../../src/core/base/time.js'
import { diffView } from '../../../../src/core/cli/output/diff.js'
import { pathMembers, placeText } from '../../../../src/core/cli/output/places.js'
import { plainTheme } from '../../../../src/core/cli/output/theme.js'
import { briefValue, inlineValue, memberLines } from '../../../../src/core/cli/output/values.js'

test('values on one line', () => {
  expect(inlineValue(null)).toBe('none')
  expect(inlineValue([])).toBe('none')
  expect(inlineValue({ asn: 'AS1', ipv4: '10.0.0.0/8', ipv6: '' })).toBe('AS1, 10.0.0.0/8')
  expect(inlineValue({ base: 'rsync://x/', transport: 'local' })).toBe('base rsync://x/, transport local')
  expect(inlineValue(['a', 'b'])).toBe('a; b')
  expect(inlineValue('A'.repeat(392))).toBe(`${'A'.repeat(24)}… (392 characters)`)
  expect(inlineValue('z'.repeat(255))).toBe('z'.repeat(255))
})

test('members on lines of their own, deep ones indented', () => {
  const value = { type: 'x', class: '0', certificate: { uri: 'u'.repeat(60), sha256: 'f'.repeat(64) }, put: [] }
  expect(memberLines(value, 1, ['type'])).toEqual([
    '  class        0',
    '  certificate',
    `    uri     ${'u'.repeat(60)}`,
    `    sha256  ${'f'.repeat(64)}`,
    '  put          none',
  ])
  expect(memberLines({}, 1)).toEqual([])
})

test('paths in words', () => {
  expect(pathMembers(`$.roas['10.0.0.0/8-8 => 1'].x[3]['it\\'s']`)).toEqual([
    'roas',
    '10.0.0.0/8-8 => 1',
    'x',
    '3',
    "it's",
  ])
  expect(placeText("$.classes['0'].keys[0].certificate.resources")).toBe('class 0 key 0 certificate resources')
  expect(placeText("$.roas['10.0.0.0/8-8 => 1']")).toBe('ROA 10.0.0.0/8-8 => 1')
})

test('a difference is grouped by command; manifest and CRL are counted', () => {
  const at = '2026-11-22T10:00:00Z' as Instant
  const by = { sequence: 2, actor: 'ann', reason: 'ticket 7' } as const
  const changes = [
    { path: "$.classes['0'].keys[0].point.crl.sha256", change: 'changed', before: 'a', after: 'b', ...by },
    { path: "$.classes['0'].keys[0].point.number", change: 'changed', before: 1, after: 2, ...by },
    { path: "$.roas['10.0.0.0/8-8 => 1']", change: 'added', before: null, after: { comment: 'office' }, ...by },
  ] as const
  const command = {
    sequence: 2,
    at,
    actor: 'ann',
    type: 'roas.update',
    summary: '+10.0.0.0/8-8 => 1',
    result: 'accepted',
    reason: null,
  } as const
  const position = { sequence: 1, version: 1, at, commit: 1 }
  const report: DiffReport = {
    kind: 'ca',
    handle: parseHandle('acme'),
    from: position,
    to: position,
    changes,
    commands: [command],
    sentence: 'End.',
  }
  expect(diffView(report, plainTheme).split('\n')).toEqual([
    'seq 2  2026-11-22T10:00:00Z  roas.update  +10.0.0.0/8-8 => 1  by ann: ticket 7',
    '  + ROA 10.0.0.0/8-8 => 1  # office',
    '  ~ class 0 key 0 manifest and CRL number  1 -> 2',
    '  ~ manifest and CRL, 1 value',
    'End.',
  ])
  const many = Array.from({ length: 25 }, (_, n) => ({ ...changes[2], path: `$.roas['10.${n}.0.0/16-16 => 1']` }))
  const lines = diffView({ ...report, changes: [...changes.slice(0, 2), ...many] }, plainTheme).split('\n')
  expect(lines.filter((line) => line.startsWith('  + ROA')).length).toBe(20)
  expect(lines.slice(21, 23)).toEqual([
    '  ... and 5 more ROAs: --json lists them all',
    '  ~ class 0 key 0 manifest and CRL number  1 -> 2',
  ])
})

test('a long value is one line of limited length, with the number of entries', () => {
  const objects = Object.fromEntries(
    Array.from({ length: 30 }, (_, n) => [`0/${n}.roa`, { sha256: 'a'.repeat(64), size: n }]),
  )
  expect(briefValue({ base: 'rsync://example.net/repo/', objects, addedAt: '2026-11-22T10:00:00Z' })).toBe(
    'base rsync://example.net/repo/, objects (30 entries), addedAt 2026-11-22T10:00:00Z',
  )
  expect(briefValue({ serial: 'F'.repeat(40), sha256: 'b'.repeat(64), content: 'c'.repeat(40), size: 7 })).toBe(
    `serial ${'F'.repeat(40)}, and 3 more`,
  )
  expect(briefValue(Object.values(objects))).toBe('(30 entries)')
  expect(briefValue('x y'.repeat(100)).length).toBe(101)
  expect(briefValue({ asn: 64496, prefix: '10.0.0.0/8' })).toBe('asn 64496, prefix 10.0.0.0/8')
})
