/** ROA contents (RFC 9582 section 4). Reads on after a fault. */

import { createFindings, type FindingList } from '../der/faults.js'
import { childrenOf, type DerNode, isType, parseInner, TAG } from '../der/reader.js'
import { readInteger } from '../der/values.js'
import { MAX_ASN } from '../resources/asn.js'
import type { Family } from '../resources/types.js'
import { readVersion } from './decode-manifest.js'
import { checkRoaContent, checkRoaOrder } from './profile/roa.js'
import type { Decoded, RoaAddress, RoaContent } from './types.js'
import { readAddress, readFamily } from './x509/decode-resources.js'

/** The ROA in `eContent`, with every fault. */
export function decodeRoa(eContent: Uint8Array): Decoded<RoaContent> {
  const faults = createFindings()
  const node = parseInner(eContent, 'eContent', faults)
  if (node === undefined) return { content: undefined, faults: faults.all() }
  const parts = [...childrenOf(node)]
  if (node.tag !== TAG.sequence) faults.add('RFC 9582 section 4', 'the content is not a RouteOriginAttestation')
  readVersion(parts, 0n, 'RFC 9582 section 4.1', faults)
  const [asNode, blocks, ...more] = parts
  if (more.length > 0) faults.add('RFC 9582 section 4', 'an unknown member in the route origin attestation')
  const asn = readAsid(asNode, 'RFC 9582 section 4.2', faults)
  if (!isType(blocks, TAG.sequence)) faults.add('RFC 9582 section 4.3', 'no address blocks')
  const addresses = blocks === undefined ? [] : readBlocks(blocks, faults)
  if (asn === undefined) return { content: undefined, faults: faults.all() }
  const content = { asn, addresses }
  faults.addAll(checkRoaContent(content))
  faults.addAll(checkRoaOrder(addresses))
  return { content, faults: faults.all() }
}

/** An ASID: 0 to 2^32 - 1. */
export function readAsid(node: DerNode | undefined, rule: string, faults: FindingList): number | undefined {
  const value = readInteger(node)
  if (value !== undefined && value >= 0n && value <= BigInt(MAX_ASN)) return Number(value)
  faults.add(rule, `AS number ${value ?? '(unreadable)'} is outside 0 to ${MAX_ASN}`)
  return undefined
}

function readBlocks(list: DerNode, faults: FindingList): readonly RoaAddress[] {
  const rule = 'RFC 9582 section 4.3.1'
  const seen = new Set<Family>()
  const blocks = childrenOf(list)
  if (blocks.length < 1 || blocks.length > 2)
    faults.add('RFC 9582 section 4.3', `${blocks.length} address families, not one or two`)
  return blocks.flatMap((block) => {
    const [familyNode, addressesNode, more] = childrenOf(block)
    const family = readFamily(familyNode, rule, rule, faults)
    if (more !== undefined || !isType(addressesNode, TAG.sequence)) faults.add(rule, 'an address family is malformed')
    const nodes = addressesNode === undefined ? [] : childrenOf(addressesNode)
    if (nodes.length === 0) faults.add(rule, `an address family without addresses`)
    if (family === undefined) return []
    if (seen.has(family)) faults.add(rule, `IPv${family} appears twice`)
    seen.add(family)
    return nodes.flatMap((node) => readEntry(family, node, faults))
  })
}

function readEntry(family: Family, node: DerNode, faults: FindingList): readonly RoaAddress[] {
  const [addressNode, lengthNode, more] = childrenOf(node)
  if (more !== undefined) faults.add('RFC 9582 section 4.3.2', 'an address with more than a maximum length')
  const prefix = readAddress(family, addressNode, 'RFC 9582 section 4.3.2.1', faults)
  if (prefix === undefined) return []
  if (lengthNode === undefined) return [{ family, ...prefix }]
  const maxLength = readInteger(lengthNode)
  if (maxLength === undefined) faults.add('RFC 9582 section 4.3.2.2', 'a maxLength is unreadable')
  // beyond the safe integers the value is only a number for the message
  return [{ family, ...prefix, ...(maxLength !== undefined && { maxLength: Number(maxLength) }) }]
}
