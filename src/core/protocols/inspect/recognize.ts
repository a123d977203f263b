/** Recognition of what peers exchange by its content: files of RFC 8183, messages of RFC 6492 and RFC 8181, and ID certificates. */
import { fromBase64 } from '../../base/bytes.js'
import { createFindings } from '../../der/findings.js'
import { childrenOf, parseDer, TAG } from '../../der/reader.js'
import { readOid } from '../../der/values.js'
import { parseCertificate } from '../../rpki/x509/decode-certificate.js'
import { OID_SIGNED_DATA } from '../../rpki/x509/oids.js'
import { readMessage } from '../cms/read-message.js'
import { OID_CT_XML } from '../cms/sign.js'

export type Protocol = 'rfc8183' | 'rfc6492' | 'rfc8181'

export type Recognized =
  | { readonly kind: 'xml'; readonly protocol: Protocol; readonly bytes: Uint8Array }
  | { readonly kind: 'cms' | 'id-certificate'; readonly der: Uint8Array; readonly armour?: 'PEM' | 'base64' }
  /** An HTTP error that a peer sent in place of a message, as the log of exchanges keeps it. */
  | { readonly kind: 'peer-error'; readonly text: string }

/** Protocols by the local name of the root element. */
const ROOTS: ReadonlyMap<string, Protocol> = new Map<string, Protocol>([
  ['message', 'rfc6492'],
  ['msg', 'rfc8181'],
  ...['child_request', 'identity', 'parent_response', 'publisher_request', 'repository_response', 'error'].map(
    (name) => [name, 'rfc8183'] as const,
  ),
])

/** Pattern of the prolog, with or without a DTD, and of the name of the root element. */
const ROOT =
  /^(?:\s|<\?[^>]*>|<!--[\s\S]*?-->|<!DOCTYPE\s[^>[]*(?:\[[^\]]*\]\s*)?>)*<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)/

/** Octets at the beginning of a file that are looked at. */
const START = 65_536

/** File names in the log of exchanges: time of the exchange, role of the peer, direction. */
const LOGGED =
  /(?:^|[/\\])(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-[0-9a-f]{16}-(parent|child|repository|publisher)-[a-z0-9_-]+-(sent|received)-\d+\.(cms|xml|txt)$/

export interface LoggedName {
  readonly at: string
  readonly role: 'parent' | 'child' | 'repository' | 'publisher'
  readonly direction: 'sent' | 'received'
  readonly form: string
}

/** Reads a file name as the log of exchanges writes it; undefined for any other. */
export function readLoggedName(file: string): LoggedName | undefined {
  const [, year, month, day, hour, minute, second, role, direction, form] = LOGGED.exec(file) ?? []
  if (form === undefined) return undefined
  return {
    at: `${year}-${month}-${day}T${hour}:${minute}:${second}Z`,
    ...{ role: role as LoggedName['role'], direction: direction as LoggedName['direction'], form },
  }
}

/** Returns what `bytes` are; undefined for what peers do not exchange by these protocols, such as an object of the RPKI. */
export function recognize(bytes: Uint8Array, file: string): Recognized | undefined {
  const logged = readLoggedName(file)
  if (logged?.form === 'txt')
    return { kind: 'peer-error', text: Buffer.from(bytes.subarray(0, START)).toString('utf8') }
  const binary = recognizeBinary(bytes)
  if (binary !== undefined) return { kind: binary, der: bytes }
  if (bytes[0] !== TAG.sequence) {
    const start = Buffer.from(bytes.subarray(0, START))
      .toString('utf8')
      .replace(/^\uFEFF/, '')
    const protocol = ROOTS.get(ROOT.exec(start)?.[1] ?? '')
    if (protocol !== undefined) return { kind: 'xml', protocol, bytes }
    const armoured = recognizeArmoured(bytes)
    if (armoured !== undefined) return armoured
  }
  return logged === undefined ? undefined : { kind: 'cms', der: bytes }
}

const SIGNED_DATA = Buffer.from('06092a864886f70d010702', 'hex')
const CT_XML = Buffer.from('060b2a864886f70d010910011c', 'hex')

function recognizeBinary(bytes: Uint8Array): 'cms' | 'id-certificate' | undefined {
  if (bytes[0] !== TAG.sequence) return undefined
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 1024))
  if (start.subarray(0, 64).includes(SIGNED_DATA)) {
    if (start.includes(CT_XML)) return 'cms'
    const { contentType, content } = readMessage(bytes)
    return contentType === OID_CT_XML || content?.[0] === 0x3c ? 'cms' : undefined
  }
  return isIdCertificate(bytes) ? 'id-certificate' : undefined
}

/** Returns true for a CA certificate that names neither resources nor places: those of the RPKI have both (RFC 6487 section 4.8). */
function isIdCertificate(bytes: Uint8Array): boolean {
  const node = parseDer(bytes, createFindings(), 10_000)
  const [tbs] = childrenOf(node, TAG.sequence)
  if (node === undefined || tbs?.tag !== TAG.sequence || readOid(childrenOf(node, TAG.sequence)[0]) === OID_SIGNED_DATA)
    return false
  const { extensions, key } = parseCertificate(node, undefined, createFindings()) ?? {}
  if (extensions === undefined || key === undefined) return false
  const { asn, ipv4, ipv6 } = extensions.resources
  const hasResources = asn !== undefined || ipv4 !== undefined || ipv6 !== undefined
  return extensions.isCa === true && !hasResources && extensions.sia === undefined && extensions.aia === undefined
}

/** Returns what PEM or base64 encodes; undefined if that is no message in CMS. */
export function readArmoured(bytes: Uint8Array): Uint8Array | undefined {
  const armoured = recognizeArmoured(bytes)
  return armoured?.kind === 'cms' ? armoured.der : undefined
}

function recognizeArmoured(bytes: Uint8Array): (Recognized & { readonly der: Uint8Array }) | undefined {
  const text = Buffer.from(bytes).toString('latin1')
  const [, label, body] = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/.exec(text) ?? []
  const der = fromBase64((body ?? text).replace(/\s+/g, ''))
  const kind = der === undefined || der.length === 0 ? undefined : recognizeBinary(der)
  if (der === undefined || kind === undefined) return undefined
  return { kind, der, armour: label === undefined ? 'base64' : 'PEM' }
}
