/**
 * Trust anchor keys (RFC 9691): a trust anchor's announcement of its present key, and of the next and the previous one. Read for inspection
 * only; Brine does not issue them.
 *
 * RFC 9691 section 2.2, with explicit tags:
 *
 *     TAK ::= SEQUENCE {
 *       version     INTEGER DEFAULT 0,
 *       current     TAKey,
 *       predecessor [0] TAKey OPTIONAL,
 *       successor   [1] TAKey OPTIONAL }
 *
 *     TAKey ::= SEQUENCE {
 *       comments              SEQUENCE SIZE (0..MAX) OF UTF8String,
 *       certificateURIs       SEQUENCE SIZE (1..MAX) OF IA5String,
 *       subjectPublicKeyInfo  SubjectPublicKeyInfo }
 */
import type { Json } from '../base/json.js'
import type { Decoded, ObjectFinding } from '../der/findings.js'
import { createFindings, type FindingList } from '../der/findings.js'
import { textOf } from '../der/primitives.js'
import { constructedTag, contentOf, type DerNode, hasTag, isType, parseInner, TAG } from '../der/reader.js'
import { membersOf, readInteger } from '../der/values.js'
import type { SignedObjectCodec } from './codec.js'
import { checkRsaKey, type ParsedKey, readKey } from './x509/key.js'
import type { CertificateResources } from './x509/types.js'
import { checkUri } from './x509/uri.js'

/** Content of a trust anchor locator: comments, URIs of the certificate, its key. */
export interface TrustAnchorKey {
  readonly comments: readonly string[]
  readonly uris: readonly string[]
  readonly key: ParsedKey
}

export interface TakContent {
  readonly current: TrustAnchorKey
  readonly predecessor?: TrustAnchorKey
  readonly successor?: TrustAnchorKey
}

const RULE = 'RFC 9691 section 2.2.2'
const KEY_RULE = 'RFC 9691 section 2.2.1'

/** Returns the trust anchor keys in `eContent` with every finding. Reads on after a finding. */
export function decodeTak(eContent: Uint8Array): Decoded<TakContent> {
  const findings = createFindings()
  const node = parseInner(eContent, 'eContent', findings)
  if (node === undefined) return { content: undefined, findings: findings.all() }
  const parts = [...membersOf(node, { what: 'the TAK', rule: RULE, tag: TAG.sequence }, findings)]
  if (isType(parts[0], TAG.integer)) {
    const version = readInteger(parts.shift())
    findings.add(
      RULE,
      version === 0n ? 'version 0 is the default and must not be encoded' : `version ${version}, not 0`,
    )
  }
  const current = readTaKey(parts.shift(), 'the current key', findings)
  const predecessor = readTagged(parts, 0, 'the predecessor', findings)
  const successor = readTagged(parts, 1, 'the successor', findings)
  if (parts.length > 0) findings.add(RULE, 'an unknown member in the TAK')
  if (current === undefined) return { content: undefined, findings: findings.all() }
  const content = {
    current,
    ...(predecessor !== undefined && { predecessor }),
    ...(successor !== undefined && { successor }),
  }
  findings.addAll(checkTakContent(content))
  return { content, findings: findings.all() }
}

function readTagged(parts: DerNode[], number: number, what: string, findings: FindingList): TrustAnchorKey | undefined {
  const tag = constructedTag(number)
  if (!hasTag(parts[0], tag)) return undefined
  return readTaKey(membersOf(parts.shift(), { what, rule: RULE, tag, least: 1, most: 1 }, findings)[0], what, findings)
}

function readTaKey(node: DerNode | undefined, what: string, findings: FindingList): TrustAnchorKey | undefined {
  const frame = { rule: KEY_RULE, tag: TAG.sequence }
  const [commentList, uriList, spki] = membersOf(node, { ...frame, what, least: 3, most: 3 }, findings)
  const comments = membersOf(commentList, { ...frame, what: `the comments of ${what}` }, findings)
  const uris = membersOf(uriList, { ...frame, what: `the URIs of ${what}`, least: 1 }, findings)
  if (comments.some((part) => part.tag !== TAG.utf8String))
    findings.add(KEY_RULE, `${what}: a comment is not a UTF8String`)
  if (uris.some((part) => part.tag !== TAG.ia5String)) findings.add(KEY_RULE, `${what}: a URI is not an IA5String`)
  const key = readKey(spki, findings)
  if (key === undefined) {
    findings.add(KEY_RULE, `${what}: the public key is unreadable`)
    return undefined
  }
  return {
    comments: comments.map((part) => Buffer.from(contentOf(part)).toString('utf8')),
    uris: uris.map((part) => textOf(contentOf(part))),
    key,
  }
}

/** Returns every finding about the content of a TAK: each key as in a trust anchor locator. */
export function checkTakContent({ current, predecessor, successor }: TakContent): readonly ObjectFinding[] {
  const findings = createFindings()
  for (const taKey of [current, predecessor, successor]) {
    if (taKey === undefined) continue
    findings.addAll(checkRsaKey(taKey.key))
    for (const uri of taKey.uris) findings.addAll(checkUri('URI', uri, ['rsync', 'https'], KEY_RULE))
  }
  return findings.all()
}

function checkTakEe({ asn, ipv4, ipv6 }: CertificateResources, findings: FindingList): void {
  const given = [asn, ipv4, ipv6].filter((part) => part !== undefined)
  if (given.some((part) => part !== 'inherit'))
    findings.add('RFC 9691 section 2.3', 'the EE certificate of a TAK does not inherit its resources')
}

function fieldsOf({ comments, uris, key }: TrustAnchorKey): Json {
  return { ...(comments.length > 0 && { comments }), uris, ski: key.ski }
}

/** RFC 9691 as a codec of `object-kinds.ts`. */
export const takCodec: SignedObjectCodec<TakContent> = {
  decode: decodeTak,
  profile: checkTakContent,
  checkEe: (_content, ee, findings) => checkTakEe(ee?.extensions.resources ?? {}, findings),
  fields: ({ current, predecessor, successor }) => ({
    current: fieldsOf(current),
    ...(predecessor !== undefined && { predecessor: fieldsOf(predecessor) }),
    ...(successor !== undefined && { successor: fieldsOf(successor) }),
  }),
}
