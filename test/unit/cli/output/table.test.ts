/** A table keeps one line per row, whatever a cell contains. */
import { describe, expect, it } from 'vitest'
import { plainTable } from '../../../../src/core/cli/output/table.js'
import { ruledTable } from '../../../../src/core/cli/terminal/ruled-table.js'

const TABLE = {
  columns: ['name', 'state'],
  rows: [
    ['a\nError: b\tc', 'ok'],
    ['\u001b[31mred\u001b[39m', 'ok'],
  ],
}

describe.each([
  ['plain', () => plainTable(TABLE)],
  ['ruled', () => ruledTable(TABLE, (text) => text, 80)],
])('a %s table', (_kind, draw) => {
  it('writes line breaks and tabs of a cell as numbers, and keeps its colours', () => {
    const lines = draw().split('\n')
    expect(lines).toHaveLength(3)
    expect(lines[1]).toMatch(/^a\\u000aError: b\\u0009c {2}ok$/)
    expect(lines[2]).toContain('\u001b[31mred\u001b[39m')
  })
})
