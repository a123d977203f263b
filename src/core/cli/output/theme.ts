/**
 * Appearance of views: colour and tables that fit the screen on a terminal, plain aligned text with everything elsewhere.
 * Invariant: chalk and cli-table3 are loaded for a terminal only, so that scripts do not pay for them.
 */
import { plainTable, type Table } from './table.js'

type Style = (text: string) => string

export interface Theme {
  readonly bold: Style
  readonly dim: Style
  readonly good: Style
  readonly caution: Style
  readonly bad: Style
  /** Returns rows under headings, without a final line break; '' for a table without rows. */
  readonly table: (table: Table) => string
  /** Completes the commands in a text with the flags of the command line, so that they can be pasted. */
  readonly paste: Style
  /** Longest list of rows that a screen shows of one change; a pipe shows all. */
  readonly maxRows: number
  /** Width of the terminal; 80 if it is unknown, and on a pipe. */
  readonly columns: number
  /** True if the terminal shows UTF-8; a pipe gets ASCII. */
  readonly isUnicode: boolean
}

export interface Screen {
  readonly isTerminal: boolean
  /** Width of the terminal; 0 or undefined if it is unknown. */
  readonly columns?: number | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

/** About two screens. */
const MAX_ROWS = 50
const DEFAULT_COLUMNS = 80

const same: Style = (text) => text

export const plainTheme: Theme = {
  bold: same,
  dim: same,
  good: same,
  caution: same,
  bad: same,
  table: plainTable,
  paste: same,
  maxRows: Infinity,
  columns: DEFAULT_COLUMNS,
  isUnicode: false,
}

/** Returns true if text on this stream has colour: a terminal, unless `NO_COLOR` (not empty) or `TERM=dumb` turn it off. */
export function isColoured(stream: { readonly isTTY?: boolean }, env: Screen['env']): boolean {
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
}

/** Returns true if the locale of the environment is one of UTF-8. The first of the three variables that is set counts (POSIX, chapter 8). */
function isUtf8(env: Screen['env']): boolean {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find((value) => (value ?? '') !== '')
  return /utf-?8/i.test(locale ?? '')
}

/** Returns the theme for standard output. `NO_COLOR` (not empty) and `TERM=dumb` turn colour off. */
export async function themeFor({ isTerminal, env, columns }: Screen): Promise<Theme> {
  if (!isTerminal) return plainTheme
  const [{ Chalk }, { ruledTable }] = await Promise.all([import('chalk'), import('../terminal/ruled-table.js')])
  const colour = isColoured({ isTTY: isTerminal }, env)
  const chalk = new Chalk({ level: colour ? 1 : 0 })
  return {
    bold: (text) => chalk.bold(text),
    dim: (text) => chalk.dim(text),
    good: (text) => chalk.green(text),
    caution: (text) => chalk.yellow(text),
    bad: (text) => chalk.red(text),
    table: (table) => ruledTable(table, (text) => chalk.bold(text), columns || DEFAULT_COLUMNS),
    paste: same,
    maxRows: MAX_ROWS,
    columns: columns || DEFAULT_COLUMNS,
    isUnicode: isUtf8(env),
  }
}
