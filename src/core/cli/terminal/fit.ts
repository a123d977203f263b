/** Fits a table into a width: shortens the columns of the lowest rank first, the widest of them most. */

import { type Column, columnsOf, naturalWidths, rankOf, type Table } from '../output/table.js'
import { displayWidth, shortened } from './display-width.js'

/** Columns between two cells. */
const GAP = 2
/** A shortened column keeps this width as long as another one can still give. */
const LEGIBLE = 8
/** The same for times: `12-02 14:02Z`. */
const TIME = 12
const MINUTES = '2026-12-02T14:02Z'.length

/** Returns `table` with its cells and headings shortened so that each line takes at most `available` columns, as far as that is possible. */
export function fitTable(full: Table, available: number): Table {
  const table = withoutUsual(full)
  const columns = columnsOf(table)
  const natural = naturalWidths(table)
  const widths = fittedWidths(columns, natural, available)
  if (widths.every((width, i) => width === natural[i])) return table
  return {
    columns: columns.map((column, i) => ({ ...column, title: shortened(column.title, widths[i] ?? 0) })),
    rows: table.rows.map((row) =>
      row.map((value, i) => cut(String(value), widths[i] ?? 0, columns[i] ?? { title: '' })),
    ),
  }
}

/** Returns the table without the columns that only say what is usual. */
function withoutUsual(table: Table): Table {
  const columns = columnsOf(table)
  const shown = columns.map(({ usual }, i) => usual === undefined || table.rows.some((row) => row[i] !== usual))
  if (shown.every((is) => is)) return table
  return {
    columns: columns.filter((_, i) => shown[i]),
    rows: table.rows.map((row) => row.filter((_, i) => shown[i])),
  }
}

/** Returns a cell in at most `width` columns. */
function cut(text: string, width: number, { cut: part }: Column): string {
  if (displayWidth(text) <= width) return text
  if (part !== 'time') return shortened(text, width, part)
  const [, year, day, minutes] = /^(\d{4}-)(\d\d-\d\d)T(\d\d:\d\d):\d\dZ$/.exec(text) ?? []
  if (year === undefined || width < TIME) return shortened(text, width)
  return width < MINUTES ? `${day} ${minutes}Z` : `${year}${day}T${minutes}Z`
}

/** Returns the width of each column, at least 1. */
export function fittedWidths(
  columns: readonly Column[],
  natural: readonly number[],
  available: number,
): readonly number[] {
  const widths = [...natural]
  let excess = natural.reduce((sum, width) => sum + width, 0) + GAP * (columns.length - 1) - available
  const legible = columns.map((column) => (column.cut === 'time' ? TIME : LEGIBLE))
  const titles = columns.map(({ title }) => displayWidth(title))
  const floors = [
    (i: number): number => Math.max(legible[i] ?? 1, titles[i] ?? 1),
    (i: number): number => legible[i] ?? 1,
    (): number => 1,
  ]
  for (const floorOf of floors)
    for (const rank of [1, 2, 3] as const) {
      const own = columns.flatMap((c, i) => (rankOf(c) === rank ? [i] : []))
      excess = shrink(widths, own, floorOf, excess)
    }
  return widths
}

/** Caps the columns `own` at the widest level that takes away `excess`, never below their floor. Returns what is left of it. */
function shrink(widths: number[], own: readonly number[], floorOf: (i: number) => number, excess: number): number {
  const width = (i: number): number => widths[i] ?? 0
  const capped = (i: number, level: number): number => Math.min(width(i), Math.max(floorOf(i), level))
  const saved = (level: number): number => own.reduce((sum, i) => sum + width(i) - capped(i, level), 0)
  let level = Math.max(0, ...own.map(width))
  while (level > 0 && saved(level) < excess) level -= 1
  const left = excess - saved(level)
  for (const i of own) widths[i] = capped(i, level)
  return left
}
