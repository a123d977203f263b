/** Tables for a terminal. Loaded lazily: loading cli-table3 takes longer than a small command. */
import CliTable from 'cli-table3'
import { columnsOf, type Table, withLineCells } from '../output/table.js'
import { fitTable } from './fit.js'

const LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
}
const SIDES = { left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' }

/** Returns a compact table without frame that fits `available` columns, headings in the given style; '' for a table without rows. */
export function ruledTable(full: Table, heading: (text: string) => string, available: number): string {
  if (full.rows.length === 0) return ''
  const table = fitTable(withLineCells(full), available)
  const columns = columnsOf(table)
  const drawn = new CliTable({
    head: columns.map((c) => heading(c.title)),
    colAligns: columns.map((c) => c.align ?? 'left'),
    chars: { ...LINES, ...SIDES },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  drawn.push(...table.rows.map((row) => row.map(String)))
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}
