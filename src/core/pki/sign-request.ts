/** Certification requests for a key of ours (RFC 2986), for an HTTPS certificate by a CA. */
import { createPublicKey, type KeyObject, sign } from 'node:crypto'
import { bits, type Der, encode, ia5, implicit, integer, oid, raw, seq, seqOf, set } from '../der/writer.js'
import { schemeOf } from './algorithms.js'
import { extension } from './extensions.js'

/** Returns the DER of a request for these DNS names; the first is also the commonName. Throws a TypeError for an unsupported type of key. */
export function signRequest(key: KeyObject, names: readonly string[]): Uint8Array {
  const { asymmetricKeyType, asymmetricKeyDetails } = key
  const scheme = schemeOf(asymmetricKeyType, asymmetricKeyDetails?.namedCurve)
  if (scheme === undefined) throw new TypeError(`unsupported type of key: ${asymmetricKeyType}`)
  const spki = new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' }))
  const san = extension('2.5.29.17', false, seqOf(names.map((name) => implicit(2, ia5(name)))))
  const requested = seq(oid('1.2.840.113549.1.9.14'), set(seq(san)))
  const info = encode(seq(integer(0), seq(set(commonName(names[0] ?? ''))), raw(spki), implicit(0, set(requested))))
  return encode(seq(raw(info), scheme.algorithm, bits(new Uint8Array(sign(scheme.hash, info, key)))))
}

/** Encodes a commonName of at most 64 characters (RFC 5280 appendix A.1); a DNS name is ASCII. */
function commonName(name: string): Der {
  const text = { ...ia5(name.slice(0, 64)), tag: 0x0c }
  return seq(oid('2.5.4.3'), text)
}
