/** Messages that are accepted, although they differ from ours: what real peers send. `remark` is what the operator reads. */
import {
  bits,
  boolean,
  type Der,
  encode,
  ia5,
  implicit,
  integer,
  nothing,
  octets,
  oid,
  raw,
  seq,
  set,
  utcOrGeneralized,
} from '../../../../src/core/der/writer.js'
import {
  asBer,
  bpkiCa,
  CONTENT,
  type Craft,
  crls,
  eeCertificate,
  messageCrl,
  SIGNED_AT,
} from '../../../support/peers/crafted-message.js'
import type { CmsParts } from '../../../support/rpki/objects.js'
import { crlNumber } from '../../../support/rpki/objects.js'
import { aki, at, attribute, CA, ext, ID, name, OTHER, RSA_SHA256, sorted, TA } from '../../../support/rpki/parts.js'

export interface GoodMessage extends Craft {
  readonly remark?: RegExp
}

export const SIGNING_TIME = '1.2.840.113549.1.9.5'
export const BINARY_SIGNING_TIME = '1.2.840.113549.1.9.16.2.46'
/** SIGNED_AT in seconds since 1970. */
export const SECONDS = 1780315200

/** Returns the attributes of `parts` without those of a type, and with others. */
export function without(parts: CmsParts, type: string, ...more: readonly Uint8Array[]): Uint8Array[] {
  const prefix = Buffer.from(encode(oid(type)))
  return sorted([...parts.attributes.filter((one) => !Buffer.from(one).includes(prefix)), ...more])
}

const NULL_AFTER_SHA256 = seq(oid('2.16.840.1.101.3.4.2.1'), nothing())
const asSet = (list: readonly Uint8Array[]): Uint8Array => {
  const content = Buffer.concat(list)
  return encode({ tag: 0x31, content, size: content.length })
}
const chunks = (parts: readonly Der[]): Der => ({ ...seq(...parts), tag: 0x24 })

/** An EE certificate of EE by `OTHER`, the certificate of `OTHER` by `CA`, and the CRL of `OTHER`. */
export const CHAIN: Craft = {
  cms: (parts) => {
    const ee = eeCertificate((p) => {
      p.issuer = name(OTHER.name)
      p.signer = OTHER
      p.extensions.aki = aki(OTHER.ski)
    })
    parts.certificates = [raw(bpkiCa(OTHER, CA)), raw(ee)]
    parts.crls = crls(messageCrl(undefined, OTHER))
  },
}

export const GOOD: Readonly<Record<string, GoodMessage>> = {
  'as we make it': {},
  'indefinite lengths and strings in parts': {
    bytes: asBer,
    remark: /^X.690 section 10.1: the encoding is not DER in \d+ places/,
  },
  'content in parts': {
    cms: (p) => {
      p.wrapped = chunks([octets(CONTENT.subarray(0, 5)), octets(CONTENT.subarray(5))])
    },
    remark: /constructed string/,
  },
  'content in one part after empty ones': {
    cms: (p) => {
      p.wrapped = chunks([octets(new Uint8Array()), octets(CONTENT), octets(new Uint8Array())])
    },
    remark: /constructed string/,
  },
  'NULL after SHA-256': {
    cms: (p) => {
      p.siDigest = NULL_AFTER_SHA256
      p.digestAlgorithms = set(NULL_AFTER_SHA256)
    },
    remark: /parameters after SHA-256/,
  },
  'signed attributes unsorted, signed in that order': {
    cms: (p) => {
      p.attributes = [...p.attributes].reverse()
    },
  },
  'signed attributes unsorted, signed in DER': {
    cms: (p) => {
      p.signOver = asSet(p.attributes)
      p.attributes = [...p.attributes].reverse()
    },
  },
  'sha256WithRSAEncryption as the signature algorithm': {
    cms: (p) => {
      p.signatureAlgorithm = RSA_SHA256
    },
    remark: /^RFC 6492 section 3.1.1.6.5: the signature algorithm is sha256WithRSAEncryption/,
  },
  'an unknown signed attribute': {
    cms: (p) => {
      p.attributes = sorted([...p.attributes, attribute('1.2.840.113549.1.9.52', seq(nothing()))])
    },
    remark: /unknown signed attributes are ignored: 1.2.840.113549.1.9.52$/,
  },
  'binary-signing-time instead of signing-time': {
    cms: (p) => {
      p.attributes = without(p, SIGNING_TIME, attribute(BINARY_SIGNING_TIME, integer(SECONDS)))
    },
  },
  'binary-signing-time beside signing-time': {
    cms: (p) => {
      p.attributes = sorted([...p.attributes, attribute(BINARY_SIGNING_TIME, integer(SECONDS))])
    },
  },
  'signing-time as GeneralizedTime': {
    cms: (p) => {
      p.attributes = without(
        p,
        SIGNING_TIME,
        attribute(SIGNING_TIME, { tag: 0x18, content: '20260601120000Z', size: 15 }),
      )
    },
  },
  'a chain of one CA certificate': CHAIN,
  'CA certificates that are not needed': {
    cms: (p) => {
      p.certificates = [...p.certificates, raw(bpkiCa(CA, CA)), raw(bpkiCa(TA, TA)), raw(bpkiCa(OTHER, TA))]
    },
    remark: /^RFC 6492 section 3.1.1.4: 3 CA certificates of the message are not needed$/,
  },
  'five CA certificates': {
    cms: (p) => {
      p.certificates = [...p.certificates, ...Array.from({ length: 5 }, () => raw(bpkiCa(TA, TA)))]
    },
    remark: /5 CA certificates/,
  },
  'an EE certificate of years': {
    ee: (p) => {
      p.notBefore = utcOrGeneralized(at('2019-07-24T15:27:08Z'))
      p.notAfter = utcOrGeneralized(at('2055-07-24T15:27:08Z'))
    },
  },
  'an EE certificate with cA FALSE, key usage, a comment and a critical extension': {
    ee: (p) => {
      p.extensions.bc = ext(ID.bc, false, seq())
      p.extensions.ku = ext(ID.ku, true, bits(Uint8Array.of(0x80), 7))
      p.extra.push(ext('2.16.840.1.113730.1.13', false, ia5('made by openssl')), ext('1.2.3.4', true, nothing()))
    },
  },
  'an EE certificate without AKI': {
    ee: (p) => {
      delete p.extensions.aki
    },
    remark: /the EE certificate has no key identifier of its issuer$/,
  },
  'an AKI by name and serial number': {
    ee: (p) => {
      const issuer = implicit(1, seq({ ...seq(name(CA.name)), tag: 0xa4 }))
      p.extensions.aki = ext(ID.aki, false, seq(issuer, implicit(2, integer(1))))
    },
    remark: /the EE certificate has no key identifier of its issuer$/,
  },
  'an EE certificate with names that no string type allows': {
    ee: (p) => {
      p.subject = seq(set(seq(oid('2.5.4.3'), { tag: 0x13, content: 'a_b@*', size: 5 })))
    },
    remark: /PrintableString contains "_"/,
  },
  'an EE certificate without names': {
    ee: (p) => {
      p.subject = seq()
      p.issuer = seq()
    },
  },
  'a CRL without AKI': {
    crl: (p) => {
      p.extensions = [crlNumber(integer(1))]
    },
  },
  'a CRL without CRL number': {
    crl: (p) => {
      p.extensions = [aki(CA.ski)]
    },
    remark: /the CRL has no CRL number$/,
  },
  'a CRL with entries of other certificates, with reasons': {
    crl: (p) => {
      const reason = seq(ext('2.5.29.21', false, raw(Uint8Array.of(0x0a, 1, 1))))
      p.revoked = seq(
        seq(integer(1), utcOrGeneralized(SIGNED_AT)),
        seq(integer(2), utcOrGeneralized(SIGNED_AT), reason),
      )
    },
  },
  'a CRL of years': {
    crl: (p) => {
      p.thisUpdate = utcOrGeneralized(at('2011-07-01T00:00:00Z'))
      p.nextUpdate = utcOrGeneralized(at('2031-07-01T00:00:00Z'))
    },
  },
  'BOOLEAN TRUE that is not 0xff in the EE certificate': {
    ee: (p) => {
      p.extra.push(seq(oid('1.2.3.4'), { tag: 1, content: Uint8Array.of(1), size: 1 }, octets(encode(boolean(true)))))
    },
    remark: /BOOLEAN TRUE is not 0xff/,
  },
}
