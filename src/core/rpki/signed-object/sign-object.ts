/** Encoder of RPKI signed objects (RFC 6488): a content, the EE certificate of a one-time key, and that key's signature. */
import { compareBytes, concat } from '../../base/bytes.js'
import type { Instant } from '../../base/time.js'
import type { OneTimeKey, Sign } from '../../crypto/ports.js'
import { encode, generalized } from '../../der/writer.js'
import { OBJECT_KINDS, type SignedKind } from '../object-kinds.js'
import { signCertificate } from '../x509/certificate.js'
import type { CertificateContent } from '../x509/types.js'
import { signData } from './cms.js'

export interface SignedObjectInput {
  readonly kind: SignedKind
  /** DER from the encoder of the kind. */
  readonly eContent: Uint8Array
  readonly signingTime: Instant
  /** The EE certificate without the members that follow from the key: its subject is `key.id`. */
  readonly ee: Omit<CertificateContent, 'spki' | 'subject' | 'kind'>
  /** The CA's signature over the EE certificate. */
  readonly issuerSign: Sign
  readonly key: OneTimeKey
}

/**
 * Returns the DER object. Throws a TypeError where `signCertificate` does, and for a manifest whose EE certificate
 * is not valid exactly from thisUpdate to nextUpdate (RFC 9286 section 5.1).
 */
export async function signObject(input: SignedObjectInput): Promise<Uint8Array> {
  const { kind, eContent, ee, key } = input
  if (kind === 'mft') checkManifestTimes(eContent, ee.notBefore, ee.notAfter)
  const certificate = await signCertificate({ ...ee, kind: 'ee', subject: key.id, spki: key.spki }, input.issuerSign)
  return signData({
    contentType: OBJECT_KINDS[kind].contentType,
    eContent,
    signingTime: input.signingTime,
    certificates: [certificate],
    key,
  })
}

/** Compares the encoded times: they follow the manifest number, which has fewer than 128 octets. */
function checkManifestTimes(eContent: Uint8Array, notBefore: Instant, notAfter: Instant): void {
  const lengthOctet = eContent[1] ?? 0
  const number = lengthOctet < 0x80 ? 2 : 2 + (lengthOctet & 0x7f)
  const times = number + 2 + (eContent[number + 1] ?? 0)
  const expected = concat([encode(generalized(notBefore)), encode(generalized(notAfter))])
  if (compareBytes(eContent.subarray(times, times + expected.length), expected) !== 0)
    throw new TypeError(`the EE certificate is valid from ${notBefore} to ${notAfter}, the manifest is not`)
}
