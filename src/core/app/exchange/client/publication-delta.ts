/**
 * The difference between what a repository lists and what a CA wants published, as PDUs of one delta (RFC 8181 section 2.2), and what an
 * answer refuses of it. Pure.
 */
import type { Pdu, PublicationError, PublishedObject } from '../../../protocols/publication/types.js'
import { nameBelow } from '../../../pubd/uri.js'

/** A file that the CA wants published; its name is relative to the base. */
export interface WantedFile {
  readonly name: string
  readonly sha256: string
}

/**
 * Returns the PDUs that make the content below `base` exactly `wanted`: compared by hash, sorted by URI, tagged with the hash of the object.
 * Listed URIs that are not below `base` are left alone, and those of no object (`..`, `%2e`, controls): to withdraw one would have the whole
 * delta refused, each time. `bytes` returns an object by its hash.
 */
export function deltaPdus(
  base: string,
  listed: readonly PublishedObject[],
  wanted: readonly WantedFile[],
  bytes: (file: WantedFile) => Uint8Array,
): readonly Pdu[] {
  const held = new Map(listed.map((object) => [comparable(object.uri), object]))
  const kept = new Set<string>()
  const pdus: Pdu[] = []
  for (const file of wanted) {
    const key = comparable(base + file.name)
    kept.add(key)
    const there = held.get(key)
    if (there?.hash === file.sha256) continue
    // the URI as the server wrote it, since it may compare texts
    const { uri = base + file.name, hash } = there ?? {}
    const replaced = hash === undefined ? {} : { hash }
    pdus.push({ kind: 'publish', tag: file.sha256, uri, ...replaced, bytes: bytes(file) })
  }
  for (const [key, { uri, hash }] of held)
    if (!kept.has(key) && nameBelow(base, uri) !== undefined) pdus.push({ kind: 'withdraw', tag: hash, uri, hash })
  return pdus.sort((a, b) => (a.uri < b.uri ? -1 : 1))
}

/** Returns a URI with scheme and host in lower case (RFC 3986 section 6.2.2.1). */
function comparable(uri: string): string {
  const end = uri.indexOf('/', 'rsync://'.length)
  return end < 0 ? uri : uri.slice(0, end).toLowerCase() + uri.slice(end)
}

/**
 * Returns the PDU that an error is about: the only one with its tag, else that with the URI of its failed_pdu, else undefined. Servers echo
 * either, both or none; objects of equal content have one tag.
 */
export function refusedPdu(pdus: readonly Pdu[], { tag, failedPdu }: PublicationError): Pdu | undefined {
  const tagged = tag === undefined || tag === '' ? [] : pdus.filter((pdu) => pdu.tag === tag)
  const among = tagged.length === 0 ? pdus : tagged
  if (tagged.length === 1) return tagged[0]
  return failedPdu === undefined ? undefined : among.find(({ uri }) => comparable(uri) === comparable(failedPdu.uri))
}

/** Returns the errors of an answer in one line: code, URI and explanation of up to three of them. */
export function refusalText(pdus: readonly Pdu[], errors: readonly PublicationError[]): string {
  const lines = errors.slice(0, 3).map((error) => {
    const pdu = refusedPdu(pdus, error)
    const about = pdu === undefined ? '' : ` for ${pdu.uri}`
    return `${error.code}${about}${error.text === undefined ? '' : `: ${error.text.slice(0, 300)}`}`
  })
  const more = errors.length - lines.length
  return `${lines.join('; ')}${more > 0 ? `; and ${more} more` : ''}`
}
