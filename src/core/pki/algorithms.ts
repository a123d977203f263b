/** Signature algorithms of plain X.509 (RFC 4055, RFC 5758): those that are accepted, those that are made, and their names in node:crypto. */
import { type Der, nothing, oid, seq } from '../der/writer.js'

/** Hash algorithm by the object identifier of the signature algorithm. SHA-1 and MD5 are not accepted. */
export const HASH_OF_SIGNATURE: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
}

export interface SignatureScheme {
  readonly algorithm: Der
  readonly hash: string
}

const RSA: SignatureScheme = { algorithm: seq(oid('1.2.840.113549.1.1.11'), nothing()), hash: 'sha256' }
const EC: Readonly<Record<string, SignatureScheme>> = {
  prime256v1: { algorithm: seq(oid('1.2.840.10045.4.3.2')), hash: 'sha256' },
  secp384r1: { algorithm: seq(oid('1.2.840.10045.4.3.3')), hash: 'sha384' },
  secp521r1: { algorithm: seq(oid('1.2.840.10045.4.3.4')), hash: 'sha512' },
}

/** Returns the signature scheme of a key of this type; undefined if the type is not supported. */
export function schemeOf(kind: string | undefined, curve: string | undefined): SignatureScheme | undefined {
  if (kind === 'rsa') return RSA
  return kind === 'ec' && curve !== undefined ? EC[curve] : undefined
}
