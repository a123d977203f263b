/** Names of BGPsec routers: common name and serialNumber of a router certificate (RFC 8209 section 3.1.1), its file name, BGP Identifiers as text. */
import type { Violation } from '../base/errors.js'
import { quoted } from '../base/text.js'
import { formatAsn, MAX_ASN, parseAsn } from './asn.js'

const hex8 = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0')

/** Begins the file name of every router certificate, and of no other certificate: their names are hex. */
export const ROUTER_PREFIX = 'ROUTER-'

/** Returns the common name `ROUTER-0000FBF0`. */
export function routerCommonName(asn: number): string {
  return `${ROUTER_PREFIX}${hex8(asn)}`
}

/** Returns the name of a router key, `ROUTER-0000FBF0-<SKI>`: a key may be certified for several AS numbers. */
export function routerName(asn: number, ski: string): string {
  return `${routerCommonName(asn)}-${ski}`
}

/** Returns the AS and the key identifier in the name of a router key; undefined for another text. */
export function parseRouterName(text: string): { readonly asn: number; readonly ski: string } | undefined {
  const [, asn, ski] = /^ROUTER-([0-9A-F]{8})-([0-9A-F]{40})$/i.exec(text) ?? []
  return asn === undefined || ski === undefined ? undefined : { asn: Number.parseInt(asn, 16), ski: ski.toUpperCase() }
}

/** Returns the AS, and the BGP Identifier if there is one, in the common name of a router; undefined for another common name. */
export function parseRouterCommonName(
  text: string,
): { readonly asn: number; readonly routerId: string | undefined } | undefined {
  const [, asn, id] = /^ROUTER-([0-9A-F]{8})(?:-([0-9A-F]{8}))?$/i.exec(text) ?? []
  return asn === undefined
    ? undefined
    : { asn: Number.parseInt(asn, 16), routerId: id === undefined ? undefined : routerIdOf(id) }
}

/** Returns a BGP Identifier (RFC 4271 section 1.1) that is not zero (RFC 6286 section 2.1), as `192.0.2.1`; undefined for another text. */
export function parseRouterId(text: string): string | undefined {
  const octets = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1) ?? []
  if (octets.length !== 4 || octets.some((octet) => Number(octet) > 255 || String(Number(octet)) !== octet))
    return undefined
  return octets.every((octet) => octet === '0') ? undefined : text
}

/** Returns a BGP Identifier as the eight hexadecimal digits of a certificate's serialNumber. */
export function routerIdHex(id: string): string {
  return id
    .split('.')
    .map((octet) => Number(octet).toString(16).toUpperCase().padStart(2, '0'))
    .join('')
}

/** Returns the BGP Identifier of eight hexadecimal digits; undefined for another text and for zero. */
export function routerIdOf(hex: string): string | undefined {
  if (!/^[0-9A-F]{8}$/i.test(hex)) return undefined
  return parseRouterId([0, 2, 4, 6].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join('.'))
}

/** Returns the violation of an AS that no router may be in (RFC 7607). */
export function checkRouterAsn(asn: number): readonly Violation[] {
  if (asn >= 1 && asn <= MAX_ASN && parseAsn(String(asn)) !== undefined) return []
  return [{ code: 'router-as0', message: `${quoted(formatAsn(asn))} is not the AS of a router`, details: { asn } }]
}
