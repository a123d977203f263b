/** Certificate revocation lists (RFC 6487 section 5): version 2, exactly the extensions AKI and CRL number, no entry extensions. */
import type { Sign } from '../crypto/ports.js'
import { type Der, encode, explicit, integer, seq, seqOf, utcOrGeneralized } from '../der/writer.js'
import type { CrlContent, CrlEntry } from './types.js'
import {
  authorityKeyIdentifier,
  extension,
  issuerName,
  limitedNumber,
  SHA256_WITH_RSA,
  signed,
} from './x509/encode-certificate.js'
import { OID_CRL_NUMBER } from './x509/oids.js'

/**
 * The DER CRL, entries sorted by serial; without any, revokedCertificates is absent (RFC 5280 section 5.1.2.6).
 * Throws a TypeError for times reversed, a number outside 0 to 2^159 - 1, a serial outside 1 to 2^159 - 1 or twice.
 */
export async function signCrl(content: CrlContent, sign: Sign): Promise<Uint8Array> {
  return signed(encode(tbsCertList(content)), sign)
}

function tbsCertList(content: CrlContent): Der {
  if (content.thisUpdate >= content.nextUpdate)
    throw new TypeError(`thisUpdate ${content.thisUpdate} is not before nextUpdate ${content.nextUpdate}`)
  const number = limitedNumber('CRL number', content.number, 0n)
  const extensions = seq(authorityKeyIdentifier(content.aki), extension(OID_CRL_NUMBER, false, number))
  return seq(
    integer(1),
    SHA256_WITH_RSA,
    issuerName(content),
    utcOrGeneralized(content.thisUpdate),
    utcOrGeneralized(content.nextUpdate),
    ...(content.revoked.length === 0 ? [] : [revokedCertificates(content.revoked)]),
    explicit(0, extensions),
  )
}

function revokedCertificates(entries: readonly CrlEntry[]): Der {
  const sorted = [...entries].sort((a, b) => (a.serial < b.serial ? -1 : a.serial > b.serial ? 1 : 0))
  return seqOf(
    sorted.map(({ serial, revokedAt }, i) => {
      if (serial === sorted[i - 1]?.serial) throw new TypeError(`serial revoked twice: ${serial}`)
      return seq(limitedNumber('serial', serial, 1n), utcOrGeneralized(revokedAt))
    }),
  )
}
