/** Strict decoder of certificate policies (RFC 6487 section 4.8.9, RFC 6484, RFC 7318). */
import type { FindingList } from '../../der/findings.js'
import { type DerNode, isType, TAG } from '../../der/reader.js'
import { membersOf, readOid } from '../../der/values.js'
import * as oids from './oids.js'

/** Reads the certificate policies, which are the RPKI policy alone, with at most one qualifier (RFC 7318). */
export function readPolicies(value: DerNode, rule: string, findings: FindingList): void {
  const policies = membersOf(value, { what: 'the list of certificate policies', rule, tag: TAG.sequence }, findings)
  if (policies.length !== 1) findings.add(rule, `${policies.length} certificate policies, not one`)
  for (const policy of policies) {
    const frame = { what: 'a certificate policy', rule, tag: TAG.sequence, least: 1, most: 2 }
    const [id, qualifiers] = membersOf(policy, frame, findings)
    const oid = readOid(id)
    if (oid !== oids.OID_RPKI_POLICY)
      findings.add(rule, `certificate policy ${oid}, not ${oids.OID_RPKI_POLICY} (RFC 6484)`)
    if (qualifiers !== undefined) readQualifiers(qualifiers, findings)
  }
}

function readQualifiers(node: DerNode, findings: FindingList): void {
  const rule = 'RFC 7318 section 2'
  const list = membersOf(node, { what: 'the list of policy qualifiers', rule, tag: TAG.sequence, least: 1 }, findings)
  if (list.length > 1) findings.add(rule, `${list.length} policy qualifiers, at most one is permitted`)
  for (const qualifier of list) {
    const frame = { what: 'a policy qualifier', rule, tag: TAG.sequence, least: 2, most: 2 }
    const [typeNode, text] = membersOf(qualifier, frame, findings)
    const type = readOid(typeNode)
    if (type !== oids.OID_CPS_QUALIFIER || !isType(text, TAG.ia5String))
      findings.add(rule, `policy qualifier ${type} is not a CPS URI`)
  }
}
