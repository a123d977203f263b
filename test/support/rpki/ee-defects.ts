/** Single defects of EE certificates and of router certificates. */
import { bits, explicit, integer, nothing, octets, oid, seq, utcOrGeneralized } from '../../../src/core/der/writer.js'
import { numberedName } from '../../../src/core/rpki/x509/encode-parts.js'
import type { CertPatch } from './objects.js'
import { access, as, at, CA_REPO, ext, HOST, ID, ip, prefix, sia, v4 } from './parts.js'
import { type CertDefects, drop, flip, key, P256, P384, put, serial, time, utc } from './patches.js'

/** Defects of the EE certificate inside a ROA. */
export const ROA_EE: CertDefects = {
  algNoParams: [
    (p) => {
      p.algorithm = seq(oid('1.2.840.113549.1.1.11'))
      p.outerAlgorithm = p.algorithm
    },
    'ok',
  ],
  kuUnused0: [put('ku', ext(ID.ku, true, bits(Uint8Array.of(0x80), 0))), 'ok'],
  kuNonRep: [put('ku', ext(ID.ku, true, bits(Uint8Array.of(0xc0), 6))), 'RFC 6487 section 4.8.4'],
  bcInEE: [put('bc', ext(ID.bc, true, seq())), 'RFC 6487 section 4.8.1'],
  eku: [put('eku', ext(ID.eku, false, seq(oid('1.3.6.1.5.5.7.3.1')))), 'RFC 6487 section 4.8.5'],
  noSKI: [drop('ski'), 'RFC 6487 section 4.8.2'],
  noAKI: [drop('aki'), 'RFC 6487 section 4.8.3'],
  noCRLDP: [drop('crldp'), 'RFC 6487 section 4.8.6'],
  noAIA: [drop('aia'), 'RFC 6487 section 4.8.7'],
  noSIA: [drop('sia'), 'RFC 6487 section 4.8.8'],
  siaSignedObjHttps: [put('sia', sia(access(11, `https://${HOST}/AS64496.roa`))), 'RFC 6487 section 4.8.8'],
  siaNotifyInEE: [put('sia', sia(access(11, `${CA_REPO}AS64496.roa`), access(13, `https://${HOST}/n.xml`))), 'ok'],
  noCP: [drop('cp'), 'RFC 6487 section 4.8.9'],
  expired: [time(undefined, utcOrGeneralized(at('2026-05-01T00:00:00Z'))), 'RFC 6487 section 4.6'],
  notYet: [time(utcOrGeneralized(at('2026-07-01T00:00:00Z')), undefined), 'RFC 6487 section 4.6'],
  serialNeg: [serial(integer(-5)), 'RFC 6487 section 4.2'],
  utcAfter2050: [time(undefined, utc('600101000000Z')), 'RFC 6487 section 4.6'],
  long2060: [time(undefined, utcOrGeneralized(at('2060-01-01T00:00:00Z'))), 'ok'],
  eeSuperset: [put('ip', ip(v4(prefix([10])))), 'ok'],
  notInEE: [put('ip', ip(v4(prefix([10, 1])))), 'RFC 9582 section 5'],
  eeHasAs: [put('as', as(integer(64496))), 'RFC 9582 section 5'],
  eeInherit: [put('ip', ip(seq(octets(Uint8Array.of(0, 1)), nothing()))), 'RFC 9582 section 5'],
}

/** Defects of a BGPsec router certificate. */
export const ROUTER: CertDefects = {
  ekuCritical: [flip('eku'), 'RFC 6487 section 4.8.5'],
  asInherit: [put('as', ext(ID.as, true, seq(explicit(0, nothing())))), 'RFC 8209 section 3.1.3.5'],
  twoAs: [put('as', as(integer(64496), integer(64499))), 'RFC 8209 section 3.1.3.5'],
  ip: [put('ip', ip(v4(prefix([10])))), 'RFC 8209 section 3.1.3.4'],
  sia: [put('sia', sia(access(11, `${CA_REPO}x.roa`))), 'RFC 8209 section 3.1.3.3'],
  rsa: [() => {}, 'RFC 8608 section 3.1'],
  p384: [key(P384), 'RFC 8608 section 3.1'],
}
export const ROUTER_KEY: CertPatch = key(P256)

/** Gives a router certificate the name that RFC 8209 section 3.1.1 recommends. */
export const NAMED_ROUTER: CertPatch = (p) => {
  ROUTER_KEY(p)
  p.subject = numberedName('ROUTER-0000FBF0', 'C0000201')
}
