/** Members that the contents of several signed objects share: the version and AS numbers. */
import type { FindingList } from '../../der/findings.js'
import { constructedTag, type DerNode, hasTag } from '../../der/reader.js'
import { membersOf, readInteger } from '../../der/values.js'
import { MAX_ASN } from '../../resources/asn.js'

/**
 * Removes an explicit `[0]` version from the front of `parts` and checks that it is `standard`.
 * Version 0 is the DEFAULT and must not be encoded (X.690 section 11.5).
 */
export function readVersion(parts: DerNode[], standard: bigint, rule: string, findings: FindingList): void {
  const frame = { what: 'the version', rule, tag: constructedTag(0), least: 1, most: 1 }
  const isPresent = hasTag(parts[0], frame.tag)
  const first = isPresent ? parts.shift() : undefined
  const version = first === undefined ? 0n : readInteger(membersOf(first, frame, findings)[0])
  if (version !== standard) findings.add(rule, `version ${version ?? '(unreadable)'}, not ${standard}`)
  else if (isPresent && version === 0n)
    findings.add(rule, 'version 0 is the default and must not be encoded (X.690 section 11.5)')
}

/** Returns an ASID, 0 to 2^32 - 1; undefined, with a finding under `rule`, for anything else. */
export function readAsid(node: DerNode | undefined, rule: string, findings: FindingList): number | undefined {
  const value = readInteger(node)
  if (value !== undefined && value >= 0n && value <= BigInt(MAX_ASN)) return Number(value)
  findings.add(rule, `AS number ${value ?? '(unreadable)'} is outside 0 to ${MAX_ASN}`)
  return undefined
}
