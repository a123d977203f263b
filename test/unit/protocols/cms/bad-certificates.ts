/** Messages whose certificates or CRL are wrong, by the name of the acceptance rule. */
import {
  bits,
  boolean,
  encode,
  implicit,
  integer,
  nothing,
  octets,
  oid,
  raw,
  seq,
  utcOrGeneralized,
} from '../../../../src/core/der/writer.js'
import { bpkiCa, crls, eeCertificate, messageCrl } from '../../../support/peers/crafted-message.js'
import { crlNumber } from '../../../support/rpki/objects.js'
import { aki, at, attribute, CA, EE, ext, ID, OTHER, RSA, TA } from '../../../support/rpki/parts.js'
import { P256, RSA_1024 } from '../../../support/rpki/patches.js'
import { type BadMessages, bad, cms, crl, ee } from './bad-message.js'
import { CHAIN, SIGNING_TIME, without } from './good-messages.js'

export const CERTIFICATES: BadMessages = {
  certificates: {
    none: cms(
      '0 EE certificates, not one',
      (p) => {
        p.certificates = []
      },
      false,
    ),
    'the CA alone': cms(
      '0 EE certificates, not one',
      (p) => {
        p.certificates = [raw(bpkiCa(CA, CA))]
      },
      false,
    ),
    two: cms('2 EE certificates, not one', (p) => {
      p.certificates = [...p.certificates, raw(eeCertificate(undefined, OTHER))]
    }),
    'one twice': cms('2 EE certificates, not one', (p) => {
      p.certificates = [...p.certificates, ...p.certificates]
    }),
    'six CAs': cms('6 CA certificates, at most 5 are accepted', (p) => {
      p.certificates = [...p.certificates, ...Array.from({ length: 6 }, () => raw(bpkiCa(TA, TA)))]
    }),
    'the signer is a CA': ee(
      '0 EE certificates, not one',
      (p) => {
        p.extensions.bc = ext(ID.bc, true, seq(boolean(true)))
      },
      false,
    ),
  },
  'ee-certificate': {
    'of version 1': ee('the EE certificate is not of version 3', (p) => {
      p.version = undefined
    }),
    'with a key of 1024 bits': ee(
      'the RSA key has 1024 bits',
      (p) => {
        p.spki = RSA_1024.spki
        p.extensions.ski = ext(ID.ski, false, octets(RSA_1024.ski))
      },
      false,
    ),
    'with an EC key': ee(
      'the public key is not an RSA key',
      (p) => {
        p.spki = P256.spki
        p.extensions.ski = ext(ID.ski, false, octets(P256.ski))
      },
      false,
    ),
    'with a key without NULL': ee('the RSA key has no NULL parameters', (p) => {
      p.spki = encode(seq(seq(oid('1.2.840.113549.1.1.1')), raw(p.spki.subarray(4 + 15))))
    }),
    'with an exponent of 1': ee(
      'the RSA exponent is 1',
      (p) => {
        const numbers = encode(seq(integer((1n << 2047n) + 12345n), integer(1)))
        p.spki = encode(seq(RSA, bits(numbers)))
      },
      false,
    ),
    'without SKI': ee(
      'has no subject key identifier',
      (p) => {
        delete p.extensions.ski
      },
      false,
    ),
    'with the SKI of another key': bad('is not that of its key', {
      ee: (p) => {
        p.extensions.ski = ext(ID.ski, false, octets(OTHER.ski))
      },
      cms: (p) => {
        p.sid = implicit(0, octets(OTHER.ski))
      },
    }),
    'that is not for signatures': ee('key usage without digitalSignature', (p) => {
      p.extensions.ku = ext(ID.ku, true, bits(Uint8Array.of(0x20), 5))
    }),
    'that ends before it begins': ee('ends before it begins', (p) => {
      p.notBefore = utcOrGeneralized(at('2026-06-01T12:01:00Z'))
      p.notAfter = utcOrGeneralized(at('2026-06-01T11:59:00Z'))
    }),
  },
  crls: {
    none: cms('0 CRLs, not one', (p) => {
      p.crls = undefined
    }),
    'an empty set': cms('0 CRLs, not one', (p) => {
      p.crls = crls()
    }),
    two: cms('2 CRLs, not one', (p) => {
      p.crls = crls(messageCrl(), messageCrl(undefined, OTHER))
    }),
  },
  issuer: {
    'another key': ee('the EE certificate is not signed by the ID key', (p) => {
      p.signer = OTHER
    }),
    'the AKI of another key': ee(
      `the authority key identifier ${OTHER.name} of the EE certificate is not the key that signed it`,
      (p) => {
        p.extensions.aki = aki(OTHER.ski)
      },
    ),
    'signed by itself': ee('the EE certificate is not signed by the ID key', (p) => {
      p.signer = EE
      p.extensions.aki = aki(EE.ski)
    }),
    'a chain to another key': bad('the EE certificate is not signed by the ID key', {
      cms: (p) => {
        CHAIN.cms?.(p)
        p.certificates = [raw(bpkiCa(OTHER, TA)), p.certificates[1] ?? nothing()]
      },
    }),
    'a chain without its middle': bad('the EE certificate is not signed by the ID key', {
      cms: (p) => {
        CHAIN.cms?.(p)
        p.certificates = p.certificates.slice(1)
      },
    }),
    'a CA that may not sign certificates': bad('may not sign certificates', {
      cms: (p) => {
        CHAIN.cms?.(p)
        const ca = bpkiCa(OTHER, CA, (parts) => {
          parts.extensions.ku = ext(ID.ku, true, bits(Uint8Array.of(0x80), 7))
        })
        p.certificates = [raw(ca), p.certificates[1] ?? nothing()]
      },
    }),
    'a CA with too many CAs below': bad('allows 0 CAs below itself, there are 1', {
      cms: (p) => {
        CHAIN.cms?.(p)
        const top = bpkiCa(TA, CA, (parts) => {
          parts.extensions.bc = ext(ID.bc, true, seq(boolean(true), integer(0)))
        })
        p.certificates = [raw(bpkiCa(OTHER, TA)), raw(top), p.certificates[1] ?? nothing()]
      },
    }),
    'a CA with the AKI of another key': bad('of a CA certificate of the message is not the key that signed it', {
      cms: (p) => {
        CHAIN.cms?.(p)
        const ca = bpkiCa(OTHER, CA, (parts) => {
          parts.extensions.aki = aki(TA.ski)
        })
        p.certificates = [raw(ca), p.certificates[1] ?? nothing()]
      },
    }),
  },
  validity: {
    'an expired EE certificate': ee(
      'the EE certificate is valid from',
      (p) => {
        p.notBefore = utcOrGeneralized(at('2026-05-01T00:00:00Z'))
        p.notAfter = utcOrGeneralized(at('2026-06-01T11:54:59Z'))
      },
      false,
    ),
    'an EE certificate of later': ee(
      'the EE certificate is valid from',
      (p) => {
        p.notBefore = utcOrGeneralized(at('2026-06-01T12:05:01Z'))
        p.notAfter = utcOrGeneralized(at('2026-07-01T00:00:00Z'))
      },
      false,
    ),
    'an expired CA certificate': bad('a CA certificate of the message is valid from', {
      cms: (p) => {
        CHAIN.cms?.(p)
        const ca = bpkiCa(OTHER, CA, (parts) => {
          parts.notAfter = utcOrGeneralized(at('2026-05-01T00:00:00Z'))
        })
        p.certificates = [raw(ca), p.certificates[1] ?? nothing()]
      },
    }),
  },
  'crl-signature': {
    'another key': crl('the CRL is not signed by', (p) => {
      p.signer = OTHER
    }),
    changed: crl('the CRL is not signed by', (p) => {
      p.breakSignature = true
    }),
    'the AKI of another key': crl('of the CRL is not the key that issued the EE certificate', (p) => {
      p.extensions = [aki(OTHER.ski), crlNumber(integer(1))]
    }),
    'of the ID key where another CA issued the EE certificate': bad('the CRL is not signed by', {
      cms: (p) => {
        CHAIN.cms?.(p)
        p.crls = crls(messageCrl())
      },
    }),
  },
  'crl-early': {
    'of later': crl('the CRL is valid from 2026-06-01T12:05:01Z', (p) => {
      p.thisUpdate = utcOrGeneralized(at('2026-06-01T12:05:01Z'))
      p.nextUpdate = utcOrGeneralized(at('2026-07-01T00:00:00Z'))
    }),
  },
  'crl-stale': {
    expired: crl('the CRL was valid until 2026-05-01T00:00:00Z', (p) => {
      p.thisUpdate = utcOrGeneralized(at('2026-04-01T00:00:00Z'))
      p.nextUpdate = utcOrGeneralized(at('2026-05-01T00:00:00Z'))
    }),
    'expired more than five minutes ago': crl('the CRL was valid until 2026-06-01T11:54:59Z', (p) => {
      p.thisUpdate = utcOrGeneralized(at('2026-04-01T00:00:00Z'))
      p.nextUpdate = utcOrGeneralized(at('2026-06-01T11:54:59Z'))
    }),
  },
  revoked: {
    'by the CRL': crl('the EE certificate 1267 is revoked', (p) => {
      p.revoked = seq(seq(integer(4711), utcOrGeneralized(at('2026-06-01T11:59:00Z'))))
    }),
    'from tomorrow': crl('the EE certificate 1267 is revoked', (p) => {
      p.revoked = seq(seq(integer(4711), utcOrGeneralized(at('2026-06-02T00:00:00Z'))))
    }),
    'by a stale CRL': crl(
      'the EE certificate 1267 is revoked',
      (p) => {
        p.thisUpdate = utcOrGeneralized(at('2026-04-01T00:00:00Z'))
        p.nextUpdate = utcOrGeneralized(at('2026-05-01T00:00:00Z'))
        p.revoked = seq(seq(integer(4711), utcOrGeneralized(at('2026-04-01T00:00:00Z'))))
      },
      false,
    ),
  },
  'signing-time-validity': {
    'before the EE certificate': cms('not at 2026-06-01T11:49:59Z, the signing time', (p) => {
      p.attributes = without(p, SIGNING_TIME, attribute(SIGNING_TIME, utcOrGeneralized(at('2026-06-01T11:49:59Z'))))
    }),
    'later than the clock': bad('the signing time 2026-06-02T12:00:00Z is later than 2026-06-01T12:00:00Z', {
      ee: (p) => {
        p.notAfter = utcOrGeneralized(at('2027-06-01T00:00:00Z'))
      },
      cms: (p) => {
        p.attributes = without(p, SIGNING_TIME, attribute(SIGNING_TIME, utcOrGeneralized(at('2026-06-02T12:00:00Z'))))
      },
    }),
  },
}
