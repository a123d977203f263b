/**
 * ASPAs of desired state: by customer AS (`AS64496`), what each says as text, `AS64497, AS64498 # comment`.
 * Invariant: the same providers and comment have the same text, and `aspaOf` returns them for it.
 */
import type { Violation } from '../base/errors.js'
import { described, isTable } from '../config/tables.js'
import { formatAsn, parseAsn } from '../resources/asn.js'
import {
  type AspaNote,
  checkProviders,
  formatProviders,
  type ParsedAspa,
  parseAspaPayload,
  sorted,
} from '../resources/aspa-payload.js'
import { isRoaComment } from '../resources/roa-payload.js'
import type { Findings } from './findings.js'
import type { Path } from './source.js'

const KEYS = ['customer', 'providers', 'comment']

/** Returns what an ASPA says of its customer. */
export function aspaText(providers: readonly number[], comment: string | null | undefined): string {
  const text = formatProviders(providers)
  return comment === null || comment === undefined ? text : `${text} # ${comment}`
}

/** Returns the ASPA of an entry. Throws a TypeError for one that no reader of this folder made. */
export function aspaOf(customer: string, text: string): AspaNote {
  const parsed = parseAspaPayload(`${customer} => ${text}`)
  if ('ok' in parsed) return parsed.ok
  throw new TypeError(`no ASPA: ${customer} => ${text}`)
}

/** Returns customers in the order of `aspa list`: by number. */
export function sortedCustomers(customers: Iterable<string>): readonly string[] {
  return [...customers].sort((a, b) => (parseAsn(a) ?? 0) - (parseAsn(b) ?? 0))
}

/** Reads ASPAs as text `AS64496 => AS64497, AS64498 # comment` or as rows. */
export function readAspas(path: Path, raw: unknown, findings: Findings): ReadonlyMap<string, string> {
  const aspas = new Map<string, string>()
  for (const [index, item] of findings.list(path, raw).entries()) {
    const at: Path = [...path, index]
    const parsed = typeof item === 'string' ? parseAspaPayload(item) : readRow(item, at, findings)
    if ('faults' in parsed) {
      for (const { code, message } of parsed.faults) findings.add(at, code, message)
      continue
    }
    const { payload, comment } = parsed.ok
    const customer = formatAsn(payload.customer)
    if (aspas.has(customer)) findings.add(at, 'state-duplicate', `${customer} is in the list twice`)
    aspas.set(customer, aspaText(payload.providers, comment))
  }
  return aspas
}

function readRow(item: unknown, path: Path, findings: Findings): ParsedAspa {
  if (!isTable(item)) return faulty(`an ASPA must be a string or a table, not ${described(item)}`)
  findings.unknownKeys(path, item, KEYS)
  const { customer, providers, comment } = item
  const asn = asnOf(customer)
  if (asn === undefined) return faulty(`customer must be an AS number, not ${described(customer)}`)
  const listed = Array.isArray(providers) ? providers.map(asnOf) : undefined
  if (listed === undefined || !listed.every((one) => one !== undefined))
    return faulty('providers must be a list of AS numbers')
  if (comment !== undefined && (typeof comment !== 'string' || !isRoaComment(comment)))
    return faulty('a comment is one line without control characters and direction marks')
  const faults = checkProviders(asn, listed)
  if (faults.length > 0) return { faults }
  const note = comment === undefined || comment.trim() === '' ? {} : { comment: comment.trim() }
  return { ok: { payload: { customer: asn, providers: sorted(listed) }, ...note } }
}

/** Returns an AS number of a row: a number, or text as in a command. */
function asnOf(value: unknown): number | undefined {
  return typeof value === 'number' || typeof value === 'string' ? parseAsn(String(value)) : undefined
}

function faulty(message: string): { readonly faults: readonly Violation[] } {
  return { faults: [{ code: 'state-type', message }] }
}
