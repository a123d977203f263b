/** ID certificates (RFC 8183 section 4): made, read, and refused. */
import { describe, expect, it } from 'vitest'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'
import {
  bits,
  boolean,
  encode,
  ia5,
  implicit,
  integer,
  nothing,
  octets,
  oid,
  raw,
  seq,
  utcOrGeneralized,
} from '../../../../src/core/der/writer.js'
import { makeIdCertificate, readIdCertificate } from '../../../../src/core/protocols/cms/id-certificate.js'
import { ProtocolFault } from '../../../../src/core/protocols/fault.js'
import { bpkiCa } from '../../../support/peers/crafted-message.js'
import { partyOf } from '../../../support/peers/parties.js'
import type { CertPatch } from '../../../support/rpki/objects.js'
import { aki, at, CA, ext, ID, name, OTHER, TA } from '../../../support/rpki/parts.js'
import { key, P256, RSA_1024 } from '../../../support/rpki/patches.js'

const FROM = '2026-06-01T00:00:00Z' as Instant
const { id } = await partyOf(0)
const made = await makeIdCertificate({ ...id, notBefore: FROM, notAfter: addSeconds(FROM, 86_400), serial: 7n })

describe('an ID certificate', () => {
  it('is read as it was made', () => {
    const { ski, spki } = id
    expect(readIdCertificate(made)).toMatchObject({ ski, spki, serial: 7n, isSelfSigned: true, notBefore: FROM })
  })

  it('is refused outside of its validity where a time is given', () => {
    expect(readIdCertificate(made, FROM).ski).toBe(id.ski)
    expect(() => readIdCertificate(made, addSeconds(FROM, -1))).toThrow('not at 2026-05-31T23:59:59Z')
    expect(() => readIdCertificate(made, addSeconds(FROM, 86_401))).toThrow('not at 2026-06-02T00:00:01Z')
  })

  it('may end after 2049', async () => {
    const notAfter = '2119-12-10T13:34:05Z' as Instant
    const long = await makeIdCertificate({ ...id, notBefore: FROM, notAfter, serial: 1n })
    expect(readIdCertificate(long).notAfter).toBe(notAfter)
  })
})

const accepted: Readonly<Record<string, readonly [CertPatch, isSelfSigned: boolean]>> = {
  'self-signed': [() => {}, true],
  'without AKI': [
    (p) => {
      delete p.extensions.aki
    },
    true,
  ],
  'signed by another key': [
    (p) => {
      p.issuer = name(TA.name)
      p.signer = TA
      p.extensions.aki = aki(TA.ski)
    },
    false,
  ],
  'of the name of its issuer': [
    (p) => {
      p.signer = TA
      p.extensions.aki = aki(TA.ski)
    },
    false,
  ],
  'with the AKI by name and serial number': [
    (p) => {
      const issuer = implicit(1, seq({ ...seq(name(TA.name)), tag: 0xa4 }))
      p.issuer = name(TA.name)
      p.signer = TA
      p.extensions.aki = ext(ID.aki, false, seq(issuer, implicit(2, integer(1))))
    },
    false,
  ],
  'with a path length, key usage and an unknown critical extension': [
    (p) => {
      p.extensions.bc = ext(ID.bc, true, seq(boolean(true), integer(0)))
      p.extensions.ku = ext(ID.ku, true, bits(Uint8Array.of(0x86), 1))
      p.extra.push(ext('1.2.3.4', true, nothing()), ext('2.16.840.1.113730.1.13', false, ia5('a comment')))
    },
    true,
  ],
  'with basic constraints that are not critical': [
    (p) => {
      p.extensions.bc = ext(ID.bc, false, seq(boolean(true)))
    },
    true,
  ],
}

const refused: Readonly<Record<string, readonly [CertPatch, says: string]>> = {
  'of version 1': [
    (p) => {
      p.version = undefined
    },
    'not of version 3',
  ],
  'without SKI': [
    (p) => {
      delete p.extensions.ski
    },
    'no subject key identifier',
  ],
  'with the SKI of another key': [
    (p) => {
      p.extensions.ski = ext(ID.ski, false, octets(OTHER.ski))
    },
    `the subject key identifier ${OTHER.name} of the ID certificate is not that of its key`,
  ],
  'without basic constraints': [
    (p) => {
      delete p.extensions.bc
    },
    'not of a CA',
  ],
  'with cA FALSE': [
    (p) => {
      p.extensions.bc = ext(ID.bc, true, seq())
    },
    'not of a CA',
  ],
  'that names itself and is signed by another key': [
    (p) => {
      p.signer = OTHER
    },
    'its own key does not verify its signature',
  ],
  'with an EC key': [key(P256), 'not an RSA key'],
  'with a key of 1024 bits': [key(RSA_1024), 'the RSA key has 1024 bits'],
  'that ends before it begins': [
    (p) => {
      p.notAfter = utcOrGeneralized(at('2025-01-01T00:00:00Z'))
    },
    'ends at 2025-01-01T00:00:00Z, before it begins',
  ],
  'with an extension twice': [
    (p) => {
      p.extra.push(ext(ID.ski, false, octets(CA.ski)))
    },
    'has the extension 2.5.29.14 twice',
  ],
  'with octets after it': [
    (p) => {
      p.trailing = Uint8Array.of(0)
    },
    'octets follow the ID certificate',
  ],
  'signed with SHA-1': [
    (p) => {
      p.algorithm = seq(oid('1.2.840.113549.1.1.5'), nothing())
      p.outerAlgorithm = p.algorithm
    },
    'not sha256WithRSAEncryption',
  ],
  'whose two algorithms differ': [
    (p) => {
      p.outerAlgorithm = seq(oid('1.2.840.113549.1.1.12'), nothing())
    },
    'differs from the signature algorithm',
  ],
  'larger than 64 KB': [
    (p) => {
      p.extra.push(ext('1.2.3.4', false, octets(new Uint8Array(70_000))))
    },
    'at most 65536 are accepted',
  ],
}

describe('an ID certificate of a peer', () => {
  it.each(Object.entries(accepted))('is accepted: %s', (_, [patch, isSelfSigned]) => {
    expect(readIdCertificate(bpkiCa(CA, CA, patch))).toMatchObject({ ski: CA.name, isSelfSigned })
  })

  it.each(Object.entries(refused))('is refused: %s', (_, [patch, says]) => {
    const read = () => readIdCertificate(bpkiCa(CA, CA, patch))
    expect(read).toThrow(ProtocolFault)
    expect(read).toThrow(says)
  })

  it('is refused in BER', () => {
    const der = bpkiCa(CA, CA)
    const ber = Buffer.concat([Uint8Array.of(0x30, 0x80), der.subarray(4), Uint8Array.of(0, 0)])
    expect(() => readIdCertificate(ber)).toThrow('is not DER: indefinite length')
  })

  it.each([
    ['nothing', new Uint8Array()],
    ['text', Buffer.from('-----BEGIN CERTIFICATE-----')],
    ['another SEQUENCE', encode(seq(integer(1), raw(encode(nothing()))))],
  ])('is not read from %s', (_, octetsOfFile) => {
    expect(() => readIdCertificate(octetsOfFile)).toThrow(ProtocolFault)
  })
})
