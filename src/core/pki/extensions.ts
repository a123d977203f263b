/** Encoders of the extensions that certificates and CRLs share (RFC 5280 section 4.2). */
import { sha256, subjectPublicKeyBits } from '../crypto/digest.js'
import { boolean, type Der, implicit, octets, octetsOf, oid, seq } from '../der/writer.js'
import type { PlainCertificate } from './certificate.js'

export function extension(id: string, critical: boolean, value: Der): Der {
  return critical ? seq(oid(id), boolean(true), octetsOf(value)) : seq(oid(id), octetsOf(value))
}

/** Encodes an authorityKeyIdentifier with the key identifier of the CA's certificate (sections 4.2.1.1 and 5.2.1). */
export function authorityKeyIdentifier(ca: Pick<PlainCertificate, 'ski' | 'spki'>): Der {
  return extension('2.5.29.35', false, seq(implicit(0, octets(ca.ski ?? keyIdentifier(ca.spki)))))
}

/** Returns the key identifier by RFC 7093 section 2, method 1: the first 160 bits of SHA-256 over the public key without tag, length and unused bits. */
export function keyIdentifier(spki: Uint8Array): Uint8Array {
  return new Uint8Array(sha256(subjectPublicKeyBits(spki)).subarray(0, 20))
}
