/** Messages whose SignerInfo is wrong, by the name of the acceptance rule. */
import {
  encode,
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
import { CONTENT } from '../../../support/peers/crafted-message.js'
import { at, attribute, CA, EE, name, OTHER, sha256, sorted } from '../../../support/rpki/parts.js'
import {
  type BadMessages,
  CONTENT_TYPE_ATTRIBUTE,
  cms,
  infos,
  MESSAGE_DIGEST,
  nullAttribute,
  SHA512,
} from './bad-message.js'
import { BINARY_SIGNING_TIME, SECONDS, SIGNING_TIME, without } from './good-messages.js'

export const SIGNERS: BadMessages = {
  signers: {
    none: cms('0 signers, not one', infos(0), false),
    two: cms('2 signers, not one', infos(2)),
  },
  'signer-version': {
    '1': cms('SignerInfo has version 1, not 3', (p) => {
      p.siVersion = integer(1)
    }),
  },
  'signer-identifier': {
    'issuer and serial number': cms('not named by a subject key identifier', (p) => {
      p.sid = seq(name(CA.name), integer(4711))
    }),
    'another key': cms(`the signer ${OTHER.name} is not the EE certificate`, (p) => {
      p.sid = implicit(0, octets(OTHER.ski))
    }),
    'in parts': cms('not named by a subject key identifier', (p) => {
      p.sid = implicit(0, { ...seq(octets(EE.ski)), tag: 0x24 })
    }),
  },
  'signer-digest': {
    'SHA-512': cms('the digest algorithm of the signer is 2.16.840.1.101.3.4.2.3', (p) => {
      p.siDigest = SHA512
    }),
  },
  'signed-attributes': {
    none: cms(
      'the signer has no signed attributes',
      (p) => {
        p.hasAttributes = false
      },
      false,
    ),
    'one twice': cms(`the signed attribute ${SIGNING_TIME} appears twice`, (p) => {
      const second = attribute(SIGNING_TIME, utcOrGeneralized(at('2026-06-01T12:00:01Z')))
      p.attributes = sorted([...p.attributes, second])
    }),
    'the same one twice': cms(`the signed attribute ${MESSAGE_DIGEST} appears twice`, (p) => {
      p.attributes = sorted([...p.attributes, attribute(MESSAGE_DIGEST, octets(sha256(CONTENT)))])
    }),
    'an unknown one twice': cms('appears twice', (p) => {
      p.attributes = sorted([...p.attributes, nullAttribute, nullAttribute])
    }),
    'one with two values': cms('has 2 values, not one', (p) => {
      const times = ['2026-06-01T12:00:00Z', '2026-06-01T12:00:01Z'].map((time) => utcOrGeneralized(at(time)))
      p.attributes = without(p, SIGNING_TIME, attribute(SIGNING_TIME, ...times))
    }),
    'one without a value': cms('has 0 values, not one', (p) => {
      p.attributes = sorted([...p.attributes, attribute('1.2.840.113549.1.9.52')])
    }),
  },
  'content-type-attribute': {
    none: cms('no readable content-type attribute', (p) => {
      p.attributes = without(p, CONTENT_TYPE_ATTRIBUTE)
    }),
    'of a ROA': cms('the content-type attribute is 1.2.840.113549.1.9.16.1.24', (p) => {
      p.attributes = without(
        p,
        CONTENT_TYPE_ATTRIBUTE,
        attribute(CONTENT_TYPE_ATTRIBUTE, oid('1.2.840.113549.1.9.16.1.24')),
      )
    }),
  },
  'message-digest': {
    none: cms('no readable message-digest attribute', (p) => {
      p.attributes = without(p, MESSAGE_DIGEST)
    }),
    'of other content': cms('not that of the content', (p) => {
      p.attributes = without(p, MESSAGE_DIGEST, attribute(MESSAGE_DIGEST, octets(sha256(Buffer.from('other')))))
    }),
    'content exchanged': cms('not that of the content', (p) => {
      p.wrapped = octets(Buffer.from('<message version="1" type="revoke"/>'))
    }),
  },
  'signing-time': {
    none: cms('neither a signing-time nor a binary-signing-time', (p) => {
      p.attributes = without(p, SIGNING_TIME)
    }),
    'two that differ': cms('the binary-signing-time attribute 2026-06-01T12:00:01Z', (p) => {
      p.attributes = sorted([...p.attributes, attribute(BINARY_SIGNING_TIME, integer(SECONDS + 1))])
    }),
    'that is no time': cms('the signing-time attribute is unreadable', (p) => {
      p.attributes = without(p, SIGNING_TIME, attribute(SIGNING_TIME, integer(SECONDS)))
    }),
    'before 1970': cms('the binary-signing-time attribute is unreadable', (p) => {
      p.attributes = without(p, SIGNING_TIME, attribute(BINARY_SIGNING_TIME, integer(-1)))
    }),
    'after the year 9999': cms('the binary-signing-time attribute is unreadable', (p) => {
      p.attributes = without(p, SIGNING_TIME, attribute(BINARY_SIGNING_TIME, integer(1n << 200n)))
    }),
  },
  'signature-algorithm': {
    sha512WithRSAEncryption: cms('the signature algorithm is 1.2.840.113549.1.1.13', (p) => {
      p.signatureAlgorithm = seq(oid('1.2.840.113549.1.1.13'), nothing())
    }),
    'RSASSA-PSS': cms('the signature algorithm is 1.2.840.113549.1.1.10', (p) => {
      p.signatureAlgorithm = seq(oid('1.2.840.113549.1.1.10'), nothing())
    }),
  },
  signature: {
    changed: cms('does not verify', (p) => {
      p.breakSignature = true
    }),
    'over other attributes': cms('does not verify', (p) => {
      p.signOver = encode(set(nothing()))
    }),
    'over the tag of the wire': cms('does not verify', (p) => {
      const content = Buffer.concat(p.attributes)
      p.signOver = encode({ tag: 0xa0, content, size: content.length })
    }),
    'over the content': cms('does not verify', (p) => {
      p.signOver = p.eContent
    }),
  },
  'unsigned-attributes': {
    one: cms('the signer has unsigned attributes', (p) => {
      p.unsigned = implicit(1, set(raw(nullAttribute)))
    }),
  },
}
