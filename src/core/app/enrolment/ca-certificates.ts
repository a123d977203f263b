/** The CA certificates (RFC 7030 section 4.1) and the CSR attributes (section 4.5), which a client reads before it sends a request. */

import { toBase64 } from '../../base/bytes.js'
import { AppError } from '../../base/errors.js'
import { encode, oid, seq, seqOf, set } from '../../der/writer.js'
import { EXTENDED_KEY_USAGES } from '../../pki/profile.js'
import type { OpenBackend } from '../failover/probe.js'
import type { Session } from '../session/session.js'
import { chainsOf } from './chains.js'
import { formerChains } from './former-cas.js'
import { type Label, labelOf } from './labels.js'

/**
 * Returns the certificates of every CA of the label's group, of CAs that left it while certificates of them are valid, and of the CAs above
 * them, each once. A CA whose certificate cannot be read is reported through `onNotice`. Throws `est-label-unknown` (usage), `est-no-chain` (credentials) if none can be read.
 */
export async function caCertificates(
  session: Session,
  name: string,
  open: OpenBackend,
): Promise<readonly Uint8Array[]> {
  const label = labelOf(session, name)
  const [present, former] = [await chainsOf(session, label.group.caIds, open), await formerChains(session, label, open)]
  const [chains, missing] = [
    [...present.chains, ...former.chains],
    [...present.missing, ...former.missing],
  ]
  for (const { ca, why } of missing) session.options.onNotice?.(`the chain of ${ca} is missing: ${why}`)
  const unique = new Map(chains.flatMap(({ chain }) => chain.map((der) => [Buffer.from(der).toString('base64'), der])))
  if (unique.size === 0)
    throw new AppError(
      'credentials',
      'est-no-chain',
      `no CA certificate of label ${name} can be read: ${missing.map(({ why }) => why).join('; ')}`,
      {
        hint: 'brine config check',
      },
    )
  return [...unique.values()]
}

/**
 * Returns the DER of CsrAttrs (RFC 7030 section 4.5.2): the extended key usages of the label's profile as an extension request. Throws
 * `est-label-unknown`.
 */
export function csrAttributes(session: Session, name: string): Uint8Array {
  return attributesOf(labelOf(session, name))
}

const OID = { extensionRequest: '1.2.840.113549.1.9.14', extendedKeyUsage: '2.5.29.37', subjectAltName: '2.5.29.17' }

function attributesOf({ profile }: Label): Uint8Array {
  const usages = profile.extendedKeyUsages.map((usage) => oid(EXTENDED_KEY_USAGES[usage]))
  const attributes = [
    ...(usages.length === 0 ? [] : [oid(OID.extendedKeyUsage)]),
    ...(profile.requireSan ? [oid(OID.subjectAltName)] : []),
  ]
  return encode(seqOf(attributes.length === 0 ? [] : [seq(oid(OID.extensionRequest), set(...attributes))]))
}

export interface CsrAttributesReport {
  readonly label: string
  readonly profile: string
  /** DER in base64. */
  readonly attributes: string
  readonly rules: readonly { readonly rule: string; readonly value: string }[]
}

/** Describes what the profile of the label requires and allows, for people. Throws `est-label-unknown` (usage). */
export function describeCsrAttributes(session: Session, name: string): CsrAttributesReport {
  const label = labelOf(session, name)
  const { profile } = label
  const rules = [
    { rule: 'keys', value: profile.keyKinds.map((kind) => keyRule(kind, label)).join(', ') },
    { rule: 'extended key usage', value: profile.extendedKeyUsages.join(', ') },
    { rule: 'subjectAltName', value: profile.requireSan ? 'required' : 'optional' },
    { rule: 'names', value: `at most ${profile.maxNames}` },
    { rule: 'domains', value: profile.domains.length === 0 ? 'any' : profile.domains.join(', ') },
    { rule: 'wildcards', value: profile.wildcards ? 'allowed' : 'refused' },
    { rule: 'IP addresses', value: profile.ipAddresses ? 'allowed' : 'refused' },
    { rule: 'valid for', value: `${Math.round(profile.validSeconds / 3600)} h, at most until the CA expires` },
  ]
  return { label: name, profile: profile.name, attributes: toBase64(attributesOf(label)), rules }
}

function keyRule(kind: 'rsa' | 'ec', { profile }: Label): string {
  return kind === 'rsa' ? `RSA of at least ${profile.rsaBits} bits` : `EC on ${profile.curves.join(', ')}`
}
