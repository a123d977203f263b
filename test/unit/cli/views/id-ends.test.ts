/** The column of a table that shows when the ID certificates between us and a peer end. */
import { expect, test } from 'vitest'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'
import { plainTheme } from '../../../../src/core/cli/output/theme.js'
import { idCell, idText } from '../../../../src/core/cli/peer-views/id-ends.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const DAY = 86_400
const [SOON, LATER] = [addSeconds(NOW, 90 * DAY - 1), addSeconds(NOW, 90 * DAY)]
const theme = { ...plainTheme, caution: (text: string) => `!${text}` }

test.each([
  ['the first of both', { own: LATER, peer: addSeconds(LATER, DAY) }, LATER],
  ['a warning from 90 days before it', { own: LATER, peer: SOON }, `!${SOON}`],
  ['the one that is known', { own: null, peer: LATER }, LATER],
  ['nothing if none is known', { own: null, peer: null }, ''],
  ['nothing of a peer in this data directory', null, ''],
])('shows %s', (_, ends, text) => {
  expect(idCell(ends, theme, NOW)).toBe(text)
})

test('names both in a line', () => {
  expect(idText({ own: SOON, peer: null }, theme, NOW)).toBe(`ours until !${SOON}, the peer's until unknown`)
  expect(idText(null, theme, NOW)).toBeUndefined()
})
