/** The rows of a change as a table: `+` added, `-` removed, `~` changed; the same before (`--dry-run`) and after it. */
import type { ChangeItem, ChangeRow } from '../../app/changes/change-row.js'
import { counted } from './endings.js'
import type { Theme } from './theme.js'

const WORDS: Readonly<Record<ChangeItem, string>> = {
  ca: 'CA',
  parent: 'parent',
  child: 'child',
  repository: 'repository',
  roa: 'ROA',
  aspa: 'ASPA',
  router: 'router key',
  certificate: 'certificate',
  key: 'key',
  publisher: 'publisher',
  object: 'object',
  rrdp: 'RRDP',
  group: 'group',
  commands: 'commands',
  objects: 'objects',
  file: 'file',
  backup: 'backup',
}

const MARKS = { add: '+', remove: '-', update: '~' } as const

/** Returns the table, capped on a terminal; '' for no rows. */
export function changesView(rows: readonly ChangeRow[], theme: Theme): string {
  const tones = { add: theme.good, remove: theme.bad, update: theme.caution }
  const shown = rows.slice(0, theme.maxRows)
  const table = theme.table({
    columns: [
      { title: '', rank: 'whole' },
      { title: 'WHAT', rank: 3 },
      { title: 'OF', cut: 'middle' },
      { title: 'NAME', rank: 3, cut: 'middle' },
      { title: 'DETAIL', rank: 1 },
    ],
    rows: shown.map((row) =>
      [MARKS[row.change], WORDS[row.item], row.of ?? '', row.name, detailOf(row)].map(tones[row.change]),
    ),
  })
  const left = rows.length - shown.length
  return left === 0
    ? table
    : `${table}\n${theme.dim(`... and ${counted(left, 'more row', 'more rows')}: --json lists them all`)}`
}

/** Returns `before -> after`, or what there is of it, with the note. A hash says nothing to a reader. */
function detailOf({ item, before, after, note }: ChangeRow): string {
  const values = item === 'object' ? [] : [before, after].filter((value) => value !== null && value !== '')
  return [values.join(' -> '), note === null ? '' : `# ${note}`].filter((part) => part !== '').join('  ')
}

/** Returns the table with the ending of the change below it. */
export function changedView(rows: readonly ChangeRow[], ending: string, theme: Theme): string {
  const table = changesView(rows, theme)
  return table === '' ? ending : `${table}\n${ending}`
}
