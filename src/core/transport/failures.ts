/** Failed connections in words: the codes of Node and OpenSSL for TLS and sockets, and the facts that a message gives of a response. */
import type { IncomingHttpHeaders } from 'node:http'
import { quoted } from '../base/text.js'

const TLS = /^(?:ERR_SSL_|ERR_TLS_|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_|HOSTNAME_|EPROTO)/
const TLS_REASONS: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: 'it is signed by an unknown root',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed and unknown',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'it is signed by an unknown root',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'it is signed by an unknown root',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another host',
}
const SOCKET_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection',
  ECONNRESET: 'closed the connection',
  EPIPE: 'closed the connection',
  ENOTFOUND: 'has a host name that is not in the DNS',
  EAI_AGAIN: 'has a host name that could not be resolved',
  ETIMEDOUT: 'could not be reached',
  EHOSTUNREACH: 'could not be reached',
  ENETUNREACH: 'could not be reached',
}

/** Returns the code of a connection error; '' if it has none. */
export function failureCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** Returns true for the code of a TLS failure. */
export function isTlsFailure(code: string): boolean {
  return TLS.test(code)
}

/** Returns the reason for which a TLS certificate is not accepted, as a clause: `it has expired`. */
export function tlsReason(code: string): string {
  return TLS_REASONS[code] ?? code
}

/** Returns what a host did, as a predicate of its URL: `refused the connection`. */
export function socketReason(code: string): string {
  return SOCKET_REASONS[code] ?? `failed: ${code || 'connection lost'}`
}

/** Returns Retry-After in seconds, from a number or a date (RFC 9110 section 10.2.3); undefined without either. `now` in milliseconds. */
export function retryAfterSeconds(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,9}$/.test(text)) return Math.max(1, Number(text))
  const seconds = Math.ceil((Date.parse(text) - now) / 1000)
  return Number.isFinite(seconds) ? Math.max(1, seconds) : undefined
}

/** Summarizes a body in a few words; '' if it is empty. */
export function summaryOf({ body, headers }: { readonly body: Buffer; readonly headers: IncomingHttpHeaders }): string {
  const text = body.toString('utf8').trim()
  if (text === '') return ''
  if (/html/i.test(headers['content-type'] ?? '') || /^<(?:!doctype|html)/i.test(text)) return 'an HTML page'
  return quoted(text.replace(/\s+/g, ' '), 160)
}

/** Parses a body as a JSON object; undefined for anything else. */
export function jsonObject(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined
  } catch {
    return undefined
  }
}
