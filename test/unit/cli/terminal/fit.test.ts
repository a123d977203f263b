/** Tables fit the terminal: which columns are shortened, and how; a pipe gets everything. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { plainTable, type Table } from '../../../../src/core/cli/output/table.js'
import { themeFor } from '../../../../src/core/cli/output/theme.js'
import { displayWidth, shortened } from '../../../../src/core/cli/terminal/display-width.js'
import { fitTable } from '../../../../src/core/cli/terminal/fit.js'

const RED = '\u001b[31m'
const END = '\u001b[39m'

describe('the width of text', () => {
  test.each([
    ['', 0],
    ['acme', 4],
    ['näh', 3],
    ['東京', 4],
    ['🙂', 2],
    ['e\u0301', 1],
    [`${RED}bad${END}`, 3],
  ])('%s takes %i columns', (text, width) => {
    expect(displayWidth(text)).toBe(width)
  })
})

describe('shortened text', () => {
  test('is left as it is where it fits', () => {
    expect(shortened('acme', 4)).toBe('acme')
  })

  test('loses its end or its middle', () => {
    expect(shortened('abcdefghij', 5)).toBe('abcd…')
    expect(shortened('abcdefghij', 5, 'middle')).toBe('ab…ij')
    expect(shortened('abcdefghij', 1)).toBe('…')
  })

  test('keeps colours balanced', () => {
    expect(shortened(`${RED}abcdefghij${END}`, 5)).toBe(`${RED}abcd…${END}`)
  })

  test('never splits a wide character', () => {
    expect(shortened('東京大阪', 5)).toBe('東京…')
    expect(shortened('東京大阪', 4)).toBe('東…')
  })

  test('fits any width', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 30 }),
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom('end' as const, 'middle' as const),
        (text, width, cut) => displayWidth(shortened(text, width, cut)) <= width,
      ),
    )
  })
})

describe('a table on a terminal', () => {
  const table: Table = {
    columns: [
      { title: 'CA', cut: 'middle' },
      { title: 'ROAS', align: 'right' },
      { title: 'STALE AT', rank: 3, cut: 'time' },
      { title: 'RESOURCES', rank: 1 },
    ],
    rows: [
      ['acme', 7, '2026-12-02T14:02:10Z', 'AS64496, 10.0.0.0/8, 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24'],
      [`a${'b'.repeat(253)}c`, 1_000_000, '2026-12-02T14:02:10Z', '-'],
    ],
  }
  const lines = (width: number): readonly string[] => plainTable(fitTable(table, width)).split('\n')

  test.each([80, 120])('of %i columns no line is longer', (width) => {
    expect(Math.max(...lines(width).map(displayWidth))).toBe(width)
  })

  test('of 80 columns the least important column is shortened first, numbers and times are not', () => {
    expect(lines(80)).toEqual([
      'CA                                         ROAS  STALE AT              RESOURCES',
      'acme                                          7  2026-12-02T14:02:10Z  AS64496,…',
      `a${'b'.repeat(18)}…${'b'.repeat(17)}c  1000000  2026-12-02T14:02:10Z  -`,
    ])
  })

  test('that is very narrow a time loses its seconds, then its year', () => {
    expect(lines(47)[1]).toContain('2026-12-02T14:02Z')
    expect(lines(42)[1]).toContain('12-02 14:02Z')
    expect(Math.max(...lines(30).map(displayWidth))).toBeLessThanOrEqual(30)
  })

  test('that is wide enough nothing changes', () => {
    expect(fitTable(table, 1000)).toBe(table)
  })

  test('a value that no other view shows is left whole', () => {
    const record: Table = { columns: ['FIELD', { title: 'VALUE', rank: 'whole' }], rows: [['names', 'x'.repeat(100)]] }
    expect(plainTable(fitTable(record, 80))).toContain('x'.repeat(100))
  })

  test('fits any width that its whole columns leave', () => {
    const rank = fc.constantFrom(1 as const, 2 as const, 3 as const)
    const cut = fc.constantFrom('end' as const, 'middle' as const, 'time' as const)
    const column = fc.record({ title: fc.constantFrom('A', 'STATE', 'CERTIFICATE UNTIL'), rank, cut })
    const tables = fc.array(column, { minLength: 1, maxLength: 8 }).chain((columns) =>
      fc.record({
        columns: fc.constant(columns),
        rows: fc.array(fc.array(fc.string(), { minLength: columns.length, maxLength: columns.length }), {
          minLength: 1,
        }),
      }),
    )
    fc.assert(
      fc.property(tables, fc.integer({ min: 30, max: 200 }), (any, width) =>
        plainTable(fitTable(any, width))
          .split('\n')
          .every((line) => displayWidth(line) <= width),
      ),
    )
  })

  test('the theme knows the width of the terminal; without one it is 80, and a pipe gets everything', async () => {
    const widest = async (isTerminal: boolean, columns?: number): Promise<number> => {
      const theme = await themeFor({ isTerminal, columns, env: { NO_COLOR: '1' } })
      return Math.max(...theme.table(table).split('\n').map(displayWidth))
    }
    expect(await widest(true, 120)).toBe(120)
    expect(await widest(true)).toBe(80)
    expect(await widest(true, 0)).toBe(80)
    expect(await widest(false, 80)).toBeGreaterThan(300)
  })
})
