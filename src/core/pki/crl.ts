/**
 * Certificate revocation lists of the CAs of enrolment (RFC 5280 section 5): version 2, complete, signed with the CA's own key.
 * Invariants: entries are sorted by serial, each once; the reason `unspecified` is left out (section 5.3.1).
 */
import type { Instant } from '../base/time.js'
import { bits, type Der, encode, explicit, integer, raw, seq, seqOf, utcOrGeneralized } from '../der/writer.js'
import { authorityKeyIdentifier, extension } from './extensions.js'
import type { Issuer } from './issue.js'

export interface RevokedCertificate {
  /** Hex. */
  readonly serial: string
  readonly revokedAt: Instant
  /** CRLReason (section 5.3.1). */
  readonly reason: number
}

export interface RevocationList {
  /** CRL number: rises with every CRL of the CA (section 5.2.3). */
  readonly number: bigint
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant
  /** In any order. */
  readonly revoked: readonly RevokedCertificate[]
}

/** Conforming readers handle 20 octets of a CRL number and of a serial, including the sign (sections 4.1.2.2 and 5.2.3). */
const LIMIT = 1n << 159n

/** Signs a CRL and returns its DER. Throws a TypeError for reversed times, a CRL number or serial that is too long or negative, and a repeated serial. */
export async function signCrl(issuer: Issuer, list: RevocationList): Promise<Uint8Array> {
  const { certificate: ca, scheme } = issuer
  if (list.thisUpdate >= list.nextUpdate)
    throw new TypeError(`thisUpdate ${list.thisUpdate} is not before nextUpdate ${list.nextUpdate}`)
  if (list.number < 0n || list.number >= LIMIT) throw new TypeError(`invalid CRL number: ${list.number}`)
  const tbs = encode(
    seq(
      integer(1),
      scheme.algorithm,
      raw(ca.subject.der),
      utcOrGeneralized(list.thisUpdate),
      utcOrGeneralized(list.nextUpdate),
      // absent, not empty, if nothing is revoked (section 5.1.2.6)
      ...(list.revoked.length === 0 ? [] : [entries(list.revoked)]),
      explicit(0, seq(authorityKeyIdentifier(ca), extension('2.5.29.20', false, integer(list.number)))),
    ),
  )
  return encode(seq(raw(tbs), scheme.algorithm, bits(await issuer.sign(tbs))))
}

function entries(revoked: readonly RevokedCertificate[]): Der {
  const sorted = revoked
    .map((entry) => ({ ...entry, number: numberOf(entry.serial) }))
    .sort((a, b) => (a.number < b.number ? -1 : a.number > b.number ? 1 : 0))
  return seqOf(
    sorted.map(({ number, serial, revokedAt, reason }, n) => {
      if (number === sorted[n - 1]?.number) throw new TypeError(`serial revoked twice: ${serial}`)
      const reasonCode = reason === 0 ? [] : [seq(extension('2.5.29.21', false, enumerated(reason)))]
      return seq(integer(number), utcOrGeneralized(revokedAt), ...reasonCode)
    }),
  )
}

function numberOf(serial: string): bigint {
  const number = /^[0-9a-f]+$/i.test(serial) ? BigInt(`0x${serial}`) : -1n
  if (number < 0n || number >= LIMIT) throw new TypeError(`invalid serial number: ${serial.slice(0, 60)}`)
  return number
}

/** Encodes an ENUMERATED (X.690 section 8.4): as an INTEGER, with its own tag. */
function enumerated(value: number): Der {
  return { ...integer(value), tag: 0x0a }
}
