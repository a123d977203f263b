/**
 * Signed prefix lists (draft-ietf-sidrops-rpki-prefixlist): every prefix that an AS may originate. Read for inspection only.
 *
 * Section 3 of the draft:
 *
 *     RpkiSignedPrefixList ::= SEQUENCE {
 *       version [0]   INTEGER DEFAULT 0,
 *       asID          ASID,
 *       prefixBlocks  SEQUENCE (SIZE(0..2)) OF AddressFamilyPrefixes }
 *
 *     AddressFamilyPrefixes ::= SEQUENCE {
 *       addressFamily    OCTET STRING,
 *       addressPrefixes  SEQUENCE (SIZE(1..MAX)) OF BIT STRING }
 */
import type { Decoded, ObjectFinding } from '../der/findings.js'
import { createFindings, type FindingList } from '../der/findings.js'
import { type DerNode, parseInner, TAG } from '../der/reader.js'
import { membersOf } from '../der/values.js'
import { comparePrefix, formatPrefix } from '../resources/prefix.js'
import type { Family, Prefix } from '../resources/types.js'
import type { SignedObjectCodec } from './codec.js'
import { readAsid, readVersion } from './signed-object/content-fields.js'
import { readAddress, readFamily } from './x509/decode-resources.js'
import type { CertificateResources } from './x509/types.js'

export interface PrefixListContent {
  readonly asn: number
  readonly prefixes: readonly Prefix[]
}

const RULE = 'SPL profile section 3'

/** Returns the prefix list in `eContent` with every finding. Reads on after a finding. */
export function decodePrefixList(eContent: Uint8Array): Decoded<PrefixListContent> {
  const findings = createFindings()
  const node = parseInner(eContent, 'eContent', findings)
  if (node === undefined) return { content: undefined, findings: findings.all() }
  const parts = [...membersOf(node, { what: 'the prefix list', rule: RULE, tag: TAG.sequence }, findings)]
  readVersion(parts, 0n, RULE, findings)
  const [asNode, blocks, ...more] = parts
  if (more.length > 0) findings.add(RULE, 'an unknown member in the prefix list')
  const asn = readAsid(asNode, RULE, findings)
  const prefixes = readBlocks(blocks, findings)
  if (asn === undefined) return { content: undefined, findings: findings.all() }
  findings.addAll(checkPrefixListContent({ asn, prefixes }))
  return { content: { asn, prefixes }, findings: findings.all() }
}

function readBlocks(list: DerNode | undefined, findings: FindingList): readonly Prefix[] {
  const frame = { what: 'the list of address families', rule: RULE, tag: TAG.sequence, most: 2 }
  const found = new Set<Family>()
  return membersOf(list, frame, findings).flatMap((block) => {
    const blockFrame = { what: 'an address family', rule: RULE, tag: TAG.sequence, least: 2, most: 2 }
    const [familyNode, prefixesNode] = membersOf(block, blockFrame, findings)
    const family = readFamily(familyNode, RULE, RULE, findings)
    const nodes = membersOf(
      prefixesNode,
      { what: 'the list of prefixes', rule: RULE, tag: TAG.sequence, least: 1 },
      findings,
    )
    if (family === undefined) return []
    if (found.has(family)) findings.add(RULE, `IPv${family} appears twice`)
    found.add(family)
    return nodes.flatMap((part) => {
      const prefix = readAddress(family, part, RULE, findings)
      return prefix === undefined ? [] : [{ family, ...prefix }]
    })
  })
}

/** Returns every finding about the content of a prefix list: sorted, each prefix once. */
export function checkPrefixListContent({ prefixes }: PrefixListContent): readonly ObjectFinding[] {
  const findings = createFindings()
  prefixes.forEach((prefix, i) => {
    const previous = prefixes[i - 1]
    if (previous === undefined) return
    const order = comparePrefix(previous, prefix)
    if (order === 0) findings.add(RULE, `${formatPrefix(prefix)} is listed twice`)
    else if (order > 0) findings.add(RULE, `${formatPrefix(prefix)} is out of order`)
  })
  return findings.all()
}

/** Adds a finding for each conflict with the EE certificate: the AS number of the list, not inherited, no IP addresses. */
function checkEe(
  content: PrefixListContent | undefined,
  { asn, ipv4, ipv6 }: CertificateResources,
  findings: FindingList,
): void {
  const rule = 'SPL profile section 5'
  if (ipv4 !== undefined || ipv6 !== undefined)
    findings.add(rule, 'the EE certificate of a prefix list has IP addresses')
  if (asn === undefined || asn === 'inherit')
    findings.add(rule, 'the EE certificate of a prefix list does not list its AS number')
  else if (content !== undefined && !asn.some(({ min, max }) => min <= content.asn && content.asn <= max))
    findings.add(rule, `AS${content.asn} is not in the EE certificate`)
}

/** The prefix list draft as a codec of `object-kinds.ts`. */
export const prefixListCodec: SignedObjectCodec<PrefixListContent> = {
  decode: decodePrefixList,
  profile: checkPrefixListContent,
  checkEe: (content, ee, findings) => checkEe(content, ee?.extensions.resources ?? {}, findings),
  fields: ({ asn, prefixes }) => ({ asn, prefixes: prefixes.map(formatPrefix) }),
}
