/**
 * Router keys of desired state: by name (`ROUTER-0000FBF0-<SKI>`), what each says as text, `192.0.2.1 MII… # comment`: BGP Identifier or `-`,
 * base64 of the request, comment.
 * Invariant: the same members have the same text, and `routerOfText` returns them for it.
 */
import { fromBase64 } from '../base/bytes.js'
import { described, isTable } from '../config/tables.js'
import { parseAsn } from '../resources/asn.js'
import { isRoaComment } from '../resources/roa-payload.js'
import { parseRouterId, parseRouterName, routerName } from '../resources/router-names.js'
import { decodeRouterRequest } from '../rpki/router-request.js'
import type { Findings } from './findings.js'
import type { Path } from './source.js'

const KEYS = ['asn', 'request', 'routerId', 'comment']

/** The key of a router as a file has it. */
export interface RouterEntry {
  readonly asn: number
  /** Base64 of the request. */
  readonly request: string
  readonly routerId: string | null
  readonly comment: string | null
}

/** Returns what a router key says besides its name. */
export function routerText({ request, routerId, comment }: Omit<RouterEntry, 'asn'>): string {
  return `${routerId ?? '-'} ${request}${comment === null ? '' : ` # ${comment}`}`
}

/** Returns the text without the request. */
export function withoutRequest(text: string): string {
  return text.replace(/^(\S+) \S+/, '$1')
}

/** Returns the router key of an entry. Throws a TypeError for one that no reader of this folder made. */
export function routerOfText(name: string, text: string): RouterEntry {
  const [, id, request, comment = null] = /^(\S+) (\S+)(?: # (.*))?$/.exec(text) ?? []
  const asn = parseRouterName(name)?.asn
  if (asn === undefined || id === undefined || request === undefined) throw new TypeError(`no router key: ${name}`)
  return { asn, request, routerId: id === '-' ? null : id, comment }
}

/** Returns names in the order of `router list`: by AS, then by key, which their eight digits give. */
export function sortedRouters(names: Iterable<string>): readonly string[] {
  return [...names].sort()
}

/** Reads router keys as rows. */
export function readRouters(path: Path, raw: unknown, findings: Findings): ReadonlyMap<string, string> {
  const routers = new Map<string, string>()
  for (const [index, item] of findings.list(path, raw).entries()) {
    const at: Path = [...path, index]
    const read = readRow(item, at, findings)
    if (read === undefined) continue
    if (routers.has(read.name)) findings.add(at, 'state-duplicate', `${read.name} is in the list twice`)
    routers.set(read.name, routerText(read.entry))
  }
  return routers
}

function readRow(
  item: unknown,
  path: Path,
  findings: Findings,
): { readonly name: string; readonly entry: RouterEntry } | undefined {
  const bad = (message: string, code = 'state-type'): undefined => findings.add(path, code, message) as undefined
  if (!isTable(item)) return bad(`a router key must be a table, not ${described(item)}`)
  findings.unknownKeys(path, item, KEYS)
  const { request, routerId, comment = '' } = item
  const asn =
    typeof item['asn'] === 'number' || typeof item['asn'] === 'string' ? parseAsn(String(item['asn'])) : undefined
  if (asn === undefined) return bad(`asn must be an AS number, not ${described(item['asn'])}`)
  const der = typeof request === 'string' ? fromBase64(request) : undefined
  if (typeof request !== 'string' || der === undefined) return bad('request must be the base64 of a request in DER')
  const { content, findings: faults } = decodeRouterRequest(der)
  for (const { rule, message } of faults) bad(`${rule}: ${message}`, 'router-request-invalid')
  if (routerId !== undefined && (typeof routerId !== 'string' || parseRouterId(routerId) === undefined))
    return bad(`routerId must be a BGP Identifier such as 192.0.2.1, not ${described(routerId)}`)
  if (typeof comment !== 'string' || !isRoaComment(comment))
    return bad('a comment is one line without control characters and direction marks')
  if (content === undefined) return undefined
  const id = routerId ?? content.subject?.routerId ?? null
  const entry = { asn, request, routerId: id, comment: comment.trim() === '' ? null : comment.trim() }
  return { name: routerName(asn, content.ski), entry }
}
