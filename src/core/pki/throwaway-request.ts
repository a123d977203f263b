/** Requests (RFC 2986) for a key that is discarded: a probe has a remote CA sign them. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { bits, encode, implicit, integer, oid, printable, raw, seq, seqOf, set } from '../der/writer.js'

const ECDSA_SHA256 = '1.2.840.10045.4.3.2'

/** Returns the DER of a request for `CN=<name>` with a new P-256 key. Throws a TypeError for a name that a PrintableString cannot hold. */
export function throwawayRequest(name: string): Uint8Array {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const subject = seqOf([set(seq(oid('2.5.4.3'), printable(name)))])
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
  const info = encode(seq(integer(0), subject, raw(spki), implicit(0, set())))
  return encode(seq(raw(info), seq(oid(ECDSA_SHA256)), bits(new Uint8Array(sign('sha256', info, privateKey)))))
}
