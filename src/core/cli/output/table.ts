/** Tables as values, and their plain rendering for pipes and files: columns two spaces apart, without rules and colour. */
import { lineText } from '../../base/text.js'
import { displayWidth } from '../terminal/display-width.js'

export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
  /**
   * On a terminal that is too narrow, columns of rank 1 are shortened first, then 2, then 3. `whole` is never shortened: numbers, and
   * values that no other view shows. The default is 2, for a right-aligned column `whole`.
   */
  readonly rank?: 1 | 2 | 3 | 'whole'
  /**
   * Part of a shortened cell that is left out: `end` (the default), `middle` of names that differ at either end, of a `time` its
   * seconds and then its year.
   */
  readonly cut?: 'end' | 'middle' | 'time'
  /** A terminal shows the column only if a cell differs from this text. */
  readonly usual?: string
}

export interface Table {
  readonly columns: readonly (Column | string)[]
  readonly rows: readonly (readonly (string | number)[])[]
}

export function columnsOf(table: Table): readonly Column[] {
  return table.columns.map((c) => (typeof c === 'string' ? { title: c } : c))
}

/** Returns the rank of a column, its default included. */
export function rankOf({ rank, align }: Column): NonNullable<Column['rank']> {
  return rank ?? (align === 'right' ? 'whole' : 2)
}

/** Returns the width of each column that shows its heading and every cell in full. */
export function naturalWidths(table: Table): readonly number[] {
  return columnsOf(table).map((column, i) =>
    table.rows.reduce(
      (widest, row) => Math.max(widest, displayWidth(String(row[i] ?? ''))),
      displayWidth(column.title),
    ),
  )
}

/** Returns the table with every cell on one line: a name that a peer chose does not break the rows. */
export function withLineCells(table: Table): Table {
  return { ...table, rows: table.rows.map((row) => row.map((cell) => lineText(String(cell)))) }
}

/** Returns aligned text with one heading line, every cell in full; '' for a table without rows. */
export function plainTable(full: Table): string {
  if (full.rows.length === 0) return ''
  const table = withLineCells(full)
  const columns = columnsOf(table)
  const lines = [columns.map((c) => c.title), ...table.rows.map((row) => row.map(String))]
  const widths = naturalWidths(table)
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, i) => pad(cells[i] ?? '', widths[i] ?? 0, column.align))
      .join('  ')
      .trimEnd()
  return lines.map(line).join('\n')
}

function pad(text: string, wanted: number, align: Column['align']): string {
  const space = ' '.repeat(Math.max(0, wanted - displayWidth(text)))
  return align === 'right' ? space + text : text + space
}
