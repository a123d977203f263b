/** Requests (RFC 2986) for a key that is discarded: a probe has a remote CA sign them. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { bits, encode, implicit, integer, nothing, oid, printable, raw, seq, seqOf, set } from '../der/writer.js'

const ECDSA_SHA256 = seq(oid('1.2.840.10045.4.3.2'))
const RSA_SHA256 = seq(oid('1.2.840.113549.1.1.11'), nothing())

/** Returns the DER of a request for `CN=<name>` with a new P-256 or RSA key of 2048 bits. Throws a TypeError for a name that a PrintableString cannot hold. */
export function throwawayRequest(name: string, kind: 'ec' | 'rsa' = 'ec'): Uint8Array {
  const { publicKey, privateKey } =
    kind === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const algorithm = kind === 'ec' ? ECDSA_SHA256 : RSA_SHA256
  const subject = seqOf([set(seq(oid('2.5.4.3'), printable(name)))])
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
  const info = encode(seq(integer(0), subject, raw(spki), implicit(0, set())))
  return encode(seq(raw(info), algorithm, bits(new Uint8Array(sign('sha256', info, privateKey)))))
}
