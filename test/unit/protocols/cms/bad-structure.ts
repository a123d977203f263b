/** Messages whose encoding, structure or content is wrong, by the name of the acceptance rule. */
import {
  encode,
  explicit,
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
import { CONTENT, crls, eeCertificate, messageCrl } from '../../../support/peers/crafted-message.js'
import { at, attribute, ext, ID, SHA256, sorted } from '../../../support/rpki/parts.js'
import {
  type BadMessages,
  bytes,
  CONTENT_TYPE_ATTRIBUTE,
  chunks,
  cms,
  crl,
  ee,
  indefinite,
  SHA512,
} from './bad-message.js'
import { without } from './good-messages.js'

export const STRUCTURE: BadMessages = {
  structure: {
    'no octets': bytes('no octets at all', () => new Uint8Array()),
    'no ASN.1': bytes('malformed', () => Buffer.from('<message/>')),
    'octets after the end': bytes('2 octets of trailing garbage', (m) => Buffer.concat([m, Uint8Array.of(0, 0)])),
    'no SignedData': bytes('this is not CMS SignedData', () =>
      encode(seq(oid('1.2.840.113549.1.7.1'), explicit(0, octets(CONTENT)))),
    ),
    'a certificate alone': bytes('this is not CMS SignedData', () => eeCertificate()),
    'an attribute certificate': cms('certificate 2 is not a certificate', (p) => {
      p.certificates = [...p.certificates, implicit(1, seq(integer(1)))]
    }),
    'a CRL in another format': cms(
      'not a certificate revocation list',
      (p) => {
        p.crls = crls(encode(implicit(1, seq(oid('1.2.3'), nothing()))))
      },
      false,
    ),
    'a member too many in SignedData': cms(
      'not 4 to 6',
      (p) => {
        p.crls = raw(Buffer.concat([encode(crls(messageCrl())), encode(integer(1))]))
      },
      false,
    ),
    'an EE certificate in BER': cms('is not DER: indefinite length', (p) => {
      p.certificates = [indefinite(eeCertificate())]
    }),
    'a CRL in BER': cms('the CRL is not DER: indefinite length', (p) => {
      p.crls = implicit(1, { ...seq(indefinite(messageCrl())), tag: 0x31 })
    }),
    'a CRL with a long length': cms('the CRL is not DER: length is not in its shortest form', (p) => {
      const list = messageCrl()
      p.crls = implicit(1, {
        ...seq(raw(Buffer.concat([Uint8Array.of(0x30, 0x83, 0, list[2] ?? 0, list[3] ?? 0), list.subarray(4)]))),
        tag: 0x31,
      })
    }),
    'a CRL with a BOOLEAN in BER': crl('the CRL is not DER: BOOLEAN TRUE is not 0xff', (p) => {
      const value = raw(encode(octets(encode(integer(7)))))
      const number = seq(oid('2.5.29.20'), { tag: 1, content: Uint8Array.of(1), size: 1 }, value)
      p.extensions = [number]
    }),
    'an extension twice': ee('has the extension 1.2.3.4 twice', (p) => {
      p.extra.push(ext('1.2.3.4', false, nothing()), ext('1.2.3.4', false, nothing()))
    }),
    'an EE certificate signed with SHA-512': ee('not sha256WithRSAEncryption', (p) => {
      p.algorithm = seq(oid('1.2.840.113549.1.1.13'), nothing())
      p.outerAlgorithm = p.algorithm
    }),
    'an EE certificate whose validity is no time': ee('notAfter of the EE certificate is unreadable', (p) => {
      p.notAfter = { tag: 0x17, content: '260601120500+0100', size: 17 }
    }),
    'an AKI of another form': ee('the authority key identifier of the EE certificate is malformed', (p) => {
      p.extensions.aki = ext(ID.aki, false, seq(implicit(2, integer(1))))
    }),
    'a name that is none': ee('an attribute of the subject of the EE certificate is not a type with a string', (p) => {
      p.subject = seq(set(seq(oid('2.5.4.3'), nothing())))
    }),
    'a CRL of version 1': crl('the CRL is not of version 2', (p) => {
      p.version = undefined
      p.extensions = []
    }),
    'a CRL without nextUpdate': crl('the CRL has no nextUpdate', (p) => {
      p.nextUpdate = undefined
    }),
    'a CRL of a part of the certificates': crl('critical extension 2.5.29.28', (p) => {
      p.extensions.push(ext('2.5.29.28', true, seq()))
    }),
    'a delta CRL': crl('critical extension 2.5.29.27', (p) => {
      p.extensions.push(ext('2.5.29.27', true, integer(1)))
    }),
    'an entry of a CRL that is none': crl('no readable serial number', (p) => {
      p.revoked = seq(seq(octets(Uint8Array.of(18)), utcOrGeneralized(at('2026-05-01T00:00:00Z'))))
    }),
    'an entry of a CRL of another CA': crl('critical extension 2.5.29.29', (p) => {
      p.revoked = seq(seq(integer(1), utcOrGeneralized(at('2026-05-01T00:00:00Z')), seq(ext('2.5.29.29', true, seq()))))
    }),
    'more than 20 attributes': cms(
      'not 0 to 20',
      (p) => {
        p.attributes = sorted([
          ...p.attributes,
          ...Array.from({ length: 20 }, (_, i) => attribute(`1.2.3.${i}`, nothing())),
        ])
      },
      false,
    ),
  },
  version: {
    '1': cms('SignedData has version 1, not 3', (p) => {
      p.version = integer(1)
    }),
    '5': cms('SignedData has version 5, not 3', (p) => {
      p.version = integer(5)
    }),
  },
  'digest-algorithms': {
    none: cms('the digest algorithms are none', (p) => {
      p.digestAlgorithms = set()
    }),
    'SHA-512': cms('not just SHA-256', (p) => {
      p.digestAlgorithms = set(SHA512)
    }),
    two: cms('not just SHA-256', (p) => {
      p.digestAlgorithms = set(SHA256, SHA512)
    }),
  },
  'content-type': {
    'of a ROA': cms('the content is of type 1.2.840.113549.1.9.16.1.24, not id-ct-xml', (p) => {
      p.contentType = '1.2.840.113549.1.9.16.1.24'
      p.attributes = without(p, CONTENT_TYPE_ATTRIBUTE, attribute(CONTENT_TYPE_ATTRIBUTE, oid(p.contentType)))
    }),
  },
  content: {
    'content in parts of another type': cms(
      'no content',
      (p) => {
        p.wrapped = chunks(octets(CONTENT), integer(1))
      },
      false,
    ),
    detached: cms(
      'the message has no content',
      (p) => {
        p.wrapped = undefined
      },
      false,
    ),
    'of another type': cms(
      'the message has no content',
      (p) => {
        p.wrapped = { tag: 0x0c, content: CONTENT, size: CONTENT.length }
      },
      false,
    ),
  },
}
