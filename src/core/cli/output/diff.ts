/** Renders what changed between two points of a history: by command, in words and values; `--json` has every path. */
import type { Change, DiffReport } from '../../app/proof/states.js'
import type { Json } from '../../base/json.js'
import { counted } from './endings.js'
import { pathMembers, placeText } from './places.js'
import type { Theme } from './theme.js'
import { briefValue } from './values.js'

/** Lines of one kind below a command; `--json` has all of them. */
const SHOWN = 20

/** Renders each command with what it changed, ROAs first. */
export function diffView(report: DiffReport, theme: Theme): string {
  const sequences = [...new Set(report.changes.map(({ sequence }) => sequence))].sort((a, b) => a - b)
  const lines = sequences.flatMap((sequence) => {
    const own = report.changes.filter((change) => change.sequence === sequence)
    const derived = own.filter(isDerived)
    const others = own.filter((change) => !isRoa(change) && !isDerived(change))
    return [
      heading(report, sequence, own[0], theme),
      ...changeLines(own.filter(isRoa), 'ROA', theme),
      ...changeLines(others, 'value', theme),
      ...(derived.length === 0 ? [] : [theme.dim(`  ~ manifest and CRL, ${counted(derived.length, 'value')}`)]),
    ]
  })
  return [...lines, report.sentence].join('\n')
}

function isRoa({ path }: Change): boolean {
  return pathMembers(path)[0] === 'roas'
}

/** Returns one line for each change, at most `SHOWN`, and how many more there are. */
function changeLines(changes: readonly Change[], what: string, theme: Theme): readonly string[] {
  const left = changes.length - SHOWN
  const lines = changes.slice(0, SHOWN).map((change) => changeLine(change, theme))
  return left <= 0 ? lines : [...lines, theme.dim(`  ... and ${counted(left, `more ${what}`)}: --json lists them all`)]
}

/** Returns true for what every manifest and CRL brings along: their hashes, serials, times and revocations. */
function isDerived({ path }: Change): boolean {
  const members = pathMembers(path)
  const point = members.indexOf('point')
  return point >= 0 && /^(crl|manifest|nextUpdate|thisUpdate|revoked)$/.test(members[point + 1] ?? '')
}

function heading(report: DiffReport, sequence: number, change: Change | undefined, theme: Theme): string {
  const command = report.commands.find((one) => one.sequence === sequence)
  const reason = change?.reason ?? null
  const why = reason === null ? '' : `: ${reason}`
  const what = [command?.type ?? '', command?.summary ?? ''].filter((text) => text !== '').join('  ')
  return theme.bold(`seq ${sequence}  ${command?.at ?? ''}  ${what}  by ${change?.actor ?? ''}${why}`)
}

function changeLine(one: Change, theme: Theme): string {
  const { path, change, before, after } = one
  const place = placeText(path)
  const value = (json: Json): string => (isRoa(one) ? roaNote(json) : briefValue(json))
  if (change === 'added') return theme.good(`  + ${place}  ${value(after)}`.trimEnd())
  if (change === 'removed') return theme.bad(`  - ${place}  ${value(before)}`.trimEnd())
  return theme.caution(`  ~ ${place}  ${briefValue(before)} -> ${briefValue(after)}`)
}

/** Returns the note of a ROA: its place names all the rest. */
function roaNote(value: Json): string {
  const comment: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'comment') : null
  return typeof comment === 'string' ? `# ${comment}` : ''
}
