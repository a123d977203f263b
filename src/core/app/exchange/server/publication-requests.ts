/**
 * The requests of one publisher (RFC 8181 sections 2.2 and 2.3) on the state of the publication server: what it publishes, and whether a delta
 * can be carried out. Pure: nothing is changed here.
 */
import { entry, sortedEntries } from '../../../base/record.js'
import { quoted } from '../../../base/text.js'
import type {
  Pdu,
  PublicationError,
  PublicationErrorCode,
  PublishedObject,
} from '../../../protocols/publication/types.js'
import { contentOf } from '../../../pubd/staged.js'
import type { Publisher } from '../../../pubd/state.js'
import { nameBelow } from '../../../pubd/uri.js'

/** Errors that one answer reports: every one of them repeats its PDU. */
const MAX_ERRORS = 100

/** A PDU with its name below the base of the publisher. */
export interface NamedPdu {
  readonly pdu: Pdu
  readonly name: string
}

type Content = Pick<Publisher, 'base' | 'objects'>

export type DeltaReview =
  | { readonly errors: readonly PublicationError[] }
  | { readonly errors?: never; readonly named: readonly NamedPdu[] }

/** Returns what the publisher publishes, and what waits for the next RRDP delta, sorted by URI. */
export function listObjects(publisher: Publisher): readonly PublishedObject[] {
  const { base } = publisher
  return sortedEntries(contentOf(publisher)).map(([name, { sha256: hash }]) => ({ uri: base + name, hash }))
}

/** Reviews a delta as a whole: with one error, none of its PDUs may be carried out. */
export function reviewDelta(known: Publisher, pdus: readonly Pdu[]): DeltaReview {
  const publisher = { base: known.base, objects: contentOf(known) }
  const errors: PublicationError[] = []
  const named: NamedPdu[] = []
  const seen = new Set<string>()
  for (const pdu of pdus) {
    const name = nameOf(publisher, pdu)
    const error = name === undefined ? outside(publisher, pdu) : errorOf(publisher, pdu, name, seen)
    if (name !== undefined) {
      seen.add(name)
      named.push({ pdu, name })
    }
    if (error !== undefined) errors.push(error)
  }
  if (errors.length === 0) errors.push(...conflicts(publisher, named))
  return errors.length === 0 ? { named } : { errors: errors.slice(0, MAX_ERRORS) }
}

/** Returns the name of a URI that is written exactly as it is listed: else a list would show another URI than was sent. */
function nameOf({ base }: Content, { uri }: Pdu): string | undefined {
  const name = nameBelow(base, uri)
  return name !== undefined && base + name === uri ? name : undefined
}

function outside({ base }: Content, pdu: Pdu): PublicationError {
  return failed('permission_failure', pdu, `${quoted(pdu.uri, 200)} is no URI that may be published below ${base}`)
}

function errorOf(
  { objects }: Content,
  pdu: Pdu,
  name: string,
  seen: ReadonlySet<string>,
): PublicationError | undefined {
  if (seen.has(name)) return failed('consistency_problem', pdu, `${name} is named twice in one query`)
  const held = entry(objects, name)
  if (pdu.hash === undefined)
    return held === undefined
      ? undefined
      : failed(
          'object_already_present',
          pdu,
          `${name} is published with the hash ${held.sha256}; give it to replace it`,
        )
  if (held === undefined) return failed('no_object_present', pdu, `${name} is not published`)
  return held.sha256 === pdu.hash
    ? undefined
    : failed('no_object_matching_hash', pdu, `${name} is published with the hash ${held.sha256}`)
}

/** A name cannot be an object and a folder at once. */
function conflicts({ objects }: Content, named: readonly NamedPdu[]): readonly PublicationError[] {
  const names = new Set(Object.keys(objects))
  for (const { pdu, name } of named)
    if (pdu.kind === 'publish') names.add(name)
    else names.delete(name)
  const folders = new Set([...names].flatMap(foldersOf))
  return named.flatMap(({ pdu, name }) => {
    if (pdu.kind !== 'publish') return []
    const file = foldersOf(name).find((folder) => names.has(folder))
    if (file !== undefined) return [failed('consistency_problem', pdu, `${file} is an object, not a folder`)]
    return folders.has(name) ? [failed('consistency_problem', pdu, `${name} is a folder of other objects`)] : []
  })
}

function foldersOf(name: string): readonly string[] {
  const parts = name.split('/')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
}

function failed(code: PublicationErrorCode, pdu: Pdu, text: string): PublicationError {
  return { code, ...(pdu.tag === undefined || pdu.tag === '' ? {} : { tag: pdu.tag }), text, failedPdu: pdu }
}
