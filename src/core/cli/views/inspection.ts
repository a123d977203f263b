/** Formats one inspected object: its fields as indented lines, then one line per finding. */
import type { InspectReport } from '../../app/operations/inspect.js'
import type { Json } from '../../base/json.js'
import { printable } from '../../base/text.js'
import { NOTES, severityOf } from '../../der/findings.js'
import { counted } from '../output/endings.js'
import { findingsView } from '../output/findings.js'
import type { Theme } from '../output/theme.js'

type Inspected = InspectReport['files'][number]

/** Longest list that is shown in full; `--json` always has all of it. */
const SHOWN = 20

/** Names of what peers exchange. */
const EXCHANGED: Readonly<Record<string, string>> = {
  rfc8183: 'RFC 8183 file',
  rfc6492: 'RFC 6492 message',
  rfc8181: 'RFC 8181 message',
  message: 'unreadable message',
  'id-certificate': 'ID certificate',
  'peer-error': 'HTTP error of a peer',
}

export function inspectionView(file: Inspected, theme: Theme): string {
  const lines = [
    `${theme.bold(file.file)}: ${EXCHANGED[file.type] ?? file.type}, ${file.size} bytes, ${verdictLine(file, theme)}`,
    ...fieldLines(file.fields, 1),
  ]
  if ('ee' in file && file.ee !== undefined) lines.push('  EE certificate', ...fieldLines(file.ee, 2))
  const related = Object.entries(file.checkedAgainst ?? {}).map(([what, path]) => `${what} ${path}`)
  if (related.length > 0) lines.push(`  checked against ${related.join(', ')}`)
  const faults = findingsView(
    file.faults.map((f) => ({ place: file.file, section: f.rule, message: `${f.message}${noteOf(f, file)}` })),
    theme,
  )
  return faults === '' ? lines.join('\n') : `${lines.join('\n')}\n${faults}`
}

function noteOf(finding: Inspected['faults'][number], { type }: Inspected): string {
  const severity = severityOf(finding)
  return type in EXCHANGED && severity === 'tolerated' ? ' (accepted)' : NOTES[severity]
}

function verdictLine({ faults, verdict, type }: Inspected, theme: Theme): string {
  const faultCount = faults.filter((f) => severityOf(f) === 'broken').length
  const remarks = counted(faults.length - faultCount, 'remark')
  if (verdict === 'valid') return theme.good('no faults')
  if (verdict === 'untidy')
    return theme.caution(`valid but untidy: ${remarks}, accepted by ${type in EXCHANGED ? 'servers' : 'validators'}`)
  if (verdict === 'refused') return theme.caution(`valid, but refused by rpki-client: ${remarks}`)
  const more = faultCount < faults.length ? `, ${remarks}` : ''
  return theme.bad(`invalid: ${counted(faultCount, 'fault')}${more}`)
}

function fieldLines(value: Json, depth: number): readonly string[] {
  if (value === null || typeof value !== 'object') return [indent(depth, String(value))]
  if (Array.isArray(value)) return listLines(value as readonly Json[], depth)
  return Object.entries(value).flatMap(([key, member]) => memberLines(key, member as Json, depth))
}

function memberLines(key: string, member: Json, depth: number): readonly string[] {
  if (member === null) return []
  if (typeof member !== 'object') return [indent(depth, `${key.padEnd(16)} ${member}`)]
  const inner = fieldLines(member, depth + 1)
  return inner.length === 0 ? [] : [indent(depth, key), ...inner]
}

function listLines(list: readonly Json[], depth: number): readonly string[] {
  const lines = list.slice(0, SHOWN).flatMap((item) => itemLines(item, depth))
  return list.length > SHOWN ? [...lines, indent(depth, `... and ${list.length - SHOWN} more`)] : lines
}

/** An item with parts of its own takes a block, any other a line. */
function itemLines(item: Json, depth: number): readonly string[] {
  const isFlat = item === null || typeof item !== 'object' || !Object.values(item).some(isRecord)
  if (isFlat) return [indent(depth, oneLine(item))]
  return fieldLines(item, depth + 1).map((line, i) => (i === 0 ? indent(depth, `- ${line.trimStart()}`) : line))
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function oneLine(item: Json): string {
  if (item === null || typeof item !== 'object') return String(item)
  return Object.values(item)
    .map((v) => (typeof v === 'object' && v !== null ? JSON.stringify(v) : String(v)))
    .join('  ')
}

function indent(depth: number, text: string): string {
  return `${'  '.repeat(depth)}${printable(text)}`
}
