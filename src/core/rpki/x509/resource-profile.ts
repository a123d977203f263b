/** Profile of the number resources in a certificate (RFC 3779, RFC 6487 sections 4.8.10 and 4.8.11), in wire order. */

import type { ObjectFinding } from '../../der/findings.js'
import { createFindings, type FindingList } from '../../der/findings.js'
import { formatAddress, maxAddress } from '../../resources/address.js'
import { MAX_ASN } from '../../resources/asn.js'
import type { Family } from '../../resources/types.js'
import type { CertificateResources } from './types.js'

/** Ranges that rpki-client reads of one certificate. */
const MAX_BLOCKS = 200_000

interface Wire<T> {
  readonly what: string
  readonly ranges: readonly { readonly min: T; readonly max: T }[]
  readonly top: T
  readonly after: (value: T) => T
  readonly format: (value: T) => string
  readonly listRule: string
  readonly rangeRule: string
}

/** Returns the findings about the order and bounds of resources. No resources at all are a finding too. */
export function checkResources(resources: CertificateResources): readonly ObjectFinding[] {
  const findings = createFindings()
  const { asn, ipv4, ipv6 } = resources
  if (asn === undefined && ipv4 === undefined && ipv6 === undefined)
    findings.add('RFC 6487 section 4.8.10', 'neither IP addresses nor AS numbers: one of the two must be present')
  if (asn !== undefined && asn !== 'inherit') checkAsn(asn, findings)
  for (const [family, ranges] of [
    [4, ipv4],
    [6, ipv6],
  ] as const) {
    if (ranges === undefined || ranges === 'inherit') continue
    if (ranges.length === 0) findings.add('RFC 6487 section 4.8.10', `the list of IPv${family} addresses is empty`)
    checkRanges(ipWire(family, ranges), findings)
  }
  return findings.all()
}

function checkAsn(asn: Exclude<CertificateResources['asn'], 'inherit' | undefined>, findings: FindingList): void {
  if (asn.length === 0) findings.add('RFC 6487 section 4.8.11', 'the list of AS numbers is empty')
  if (asn.some((range) => range.min === 0 && range.max === 0))
    findings.add('RFC 3779 section 3.2.3.10', 'AS 0 is reserved and cannot be a resource of its own (RFC 7607)')
  const wire: Wire<number> = {
    what: 'AS numbers',
    ranges: asn,
    top: MAX_ASN,
    after: (n) => n + 1,
    format: String,
    listRule: 'RFC 3779 section 3.2.3.4',
    rangeRule: 'RFC 3779 section 3.2.3.8',
  }
  checkRanges(wire, findings)
}

function ipWire(family: Family, ranges: Wire<bigint>['ranges']): Wire<bigint> {
  return {
    what: `IPv${family} addresses`,
    ranges,
    top: maxAddress(family),
    after: (address) => address + 1n,
    format: (address) => formatAddress(address, family),
    listRule: 'RFC 3779 section 2.2.3.6',
    rangeRule: 'RFC 3779 section 2.2.3.9',
  }
}

function checkRanges<T extends number | bigint>(wire: Wire<T>, findings: FindingList): void {
  const { what, ranges, format } = wire
  if (ranges.length > MAX_BLOCKS)
    findings.refused(wire.listRule, `${ranges.length} ranges of ${what}, rpki-client reads ${MAX_BLOCKS}`)
  let highest: T | undefined
  for (const { min, max } of ranges) {
    const text = min === max ? format(min) : `${format(min)}-${format(max)}`
    if (min > max) findings.add(wire.rangeRule, `${what}: the range ${text} is reversed`)
    if (min < 0 || max > wire.top) findings.add(wire.rangeRule, `${what}: ${text} is out of bounds`)
    if (highest !== undefined && min <= wire.after(highest)) {
      const how =
        min === wire.after(highest)
          ? 'adjoins the previous range: they must be one range'
          : 'overlaps or is out of order'
      findings.add(wire.listRule, `${what}: ${text} ${how}`)
    }
    if (highest === undefined || max > highest) highest = max
  }
}
