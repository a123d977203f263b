/**
 * Encoder of messages (RFC 6492 section 3.1.1): CMS in DER, signed by an EE certificate with a key of its own, with the CRL of the ID key.
 * Three signed attributes and no more: rpki-rs encodes the length of 128 octets and above wrongly, and then refuses the signature.
 */
import type { Random } from '../../base/ports.js'
import { addSeconds, epochOf, type Instant } from '../../base/time.js'
import type { OneTimeKey, Signer } from '../../crypto/ports.js'
import { encode, explicit, integer, octets, raw, seq, utcOrGeneralized } from '../../der/writer.js'
import { signCrl } from '../../rpki/crl.js'
import { signData } from '../../rpki/signed-object/cms.js'
import {
  authorityKeyIdentifier,
  commonName,
  extension,
  keyIdBytes,
  limitedNumber,
  SHA256_WITH_RSA,
  signed,
} from '../../rpki/x509/encode-parts.js'
import { OID_SUBJECT_KEY_IDENTIFIER } from '../../rpki/x509/oids.js'
import type { IdSigner } from './types.js'

/** RFC 6492 section 3.1.1.3.1: id-ct-xml. */
export const OID_CT_XML = '1.2.840.113549.1.9.16.1.28'

/** Seconds that the EE certificate and the CRL are valid before and after the signing time. */
const MARGIN = 300

export interface MessageInput {
  /** The XML text in UTF-8. */
  readonly content: Uint8Array
  readonly id: IdSigner
  /** Signing time. */
  readonly at: Instant
  readonly signer: Pick<Signer, 'signOneOff'>
  readonly random: Random
  /** Validity of the EE certificate and the CRL; default 5 minutes to both sides of `at`. */
  readonly validity?: Validity
}

interface Validity {
  readonly from: Instant
  readonly to: Instant
}

/** Returns the message in DER. */
export async function signMessage(input: MessageInput): Promise<Uint8Array> {
  const { content, id, at, random } = input
  const validity = input.validity ?? { from: addSeconds(at, -MARGIN), to: addSeconds(at, MARGIN) }
  const crl = await signCrl(
    {
      issuer: id.ski,
      aki: id.ski,
      thisUpdate: validity.from,
      nextUpdate: validity.to,
      number: BigInt(epochOf(at)) * 1000n,
      revoked: [],
    },
    id.sign,
  )
  return input.signer.signOneOff(async (key) => {
    const ee = await signEe(id, key, validity, random)
    return signData({
      contentType: OID_CT_XML,
      eContent: content,
      signingTime: at,
      certificates: [ee],
      crls: [crl],
      key,
    })
  })
}

/** Returns the EE certificate of one message (RFC 6492 section 3.1.1.4). */
async function signEe(id: IdSigner, key: OneTimeKey, validity: Validity, random: Random): Promise<Uint8Array> {
  const tbs = seq(
    explicit(0, integer(2)),
    limitedNumber('serial', randomSerial(random), 1n),
    SHA256_WITH_RSA,
    commonName(id.ski),
    seq(utcOrGeneralized(validity.from), utcOrGeneralized(validity.to)),
    commonName(key.id),
    raw(key.spki),
    explicit(
      3,
      seq(extension(OID_SUBJECT_KEY_IDENTIFIER, false, octets(keyIdBytes(key.id))), authorityKeyIdentifier(id.ski)),
    ),
  )
  return signed(encode(tbs), id.sign)
}

/** Returns a positive number of 20 octets whose highest bits are 01, so that its size does not vary. */
function randomSerial(random: Random): bigint {
  const bytes = random.bytes(20)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}
