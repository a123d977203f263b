/** A request (RFC 2986) for a key that nobody keeps: what a probe lets a remote CA sign. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { bits, encode, implicit, integer, oid, printable, raw, seq, seqOf, set } from '../der/writer.js'

const ECDSA_SHA256 = '1.2.840.10045.4.3.2'

/** A request for `CN=<name>` by a fresh P-256 key, DER. Throws a TypeError for a name that no PrintableString holds. */
export function throwawayRequest(name: string): Uint8Array {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const subject = seqOf([set(seq(oid('2.5.4.3'), printable(name)))])
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
  const info = encode(seq(integer(0), subject, raw(spki), implicit(0, set())))
  return encode(seq(raw(info), seq(oid(ECDSA_SHA256)), bits(new Uint8Array(sign('sha256', info, privateKey)))))
}
