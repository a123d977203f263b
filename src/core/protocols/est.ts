/** Enrolment over Secure Transport (RFC 7030, RFC 8951) as values: requests and responses. No network. */
import { certsOnly, estBytes } from '../pki/certs-only.js'
import { LARGEST_REQUEST, requestBytes } from '../pki/csr.js'
import type { HttpResponse } from './cgi.js'

const OPERATIONS = ['cacerts', 'simpleenroll', 'simplereenroll', 'csrattrs'] as const
export type EstOperation = (typeof OPERATIONS)[number]

export interface EstRoute {
  /** Undefined for a path without a label. */
  readonly label: string | undefined
  readonly operation: EstOperation
}

/** Section 3.2.2. */
export const EST_PREFIX = '/.well-known/est/'
export const CSR_TYPE = 'application/pkcs10'
/** Largest body in octets: the largest request in base64, with line breaks. */
export const LARGEST_BODY = 2 * LARGEST_REQUEST

/** Parses a path to label and operation; undefined for any other path. */
export function readRoute(path: string): EstRoute | undefined {
  if (!path.startsWith(EST_PREFIX)) return undefined
  const parts = path.slice(EST_PREFIX.length).split('/')
  const [label, word, ...rest] = parts.length === 1 ? [undefined, ...parts] : parts
  const operation = OPERATIONS.find((one) => one === word)
  if (operation !== undefined && label === undefined) return { label, operation }
  if (
    operation === undefined ||
    label === undefined ||
    rest.length > 0 ||
    !/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(label)
  )
    return undefined
  return { label, operation }
}

/** Returns true if the operation takes a certification request. */
export function isEnrolment(operation: EstOperation): boolean {
  return operation === 'simpleenroll' || operation === 'simplereenroll'
}

/**
 * Decodes the PKCS#10 of a body (section 4.2.1): base64 with or without line breaks, also between the BEGIN and END lines of PEM, or DER;
 * undefined for anything else.
 */
export function readCsr(body: Uint8Array): Uint8Array | undefined {
  const der = estBytes(body) ?? requestBytes(body)
  return der === undefined || der.length === 0 ? undefined : der
}

/** Returns the response with the CA certificates (section 4.1.3). */
export function caCertificatesResponse(certificates: readonly Uint8Array[]): HttpResponse {
  return encoded('application/pkcs7-mime', certsOnly(certificates))
}

/** Returns the response with the issued certificate (section 4.2.3). */
export function certificateResponse(certificate: Uint8Array): HttpResponse {
  return encoded('application/pkcs7-mime; smime-type=certs-only', certsOnly([certificate]))
}

/** Returns the response with the CSR attributes (section 4.5.2); `attributes` is the DER of CsrAttrs, and an empty one has no body. */
export function attributesResponse(attributes: Uint8Array): HttpResponse {
  return attributes.length <= 2 ? { status: 204, headers: {}, body: '' } : encoded('application/csrattrs', attributes)
}

/** Encodes the body as base64 with line breaks, which every client accepts. Its header has no meaning (RFC 8951 section 3.1), but some clients need it. */
function encoded(type: string, der: Uint8Array): HttpResponse {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  const headers = { 'Content-Type': type, 'Content-Transfer-Encoding': 'base64' }
  return { status: 200, headers, body: `${lines.join('\r\n')}\r\n` }
}
