/** Signature algorithms of plain X.509 (RFC 4055, RFC 5758): what is taken, what is made, and what node:crypto calls it. */
import { type Der, nothing, oid, seq } from '../der/writer.js'

/** By object identifier. SHA-1 and MD5 are not taken. */
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

/** What a key of this kind signs with; undefined for one that nothing is signed with here. */
export function schemeOf(kind: string | undefined, curve: string | undefined): SignatureScheme | undefined {
  if (kind === 'rsa') return RSA
  return kind === 'ec' && curve !== undefined ? EC[curve] : undefined
}
