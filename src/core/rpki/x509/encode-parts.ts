/** DER that certificates, CRLs and signed objects share: the signed frame, names, extensions, bounded numbers. */
import type { KeyId, Sign } from '../../crypto/ports.js'
import {
  bits,
  boolean,
  type Der,
  encode,
  implicit,
  integer,
  nothing,
  octets,
  octetsOf,
  oid,
  printable,
  raw,
  seq,
  set,
} from '../../der/writer.js'
import * as oids from './oids.js'
import type { CertificateContent } from './types.js'

/** Numbers that relying parties read fit in 20 octets and are positive (RFC 5280 section 4.1.2.2). */
const NUMBER_LIMIT = 1n << 159n

/** RFC 7935 section 2, RFC 4055 section 5: sha256WithRSAEncryption with NULL parameters. */
export const SHA256_WITH_RSA = seq(oid(oids.OID_SHA256_WITH_RSA), nothing())

/** Signs `tbs` and returns SEQUENCE { tbs, sha256WithRSAEncryption, signature }: the outer structure of certificates and CRLs. */
export async function signed(tbs: Uint8Array, sign: Sign): Promise<Uint8Array> {
  return encode(seq(raw(tbs), SHA256_WITH_RSA, bits(await sign(tbs))))
}

/** A Name of one commonName (RFC 6487 section 4.4). Throws a TypeError when it is empty or not printable. */
export function commonName(text: string): Der {
  if (text === '') throw new TypeError('an empty common name')
  return seq(set(seq(oid(oids.OID_COMMON_NAME), printable(text))))
}

/** A Name of a commonName and a serialNumber, in this order (RFC 6487 section 4.5). Throws a TypeError when one is empty or not printable. */
export function numberedName(text: string, serialNumber: string): Der {
  if (text === '' || serialNumber === '') throw new TypeError('an empty name')
  const attribute = (id: string, value: string): Der => set(seq(oid(id), printable(value)))
  return seq(attribute(oids.OID_COMMON_NAME, text), attribute(oids.OID_SERIAL_NUMBER, serialNumber))
}

/** The issuer name: the subject of the issuer's certificate, byte for byte where its own issuer chose it (RFC 6487 section 4.4). */
export function issuerName(content: Pick<CertificateContent, 'issuer' | 'issuerName'>): Der {
  return content.issuerName === undefined ? commonName(content.issuer) : raw(content.issuerName)
}

export function extension(id: string, critical: boolean, value: Der): Der {
  return critical ? seq(oid(id), boolean(true), octetsOf(value)) : seq(oid(id), octetsOf(value))
}

/** The AKI extension (RFC 6487 section 4.8.3): the key identifier alone. */
export function authorityKeyIdentifier(aki: KeyId): Der {
  return extension(oids.OID_AUTHORITY_KEY_IDENTIFIER, false, seq(implicit(0, octets(keyIdBytes(aki)))))
}

/** Returns the octets of a key identifier. Throws a TypeError unless it is the hex of 20 octets. */
export function keyIdBytes(id: KeyId): Uint8Array {
  if (!/^[0-9A-F]{40}$/.test(id)) throw new TypeError(`not a key identifier: ${id}`)
  return Buffer.from(id, 'hex')
}

/** An INTEGER of at most 20 octets, from `least` up. Throws a TypeError outside. */
export function limitedNumber(what: string, value: bigint, least: 0n | 1n): Der {
  if (value < least || value >= NUMBER_LIMIT) throw new TypeError(`${what} outside ${least} to 2^159 - 1: ${value}`)
  return integer(value)
}
