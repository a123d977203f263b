/** Values of history as text: members on lines of their own, small ones on one line, resources and times as users write them. */
import type { Json } from '../../base/json.js'
import { storedResourceLine } from '../../resources/resource-set.js'

/** Longest text of an object or a list that stays on one line. */
const ONE_LINE = 100
/** Longest member of a value that is shortened. */
const SHORT = 50
/** Keys, certificates and requests in base64 are longer; hashes and handles are not. */
const LONGEST_WORD = 255

type Members = Readonly<Record<string, Json>>

/** Returns a value on one line: `AS64496, 10.0.0.0/8`, `asn 64496, prefix 10.0.0.0/8`, `none`. */
export function inlineValue(value: Json): string {
  if (value === null) return 'none'
  if (typeof value !== 'object') return wordOf(String(value))
  if (Array.isArray(value)) return (value as readonly Json[]).map(inlineValue).join('; ') || 'none'
  const resources = storedResourceLine(value)
  if (resources !== undefined) return resources
  const members = Object.entries(value as Members)
  return members.map(([key, member]) => `${key} ${inlineValue(member)}`).join(', ') || 'none'
}

/** Returns a value on one line of limited length: long lists and objects in it as the number of their entries, long words cut. */
export function briefValue(value: Json): string {
  const text = inlineValue(value)
  if (text.length <= ONE_LINE) return text
  if (value === null || typeof value !== 'object') return `${text.slice(0, ONE_LINE)}…`
  if (Array.isArray(value) || storedResourceLine(value) !== undefined) return countText(value)
  const parts = Object.entries(value as Members).map(([key, member]) => `${key} ${shortMember(member)}`)
  let shown = parts.length
  while (shown > 1 && parts.slice(0, shown).join(', ').length > ONE_LINE) shown -= 1
  const left = parts.length - shown
  return `${parts.slice(0, shown).join(', ')}${left === 0 ? '' : `, and ${left} more`}`
}

function shortMember(member: Json): string {
  const text = inlineValue(member)
  if (text.length <= SHORT) return text
  return member !== null && typeof member === 'object' ? countText(member) : `${text.slice(0, SHORT)}…`
}

function countText(value: Exclude<Json, null | string | number | boolean>): string {
  const number = Array.isArray(value) ? value.length : Object.keys(value).length
  return `(${number} ${number === 1 ? 'entry' : 'entries'})`
}

/** Returns the members of a value as indented lines, without those in `hidden`. */
export function memberLines(value: Json, depth: number, hidden: readonly string[] = []): readonly string[] {
  if (value === null || typeof value !== 'object') return [`${indent(depth)}${inlineValue(value)}`]
  const entries = Object.entries(value as Members).filter(([key]) => !hidden.includes(key))
  const longest = entries.reduce((most, [key]) => Math.max(most, key.length), 0)
  return entries.flatMap(([key, member]) => {
    const name = Array.isArray(value) ? '-' : key
    const text = inlineValue(member)
    if (isSmall(member, text)) return [`${indent(depth)}${Array.isArray(value) ? '-' : name.padEnd(longest)}  ${text}`]
    return [`${indent(depth)}${name}`, ...memberLines(member, depth + 1)]
  })
}

function isSmall(member: Json, text: string): boolean {
  return (
    member === null || typeof member !== 'object' || storedResourceLine(member) !== undefined || text.length <= ONE_LINE
  )
}

function wordOf(text: string): string {
  return !/^[\w+/=]+$/.test(text) || text.length <= LONGEST_WORD
    ? text
    : `${text.slice(0, 24)}… (${text.length} characters)`
}

function indent(depth: number): string {
  return '  '.repeat(depth)
}
