/** Values of history as text: members on lines of their own, small ones on one line, resources and times as users write them. */
import type { Json } from '../../base/json.js'
import { storedResourceLine } from '../../resources/resource-set.js'

/** Longest text of an object or a list that stays on one line. */
const ONE_LINE = 100
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
