/** Detects the type of an RPKI object from its content, and names what other files are. */
import { fromBase64 } from '../../base/bytes.js'
import { createFindings, type FindingList } from '../../der/findings.js'
import { childrenOf, constructedTag, type DerNode, hasTag, parseDer, TAG } from '../../der/reader.js'
import { readOid } from '../../der/values.js'
import { READABLE_TYPES, type SignedObjectType } from '../object-kinds.js'
import { OID_SIGNED_DATA } from '../x509/oids.js'

export type InspectedType =
  | SignedObjectType
  | 'signed-object'
  | 'certificate'
  | 'router-certificate'
  | 'crl'
  | 'tal'
  | 'unknown'

export type Detected =
  | { readonly kind: 'tal' }
  | { readonly kind: 'certificate' | 'crl' | 'signed-object' | 'malformed'; readonly der: Uint8Array }
  | { readonly kind: 'unknown'; readonly what: string }

/** Types by file name extension (RFC 6481 section 7.2). */
const BY_EXTENSION: ReadonlyMap<string, readonly InspectedType[]> = new Map<string, readonly InspectedType[]>([
  ...READABLE_TYPES.map(({ suffix, type }) => [suffix.slice(1), [type]] as const),
  ['tal', ['tal']],
  ['cer', ['certificate', 'router-certificate']],
  ['crl', ['crl']],
])

/** Returns the types that a file with this extension may have; undefined for an extension that implies none. */
export function expectedTypes(extension: string): readonly InspectedType[] | undefined {
  return BY_EXTENSION.get(extension)
}

/** Returns the type of `bytes`. PEM armour is a finding and is removed. */
export function detect(bytes: Uint8Array, findings: FindingList): Detected {
  if (bytes.length === 0) return { kind: 'unknown', what: 'the file is empty' }
  if (bytes[0] === TAG.sequence) return detectDer(bytes)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 65_536)).toString('utf8')
  const start = text.replace(/^\uFEFF/, '').trimStart()
  if (start.startsWith('-----BEGIN ')) return detectPem(bytes, findings)
  if (/^(#|[a-z]+:\/\/|\s*\S+:\/\/)/i.test(start)) return { kind: 'tal' }
  if (start.startsWith('<')) return { kind: 'unknown', what: 'XML (an RRDP file or a protocol message)' }
  return { kind: 'unknown', what: isReadable(text.slice(0, 4096)) ? 'text' : 'binary data that is not DER' }
}

/** Returns true if `text` has no control characters other than white space and no octets that are not UTF-8. */
function isReadable(text: string): boolean {
  return [...text].every((c) => c >= ' ' || (c >= '\t' && c <= '\r')) && !text.includes('\ufffd')
}

function detectPem(bytes: Uint8Array, findings: FindingList): Detected {
  const text = Buffer.from(bytes).toString('latin1')
  const [, label, body] = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/.exec(text) ?? []
  findings.add('RFC 6487 section 4', 'PEM armour: objects of the RPKI are plain DER')
  const der = body === undefined ? undefined : fromBase64(body)
  if (der === undefined || label?.includes('PRIVATE KEY'))
    return { kind: 'unknown', what: `PEM (${label ?? 'damaged'})` }
  return detectDer(der)
}

function detectDer(der: Uint8Array): Detected {
  const node = parseDer(der, createFindings())
  if (node === undefined) return { kind: 'malformed', der }
  const [first] = childrenOf(node, TAG.sequence)
  if (readOid(first) === OID_SIGNED_DATA) return { kind: 'signed-object', der }
  if (first === undefined || first.tag !== TAG.sequence)
    return {
      kind: 'unknown',
      what: `DER of an unknown structure${first === undefined ? ': an empty sequence' : ''}`,
    }
  const members = childrenOf(first, TAG.sequence)
  if (isCrl(members)) return { kind: 'crl', der }
  if (isRequest(members)) return { kind: 'unknown', what: 'a certificate request (PKCS#10)' }
  return { kind: 'certificate', der }
}

/** Returns true for a CRL: it has a time where a certificate has its validity or subject. */
function isCrl(members: readonly DerNode[]): boolean {
  return members.slice(2, 4).some(({ tag }) => tag === TAG.utcTime || tag === TAG.generalizedTime)
}

function isRequest(members: readonly DerNode[]): boolean {
  const [version, subject, key, attributes] = members
  return (
    version?.tag === TAG.integer &&
    subject?.tag === TAG.sequence &&
    key?.tag === TAG.sequence &&
    hasTag(attributes, constructedTag(0))
  )
}
