/** Tables as values, and their plain rendering for pipes and files: columns two spaces apart, without rules and colour. */

export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
}

export interface Table {
  readonly columns: readonly (Column | string)[]
  readonly rows: readonly (readonly (string | number)[])[]
}

export function columnsOf(table: Table): readonly Column[] {
  return table.columns.map((c) => (typeof c === 'string' ? { title: c } : c))
}

/** Returns aligned text with one heading line; '' for a table without rows. */
export function plainTable(table: Table): string {
  if (table.rows.length === 0) return ''
  const columns = columnsOf(table)
  const lines = [columns.map((c) => c.title), ...table.rows.map((row) => row.map(String))]
  const widths = columns.map((_, i) => lines.reduce((widest, line) => Math.max(widest, width(line[i] ?? '')), 0))
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, i) => pad(cells[i] ?? '', widths[i] ?? 0, column.align))
      .join('  ')
      .trimEnd()
  return lines.map(line).join('\n')
}

function pad(text: string, wanted: number, align: Column['align']): string {
  const space = ' '.repeat(Math.max(0, wanted - width(text)))
  return align === 'right' ? space + text : text + space
}

/** Returns the length in characters rather than UTF-16 units. */
function width(text: string): number {
  return [...text].length
}
