/** Certification requests for a key that we hold (RFC 2986): what a CA is asked to sign for the HTTPS pair. */
import { createPublicKey, type KeyObject, sign } from 'node:crypto'
import { bits, type Der, encode, ia5, implicit, integer, oid, raw, seq, seqOf, set } from '../der/writer.js'
import { schemeOf } from './algorithms.js'
import { extension } from './extensions.js'

/** A request of these DNS names, DER; the first is the commonName too. Throws a TypeError for a kind of key that nothing is signed with here. */
export function signRequest(key: KeyObject, names: readonly string[]): Uint8Array {
  const { asymmetricKeyType, asymmetricKeyDetails } = key
  const scheme = schemeOf(asymmetricKeyType, asymmetricKeyDetails?.namedCurve)
  if (scheme === undefined) throw new TypeError(`nothing is signed with a key of the kind ${asymmetricKeyType}`)
  const spki = new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' }))
  const san = extension('2.5.29.17', false, seqOf(names.map((name) => implicit(2, ia5(name)))))
  const asked = seq(oid('1.2.840.113549.1.9.14'), set(seq(san)))
  const info = encode(seq(integer(0), seq(set(commonName(names[0] ?? ''))), raw(spki), implicit(0, set(asked))))
  return encode(seq(raw(info), scheme.algorithm, bits(new Uint8Array(sign(scheme.hash, info, key)))))
}

/** RFC 5280 appendix A.1: at most 64 characters; a DNS name is ASCII. */
function commonName(name: string): Der {
  const text = { ...ia5(name.slice(0, 64)), tag: 0x0c }
  return seq(oid('2.5.4.3'), text)
}
