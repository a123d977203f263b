/**
 * Signed checklists (RFC 9323): digests of files, signed under number resources, handed over outside of the repository. Read for inspection only.
 *
 * RFC 9323 section 4, with explicit tags:
 *
 *     RpkiSignedChecklist ::= SEQUENCE {
 *       version  [0]      INTEGER DEFAULT 0,
 *       resources         ResourceBlock,
 *       digestAlgorithm   DigestAlgorithmIdentifier,
 *       checkList         SEQUENCE SIZE (1..MAX) OF FileNameAndHash }
 *
 *     ResourceBlock ::= SEQUENCE {
 *       asID         [0]  ConstrainedASIdentifiers OPTIONAL,   -- as ASIdentifiers of RFC 3779, without inherit
 *       ipAddrBlocks [1]  ConstrainedIPAddrBlocks OPTIONAL }   -- as IPAddrBlocks of RFC 3779, without inherit
 *
 *     FileNameAndHash ::= SEQUENCE {
 *       fileName          IA5String OPTIONAL,                  -- letters, digits, '.', '_' and '-'
 *       hash              OCTET STRING }
 */
import { toHex } from '../base/bytes.js'
import type { Json } from '../base/json.js'
import { quoted } from '../base/text.js'
import type { Decoded, ObjectFinding } from '../der/findings.js'
import { createFindings, type FindingList } from '../der/findings.js'
import { textOf } from '../der/primitives.js'
import { constructedTag, contentOf, type DerNode, hasTag, isType, parseInner, TAG } from '../der/reader.js'
import { membersOf, readOctets } from '../der/values.js'
import { containsSet } from '../resources/algebra.js'
import { toResourceText } from '../resources/resource-text.js'
import type { SignedObjectCodec } from './codec.js'
import { readVersion } from './signed-object/content-fields.js'
import { readAlgorithm } from './x509/algorithm.js'
import { readAsIdentifiers, readIpAddrBlocks } from './x509/decode-resources.js'
import { listedResources } from './x509/listed-resources.js'
import { OID_SHA256 } from './x509/oids.js'
import { checkResources } from './x509/resource-profile.js'
import type { CertificateResources } from './x509/types.js'

export interface ChecklistFile {
  readonly name?: string
  readonly sha256: Uint8Array
}

export interface ChecklistContent {
  readonly resources: CertificateResources
  readonly files: readonly ChecklistFile[]
}

const RULE = 'RFC 9323 section 4.4'
const RESOURCE_RULE = 'RFC 9323 section 4.2'

/** Returns the checklist in `eContent` with every finding. Reads on after a finding. */
export function decodeChecklist(eContent: Uint8Array): Decoded<ChecklistContent> {
  const findings = createFindings()
  const node = parseInner(eContent, 'eContent', findings)
  if (node === undefined) return { content: undefined, findings: findings.all() }
  const parts = [...membersOf(node, { what: 'the checklist', rule: 'RFC 9323 section 4', tag: TAG.sequence }, findings)]
  readVersion(parts, 0n, 'RFC 9323 section 4.1', findings)
  const [block, algorithm, list, ...more] = parts
  if (more.length > 0) findings.add('RFC 9323 section 4', 'an unknown member in the checklist')
  const resources = readResources(block, findings)
  const oid = readAlgorithm(algorithm, 'digestAlgorithm', findings)
  if (oid !== OID_SHA256) findings.add('RFC 9323 section 4.3', `the digest algorithm is ${oid}, not SHA-256`)
  const content = { resources, files: readFiles(list, findings) }
  findings.addAll(checkChecklistContent(content))
  return { content, findings: findings.all() }
}

function readResources(block: DerNode | undefined, findings: FindingList): CertificateResources {
  const frame = { what: 'the resources', rule: RESOURCE_RULE, tag: TAG.sequence, least: 1, most: 2 }
  const parts = [...membersOf(block, frame, findings)]
  const inner = (number: number): DerNode | undefined => {
    const tag = constructedTag(number)
    if (!hasTag(parts[0], tag)) return undefined
    const what = number === 0 ? 'the AS numbers' : 'the IP addresses'
    return membersOf(parts.shift(), { what, rule: RESOURCE_RULE, tag, least: 1, most: 1 }, findings)[0]
  }
  const asNode = inner(0)
  const asn = asNode === undefined ? undefined : readAsIdentifiers(asNode, findings)
  const ipNode = inner(1)
  const ip = ipNode === undefined ? {} : readIpAddrBlocks(ipNode, findings)
  if (parts.length > 0) findings.add(RESOURCE_RULE, 'an unknown member in the resources')
  return { ...(asn !== undefined && { asn }), ...ip }
}

function readFiles(list: DerNode | undefined, findings: FindingList): readonly ChecklistFile[] {
  const nodes = membersOf(list, { what: 'the list of files', rule: RULE, tag: TAG.sequence, least: 1 }, findings)
  return nodes.flatMap((node) => {
    const frame = { what: 'an entry of the list', rule: RULE, tag: TAG.sequence, least: 1, most: 2 }
    const parts = [...membersOf(node, frame, findings)]
    const nameNode = parts.length === 2 ? parts.shift() : undefined
    const sha256 = readOctets(parts[0])
    if (sha256 === undefined || (nameNode !== undefined && !isType(nameNode, TAG.ia5String))) {
      findings.add(RULE, 'an entry of the list is not a name and a hash')
      return []
    }
    return [nameNode === undefined ? { sha256 } : { name: textOf(contentOf(nameNode)), sha256 }]
  })
}

/** Returns every finding about the content of a checklist: resources listed and not inherited, names of portable characters, each once. */
export function checkChecklistContent({ resources, files }: ChecklistContent): readonly ObjectFinding[] {
  const findings = createFindings()
  findings.addAll(checkResources(resources))
  const { asn, ipv4, ipv6 } = resources
  if ([asn, ipv4, ipv6].includes('inherit')) findings.add(RESOURCE_RULE, 'the checklist inherits resources')
  const seen = new Set<string>()
  for (const { name, sha256 } of files) {
    const shown = name === undefined ? toHex(sha256) : quoted(name)
    if (name !== undefined && !/^[A-Za-z0-9._-]+$/.test(name))
      findings.add('RFC 9323 section 4.4.1', `${shown} is not a portable file name`)
    if (seen.has(shown)) findings.add(RULE, `${shown} is listed twice`)
    seen.add(shown)
    if (sha256.length !== 32) findings.add(RULE, `the hash of ${shown} has ${sha256.length} octets, not 32`)
  }
  return findings.all()
}

/** Adds a finding for each conflict with the EE certificate (RFC 9323 section 5): none inherited, the resources of the checklist among its own. */
function checkEe(content: ChecklistContent | undefined, ee: CertificateResources, findings: FindingList): void {
  const rule = 'RFC 9323 section 5'
  if ([ee.asn, ee.ipv4, ee.ipv6].includes('inherit'))
    findings.add(rule, 'the EE certificate of a checklist inherits resources')
  if (!containsSet(listedResources(ee), listedResources(content?.resources ?? {})))
    findings.add(rule, 'the checklist has resources that are not in its EE certificate')
}

function fieldsOf({ resources, files }: ChecklistContent): Readonly<Record<string, Json>> {
  const { asn, ipv4, ipv6 } = toResourceText(listedResources(resources))
  return {
    resources: { asn, ipv4, ipv6 },
    files: files.map(({ name, sha256 }) => ({ name: name ?? null, sha256: toHex(sha256) })),
  }
}

/** RFC 9323 as a codec of `object-kinds.ts`. */
export const checklistCodec: SignedObjectCodec<ChecklistContent> = {
  decode: decodeChecklist,
  profile: checkChecklistContent,
  checkEe: (content, ee, findings) => checkEe(content, ee?.extensions.resources ?? {}, findings),
  fields: fieldsOf,
}
