/** Extensions of the certificates and CRLs of the business PKI (RFC 5280 sections 4.2 and 5.2): each at most once, criticality as it comes. */
import type { KeyId } from '../../crypto/ports.js'
import type { FindingList } from '../../der/findings.js'
import {
  constructedTag,
  contentOf,
  type DerNode,
  hasTag,
  isType,
  parseInner,
  primitiveTag,
  TAG,
} from '../../der/reader.js'
import { membersOf, readBits, readBoolean, readInteger, readOctets } from '../../der/values.js'
import { readExtension } from '../../rpki/x509/extensions.js'
import * as oids from '../../rpki/x509/oids.js'
import type { BpkiExtensions } from './types.js'

export interface Extension {
  readonly oid: string
  readonly isCritical: boolean
  /** The element inside of the value; undefined where it is not DER. */
  readonly value: DerNode | undefined
}

/** No certificate or CRL of a message needs more. */
const MOST = 100

/** Reads `Extensions ::= SEQUENCE OF Extension`. An extension that appears twice is a finding, and the first one counts. */
export function readExtensionList(
  list: DerNode | undefined,
  what: string,
  findings: FindingList,
): ReadonlyMap<string, Extension> {
  const found = new Map<string, Extension>()
  const frame = {
    what: `the list of extensions of ${what}`,
    rule: 'RFC 5280 section 4.1',
    tag: TAG.sequence,
    most: MOST,
  }
  for (const node of membersOf(list, frame, findings)) {
    const { oid, isCritical, value } = readExtension(node, findings)
    if (oid === undefined || value === undefined) findings.add(frame.rule, `${what} has a malformed extension`)
    else if (found.has(oid)) findings.add('RFC 5280 section 4.2', `${what} has the extension ${oid} twice`)
    else found.set(oid, { oid, isCritical, value: parseKnown(oid, value, what, findings) })
  }
  return found
}

const KNOWN: ReadonlySet<string> = new Set([
  oids.OID_BASIC_CONSTRAINTS,
  oids.OID_SUBJECT_KEY_IDENTIFIER,
  oids.OID_AUTHORITY_KEY_IDENTIFIER,
  oids.OID_KEY_USAGE,
  oids.OID_CRL_NUMBER,
])

/** The values of other extensions are not read: peers put anything there. */
function parseKnown(oid: string, value: Uint8Array, what: string, findings: FindingList): DerNode | undefined {
  return KNOWN.has(oid) ? parseInner(value, `extension ${oid} of ${what}`, findings) : undefined
}

/** Reads the extensions of a certificate. */
export function readBpkiExtensions(
  list: ReadonlyMap<string, Extension>,
  what: string,
  findings: FindingList,
): BpkiExtensions {
  const usage = list.get(oids.OID_KEY_USAGE)
  const bits = readBits(usage?.value)
  if (usage !== undefined && bits === undefined)
    findings.add('RFC 5280 section 4.2.1.3', `the key usage of ${what} is unreadable`)
  return {
    ...readBasicConstraints(list.get(oids.OID_BASIC_CONSTRAINTS), what, findings),
    ski: readSki(list.get(oids.OID_SUBJECT_KEY_IDENTIFIER), what, findings),
    aki: readAki(list.get(oids.OID_AUTHORITY_KEY_IDENTIFIER), what, findings),
    keyUsage: bits?.bytes[0] ?? (bits === undefined ? undefined : 0),
  }
}

function readBasicConstraints(
  extension: Extension | undefined,
  what: string,
  findings: FindingList,
): Pick<BpkiExtensions, 'isCa' | 'pathLength'> {
  if (extension === undefined) return { isCa: false, pathLength: undefined }
  const rule = 'RFC 5280 section 4.2.1.9'
  const frame = { what: `the basic constraints of ${what}`, rule, tag: TAG.sequence, most: 2 }
  const parts = [...membersOf(extension.value, frame, findings)]
  const isCa = isType(parts[0], TAG.boolean) && readBoolean(parts.shift()) === true
  const pathLength = parts.length === 0 ? undefined : readInteger(parts[0])
  const isReadable = parts.length === 0 || (parts.length === 1 && pathLength !== undefined && pathLength >= 0n)
  if (!isReadable) findings.add(rule, `${frame.what} are malformed`)
  return { isCa, pathLength }
}

function readSki(extension: Extension | undefined, what: string, findings: FindingList): KeyId | undefined {
  if (extension === undefined) return undefined
  const octets = readOctets(extension.value)
  if (octets === undefined)
    findings.add('RFC 5280 section 4.2.1.2', `the subject key identifier of ${what} is unreadable`)
  return octets === undefined ? undefined : keyIdFrom(octets)
}

/** Returns the key identifier of an authorityKeyIdentifier, which may name the issuer by name and serial number instead. */
export function readAki(extension: Extension | undefined, what: string, findings: FindingList): KeyId | undefined {
  if (extension === undefined) return undefined
  const frame = {
    what: `the authority key identifier of ${what}`,
    rule: 'RFC 5280 section 4.2.1.1',
    tag: TAG.sequence,
    most: 3,
  }
  const parts = [...membersOf(extension.value, frame, findings)]
  const id = hasTag(parts[0], primitiveTag(0)) ? parts.shift() : undefined
  const [name, serial] = parts
  const isNamed = parts.length === 2 && hasTag(name, constructedTag(1)) && hasTag(serial, primitiveTag(2))
  if (parts.length > 0 && !isNamed) findings.add(frame.rule, `${frame.what} is malformed`)
  return id === undefined ? undefined : keyIdFrom(contentOf(id))
}

/** Returns a key identifier of any length as upper-case hex, at most 64 octets of it. */
export function keyIdFrom(octets: Uint8Array): KeyId {
  return Buffer.from(octets.subarray(0, 64)).toString('hex').toUpperCase() as KeyId
}
