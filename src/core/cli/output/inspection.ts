/** Formats one inspected object: its fields as indented lines, then one line per finding. */
import type { InspectReport } from '../../app/operations/inspect.js'
import type { Json } from '../../base/json.js'
import { findingsView } from './findings.js'
import type { Theme } from './theme.js'

type Inspected = InspectReport['files'][number]

/** Longest list that is shown in full; `--json` always has all of it. */
const SHOWN = 20

export function inspectionView(file: Inspected, theme: Theme): string {
  const verdict = file.faults.length === 0 ? theme.good('no faults') : theme.bad(verdictOf(file))
  const lines = [
    `${theme.bold(file.file)}: ${file.type}, ${file.size} bytes, ${verdict}`,
    ...fieldLines(file.fields, 1),
  ]
  if (file.ee !== undefined) lines.push('  EE certificate', ...fieldLines(file.ee, 2))
  const faults = findingsView(
    file.faults.map((f) => ({ place: file.file, section: f.rule, message: f.message })),
    theme,
  )
  return faults === '' ? lines.join('\n') : `${lines.join('\n')}\n${faults}`
}

function verdictOf(file: Inspected): string {
  const n = file.faults.length
  const count = n === 1 ? '1 fault' : `${n} faults`
  return file.accepted ? `${count}, tolerated by validators` : count
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
  const lines = list.slice(0, SHOWN).map((item) => indent(depth, oneLine(item)))
  return list.length > SHOWN ? [...lines, indent(depth, `... and ${list.length - SHOWN} more`)] : lines
}

function oneLine(item: Json): string {
  if (item === null || typeof item !== 'object') return String(item)
  return Object.values(item)
    .map((v) => (typeof v === 'object' && v !== null ? JSON.stringify(v) : String(v)))
    .join('  ')
}

function indent(depth: number, text: string): string {
  return `${'  '.repeat(depth)}${text}`
}
