/** Parts of a message in BER, which peers send, and the parts of it that must be DER. Depth, number of elements and lengths are bounded by the reader in `der/`. */
import { compareBytes, concat } from '../../base/bytes.js'
import { createFindings, type FindingList, type ObjectFinding } from '../../der/findings.js'
import { childrenOf, constructedTag, contentOf, type DerNode, parseDer, rawOf, TAG, toDer } from '../../der/reader.js'
import { encode, raw } from '../../der/writer.js'

/**
 * Returns the content of an OCTET STRING, primitive or in primitive parts (X.690 section 8.7.3); undefined for anything else. Parts that have
 * parts themselves are legal, made by no encoder in use, and refused: they would multiply the work of reading.
 */
export function octetsOf(node: DerNode | undefined): Uint8Array | undefined {
  if (node === undefined) return undefined
  if (node.tag === TAG.octetString) return contentOf(node)
  if (node.tag !== CONSTRUCTED) return undefined
  const parts = childrenOf(node, CONSTRUCTED)
  return parts.every(({ tag }) => tag === TAG.octetString) ? concat(parts.map(contentOf)) : undefined
}

/** An OCTET STRING in parts. */
const CONSTRUCTED = TAG.octetString | 0x20

/** Returns the members of `[0]` as a SET OF in DER: in their order, and once more sorted where that differs (X.690 section 11.6). */
export function asSetOf(node: DerNode): readonly Uint8Array[] {
  const members = childrenOf(node, constructedTag(0)).map((member) => toDer(member))
  const [wire, sorted] = [members, [...members].sort(compareBytes)].map(setOf)
  if (wire === undefined || sorted === undefined) return []
  return compareBytes(wire, sorted) === 0 ? [wire] : [wire, sorted]
}

function setOf(members: readonly Uint8Array[]): Uint8Array {
  const content = concat(members)
  return encode({ tag: TAG.set, content: [raw(content)], size: content.length })
}

/** Elements of a message: indefinite lengths are read again for each level around them. Content of 64 MB in parts of 1,000 octets has 67,000. */
const MOST_ELEMENTS = 100_000

/** Reads a message. BER is one tolerated finding with the number of its places; what is no ASN.1 at all is broken. */
export function parseBer(bytes: Uint8Array, findings: FindingList): DerNode | undefined {
  const found = createFindings()
  const node = parseDer(bytes, found, MOST_ELEMENTS)
  const all = found.all()
  for (const finding of all) if (!isTolerable(finding)) findings.add(finding.rule, finding.message)
  const [first] = all.filter(isTolerable)
  if (first !== undefined)
    findings.tolerate(
      first.rule,
      `the encoding is not DER in ${all.filter(isTolerable).length} places: ${first.message}`,
    )
  return node
}

/** Characters of names are checked by none of the peers, and no decision depends on a name. */
function isTolerable({ rule, tolerated }: ObjectFinding): boolean {
  return tolerated === true || rule.startsWith('X.680 section 41')
}

/** Adds the departures of an element from DER. `forms: 'lengths'` refuses only BER lengths and constructed strings (X.690 section 10), `all` everything. */
export function checkDer(node: DerNode, what: string, forms: 'lengths' | 'all', findings: FindingList): void {
  const found = createFindings()
  parseDer(rawOf(node), found)
  for (const finding of found.all()) {
    const { rule, message } = finding
    const isRefused = rule.startsWith('X.690') && (forms === 'all' || rule.startsWith('X.690 section 10.'))
    if (isRefused) findings.add(rule, `${what} is not DER: ${message}`)
    else if (isTolerable(finding)) findings.tolerate(rule, `${what}: ${message}`)
    else findings.add(rule, `${what}: ${message}`)
  }
}
