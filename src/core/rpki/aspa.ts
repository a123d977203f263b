/**
 * Autonomous System Provider Authorizations (draft-ietf-sidrops-aspa-profile, version 1): content, encoder, strict decoder, profile.
 *
 * ASPA profile section 3:
 *
 *     ASProviderAttestation ::= SEQUENCE {
 *       version [0]   INTEGER DEFAULT 0,            -- must be 1
 *       customerASID  ASID,
 *       providers     SEQUENCE (SIZE(1..MAX)) OF ASID }
 *
 *     ASID ::= INTEGER (0..4294967295)
 */

import type { Decoded, ObjectFinding } from '../der/findings.js'
import { createFindings, type FindingList } from '../der/findings.js'
import { parseInner, TAG } from '../der/reader.js'
import { membersOf } from '../der/values.js'
import { encode, explicit, integer, seq, seqOf } from '../der/writer.js'
import { MAX_PROVIDERS } from '../resources/aspa-payload.js'
import type { IssuedObjectCodec } from './codec.js'
import { readAsid, readVersion } from './signed-object/content-fields.js'
import { certificateResources } from './x509/encode-resources.js'
import type { CertificateResources } from './x509/types.js'

export interface AspaContent {
  readonly customer: number
  readonly providers: readonly number[]
}

const RULE = 'ASPA profile section 3'

/** Returns the DER eContent, with the version stated: its default is 0. Throws a TypeError for content that the profile refuses. */
export function encodeAspa(content: AspaContent): Uint8Array {
  const [first] = checkAspaContent(content)
  if (first !== undefined) throw new TypeError(`${first.rule}: ${first.message}`)
  const { customer, providers } = content
  return encode(seq(explicit(0, integer(1)), integer(customer), seqOf(providers.map(integer))))
}

/** Returns the ASPA in `eContent` with every finding. Reads on after a finding. */
export function decodeAspa(eContent: Uint8Array): Decoded<AspaContent> {
  const findings = createFindings()
  const node = parseInner(eContent, 'eContent', findings)
  if (node === undefined) return { content: undefined, findings: findings.all() }
  const parts = [...membersOf(node, { what: 'the ASProviderAttestation', rule: RULE, tag: TAG.sequence }, findings)]
  readVersion(parts, 1n, RULE, findings)
  const [customerNode, list, ...more] = parts
  if (more.length > 0) findings.add(RULE, 'an unknown member in the attestation')
  const customer = readAsid(customerNode, RULE, findings)
  const nodes = membersOf(list, { what: 'the list of providers', rule: RULE, tag: TAG.sequence }, findings)
  const providers = nodes.slice(0, MAX_PROVIDERS).flatMap((item) => readAsid(item, RULE, findings) ?? [])
  checkCount(nodes.length, findings)
  if (customer === undefined) return { content: undefined, findings: findings.all() }
  findings.addAll(checkAspaContent({ customer, providers }))
  return { content: { customer, providers }, findings: findings.all() }
}

/** Returns every finding about the content of an ASPA: providers sorted, each once, the customer not among them. */
export function checkAspaContent({ customer, providers }: AspaContent): readonly ObjectFinding[] {
  const findings = createFindings()
  checkCount(providers.length, findings)
  providers.forEach((provider, i) => {
    const previous = providers[i - 1]
    if (provider === customer) findings.add(RULE, `AS${provider} is customer and provider`)
    if (previous === provider) findings.add(RULE, `provider AS${provider} is listed twice`)
    else if (previous !== undefined && previous > provider) findings.add(RULE, `provider AS${provider} is out of order`)
  })
  if (providers.includes(0) && providers.length > 1) findings.tolerate(RULE, 'AS0 is listed with other providers')
  return findings.all()
}

function checkCount(count: number, findings: FindingList): void {
  if (count === 0) findings.add(RULE, 'the list of providers is empty')
  if (count > MAX_PROVIDERS) findings.refused(RULE, `${count} providers, rpki-client reads at most ${MAX_PROVIDERS}`)
}

/** Adds a finding for each conflict with the EE certificate (ASPA profile section 4): the customer AS alone, not inherited, no IP addresses. */
function checkAspaEe(
  content: AspaContent | undefined,
  { asn, ipv4, ipv6 }: CertificateResources,
  findings: FindingList,
): void {
  const rule = 'ASPA profile section 4'
  if (ipv4 !== undefined || ipv6 !== undefined) findings.add(rule, 'the EE certificate of an ASPA has IP addresses')
  if (asn === undefined || asn === 'inherit') {
    findings.add(
      rule,
      `the EE certificate of an ASPA ${asn === undefined ? 'has no AS number' : 'inherits its AS numbers'}`,
    )
    return
  }
  const [only, ...more] = asn
  if (more.length > 0 || only?.min !== only?.max)
    findings.tolerate(rule, 'the EE certificate of an ASPA has more than one AS number')
  if (content !== undefined && !asn.some(({ min, max }) => min <= content.customer && content.customer <= max))
    findings.add(rule, `AS${content.customer} is not in the EE certificate`)
}

/** The ASPA profile as a codec of `object-kinds.ts`. */
export const aspaCodec: IssuedObjectCodec<AspaContent> = {
  encode: encodeAspa,
  decode: decodeAspa,
  profile: checkAspaContent,
  resources: ({ customer }) => certificateResources({ asn: [{ min: customer, max: customer }], ipv4: [], ipv6: [] }),
  checkEe: (content, ee, findings) => checkAspaEe(content, ee?.extensions.resources ?? {}, findings),
  fields: ({ customer, providers }) => ({ customer, providers }),
}
