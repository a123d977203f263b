/** The rows of a change on the screen: marks, colours on a terminal only, a cap on a terminal only. */
import { expect, test } from 'vitest'
import { added, difference, removed, updated } from '../../../../src/core/app/changes/change-row.js'
import { changedView, changesView } from '../../../../src/core/cli/output/changes.js'
import { plainTheme, themeFor } from '../../../../src/core/cli/output/theme.js'

const ROA = { item: 'roa', of: 'ca/acme', name: '10.0.0.0/8-8 => 64496' } as const
const rows = [
  added({ ...ROA, note: 'office' }, 'published'),
  removed({ item: 'object', of: null, name: 'rsync://x/y.roa' }, 'ab12'),
  updated({ item: 'rrdp', of: 'pubserver/0', name: 'serial' }, '5', '6'),
]

test('each row begins with its mark and ends with what it was and is; hashes are left out', () => {
  expect(changesView(rows, plainTheme).split('\n')).toEqual([
    '   WHAT    OF           NAME                   DETAIL',
    '+  ROA     ca/acme      10.0.0.0/8-8 => 64496  published  # office',
    '-  object               rsync://x/y.roa',
    '~  RRDP    pubserver/0  serial                 5 -> 6',
  ])
})

test('no rows leave only the ending', () => {
  expect(changedView([], 'acme: nothing to do', plainTheme)).toBe('acme: nothing to do')
})

test('on a terminal each row has the colour of its mark', async () => {
  const theme = await themeFor({ isTerminal: true, columns: 120, env: {} })
  const [, add, remove, update] = changesView(rows, theme).split('\n')
  expect([add, remove, update].map((line) => line?.slice(0, 6))).toEqual(['\u001b[32m+', '\u001b[31m-', '\u001b[33m~'])
})

test('a terminal shows about two screens of a long change, a pipe all of it', async () => {
  const many = Array.from({ length: 1000 }, (_, i) => added({ ...ROA, name: `10.0.${i}` }))
  const shown = changesView(many, await themeFor({ isTerminal: true, env: { NO_COLOR: '1' } })).split('\n')
  expect(shown).toHaveLength(52)
  expect(shown.at(-1)).toBe('... and 950 more rows: --json lists them all')
  expect(changesView(many, plainTheme).split('\n')).toHaveLength(1001)
})

test('a difference is a row only where something differs', () => {
  expect(difference(ROA, 'a', 'a')).toEqual([])
  expect(difference(ROA, undefined, 'a')).toEqual([added(ROA, 'a')])
  expect(difference(ROA, 'a', undefined)).toEqual([removed(ROA, 'a')])
  expect(difference(ROA, 'a', 'b')).toEqual([updated(ROA, 'a', 'b')])
})
