/** ASPA payloads (draft-ietf-sidrops-aspa-profile) as text and as names. Invariant: providers ascend, each once, so one payload has one text. */
import type { Violation } from '../base/errors.js'
import { quoted } from '../base/text.js'
import { formatAsn, parseAsn } from './asn.js'
import { isRoaComment } from './roa-payload.js'

export interface AspaPayload {
  readonly customer: number
  readonly providers: readonly number[]
}

/** A payload with its author's comment. */
export interface AspaNote {
  readonly payload: AspaPayload
  readonly comment?: string
}

export type ParsedAspa = { readonly ok: AspaNote } | { readonly faults: readonly Violation[] }

/** Providers of one ASPA that every validator reads: rpki-client refuses 10,000 and says `more than 10000`. */
export const MAX_PROVIDERS = 9_999

/** So many providers of ten digits, and a comment. */
const MAX_TEXT = MAX_PROVIDERS * 16
const FORMS = 'an ASPA is "AS64496 => AS64497, AS64498 # note" or AS64496=AS64497,AS64498'

/**
 * Parses `64496 => 64497, 64498 # note` or `AS64496=AS64497,AS64498`, and sorts the providers. Returns all violations: `aspa-syntax`,
 * `aspa-asn-invalid` and those of `checkProviders`.
 */
export function parseAspaPayload(text: string): ParsedAspa {
  if (text.length > MAX_TEXT) return syntax(text, `it is longer than ${MAX_TEXT} characters`)
  const hash = text.indexOf('#')
  const comment = hash < 0 ? '' : text.slice(hash + 1).trim()
  if (!isRoaComment(comment))
    return syntax(text, 'a comment is one line without control characters and direction marks')
  // what is left of `C => P` without quotes: the shell has opened a file named P
  if (text === '=') return syntax(text, 'the shell took the > of =>: quote the ASPA, or write CUSTOMER=PROVIDER')
  const sides = /^([^=]*)=>?([^=>]*)$/s.exec(hash < 0 ? text : text.slice(0, hash))
  if (sides === null) return syntax(text, FORMS)
  const faults: Violation[] = []
  const read = (word: string): readonly number[] => {
    const asn = parseAsn(word.trim())
    if (asn !== undefined) return [asn]
    faults.push(aspaFault('aspa-asn-invalid', text, `${quoted(word.trim())} is not an AS number from 0 to 4294967295`))
    return []
  }
  const [customer] = read(sides[1] ?? '')
  const listed = (sides[2] ?? '').trim() === '' ? [] : (sides[2] ?? '').split(',').flatMap(read)
  if (customer !== undefined && faults.length === 0) faults.push(...checkProviders(customer, listed))
  if (customer === undefined || faults.length > 0) return { faults }
  const payload = { customer, providers: sorted(listed) }
  return { ok: comment === '' ? { payload } : { payload, comment } }
}

/**
 * Returns every violation of a list of providers, in any order: `aspa-customer-zero`, `aspa-empty`, `aspa-provider-duplicate`,
 * `aspa-customer-provider`, `aspa-as0` (AS0 means that there is no provider) and `aspa-too-many-providers`.
 */
export function checkProviders(customer: number, providers: readonly number[]): readonly Violation[] {
  const found: Violation[] = []
  const fault = (code: string, reason: string): void =>
    void found.push({ code, message: `${formatAsn(customer)}: ${reason}`, details: { customer } })
  if (customer === 0) fault('aspa-customer-zero', 'AS0 is no network and has no providers')
  if (providers.length === 0) fault('aspa-empty', 'no providers; AS0 alone says that it has none')
  if (providers.length > MAX_PROVIDERS)
    fault('aspa-too-many-providers', `${providers.length} providers, validators read at most ${MAX_PROVIDERS}`)
  else
    for (const asn of repeated(providers))
      fault('aspa-provider-duplicate', `provider ${formatAsn(asn)} is listed twice`)
  if (customer !== 0 && providers.includes(customer)) fault('aspa-customer-provider', 'it is among its own providers')
  if (providers.includes(0) && new Set(providers).size > 1)
    fault('aspa-as0', 'AS0 says that there is no provider, and is listed with others')
  return found
}

/** Returns the AS numbers that stand in a list more than once, in the order of their repetition. */
function repeated(asns: readonly number[]): ReadonlySet<number> {
  const seen = new Set<number>()
  return new Set(asns.filter((asn) => seen.size === seen.add(asn).size))
}

function syntax(text: string, reason: string): ParsedAspa {
  return { faults: [aspaFault('aspa-syntax', text, reason)] }
}

function aspaFault(code: string, text: string, reason: string): Violation {
  return { code, message: `invalid ASPA ${quoted(text)}: ${reason}`, details: { aspa: text.slice(0, 80) } }
}

/** Returns the AS numbers in ascending order. */
export function sorted(asns: readonly number[]): readonly number[] {
  return [...asns].sort((a, b) => a - b)
}

/** Returns `AS64497, AS64498`. */
export function formatProviders(providers: readonly number[]): string {
  return providers.map(formatAsn).join(', ')
}

/** Returns `AS64496 => AS64497, AS64498`, as commands take it. */
export function formatAspa({ customer, providers }: AspaPayload): string {
  return `${formatAsn(customer)} => ${formatProviders(providers)}`
}

/** Returns the file name of the ASPA object of a customer AS: `AS64496.asa`. */
export function aspaFileName(customer: number): string {
  return `${formatAsn(customer)}.asa`
}
